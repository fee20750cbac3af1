"""Kinds that run pods by a template, and the one function that finds the template of any of them."""

from __future__ import annotations

from typing import Any

from ambimigrate.kinds.base import Metadata, Object, View, kind
from ambimigrate.kinds.core import Pod
from ambimigrate.kinds.pods import PodTemplate
from ambimigrate.kinds.shared import LabelSelector
from ambimigrate.kinds.status import DaemonSetStatus, DeploymentStatus, JobStatus


class WorkloadSpec(View, frozen=True):
    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplate | None = None
    strategy: dict[str, Any] | None = None
    update_strategy: dict[str, Any] | None = None


class StatefulSetSpec(WorkloadSpec, frozen=True):
    service_name: str = ""


class RolloutSpec(WorkloadSpec, frozen=True):
    workload_ref: dict[str, Any] | None = None  # the template is that of another object


class JobTemplate(View, frozen=True):
    metadata: Metadata = Metadata()
    spec: WorkloadSpec = WorkloadSpec()


class CronJobSpec(View, frozen=True):
    job_template: JobTemplate = JobTemplate()


class VirtualMachineTemplate(View, frozen=True):
    metadata: Metadata = Metadata()


class VirtualMachineSpec(View, frozen=True):
    template: VirtualMachineTemplate = VirtualMachineTemplate()


@kind("kubevirt.io", "virtualmachines")
class VirtualMachine(Object, frozen=True):
    """A virtual machine of KubeVirt, which runs in a pod with the labels of its template."""

    spec: VirtualMachineSpec = VirtualMachineSpec()


@kind("apps", "deployments")
class Deployment(Object, frozen=True):
    spec: WorkloadSpec = WorkloadSpec()
    status: DeploymentStatus = DeploymentStatus()


@kind("apps", "statefulsets")
class StatefulSet(Object, frozen=True):
    spec: StatefulSetSpec = StatefulSetSpec()


@kind("apps", "daemonsets")
class DaemonSet(Object, frozen=True):
    spec: WorkloadSpec = WorkloadSpec()
    status: DaemonSetStatus = DaemonSetStatus()


@kind("apps", "replicasets")
class ReplicaSet(Object, frozen=True):
    spec: WorkloadSpec = WorkloadSpec()


@kind("batch", "jobs")
class Job(Object, frozen=True):
    spec: WorkloadSpec = WorkloadSpec()
    status: JobStatus = JobStatus()


@kind("batch", "cronjobs")
class CronJob(Object, frozen=True):
    spec: CronJobSpec = CronJobSpec()


@kind("argoproj.io", "rollouts", "v1alpha1")
class Rollout(Object, frozen=True):
    spec: RolloutSpec = RolloutSpec()


def pod_template(workload: Object) -> PodTemplate | None:
    """The template of the pods that `workload` runs; None if it has none, or is no workload."""
    match workload:
        case Pod():
            return PodTemplate(metadata=workload.metadata, spec=workload.spec)
        case CronJob():
            return workload.spec.job_template.spec.template
        case Deployment() | StatefulSet() | DaemonSet() | ReplicaSet() | Job() | Rollout():
            return workload.spec.template
    return None
