"""Patches that no kustomization of the tree names: parts of objects, which the API would refuse, beside the whole ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambimigrate.kinds import CronJob, DaemonSet, Deployment, DestinationRule, IstioGateway, Job, Pod, ReplicaSet, StatefulSet
from ambimigrate.kinds.workloads import pod_template
from ambimigrate.model import Resource
from ambimigrate.yamlio import Document

_RUNNING = (CronJob, DaemonSet, Deployment, Job, Pod, ReplicaSet, StatefulSet)
Whole = tuple[str, str, str]  # group, kind and name: a patch often leaves the namespace out


def is_directive(tree: Any) -> bool:
    """Whether a value holds a directive of a strategic merge patch."""
    if isinstance(tree, dict):
        return "$patch" in tree or any(is_directive(each) for each in tree.values())
    return isinstance(tree, list) and any(is_directive(each) for each in tree)


def fragments(resources: Iterable[Resource[Any]], used: Mapping[str, Any]) -> Iterator[tuple[Resource[Any], Resource[Any]]]:
    """The objects that are no more than patches, each with the whole object that it is a part of.

    What a kustomization applies is an object whatever it lacks, and so is what has no whole object of its name.
    """
    every = list({id(each.body): each for each in resources}.values())
    partial = [each for each in every if type(each.origin) is Document and each.file not in used and _is_part(each)]
    wanted = {_whole(each) for each in partial}
    known: dict[Whole, Resource[Any]] = {}
    for each in every if wanted else ():
        if _whole(each) in wanted and not _is_part(each):
            known.setdefault(_whole(each), each)
    yield from ((each, known[_whole(each)]) for each in partial if _whole(each) in known)


def _whole(resource: Resource[Any]) -> Whole:
    return resource.ref.group, resource.kind, resource.name


def _is_part(resource: Resource[Any]) -> bool:
    """Whether it lacks what its API requires: selector or image of a workload, host of a rule, servers of a gateway."""
    body = resource.body
    match body:
        case DestinationRule():
            return not body.spec.host
        case IstioGateway():
            return not body.spec.servers
        case DaemonSet() | Deployment() | ReplicaSet() | StatefulSet() if body.spec.selector is None:
            return not isinstance(resource.origin, Document) or "v1beta" not in resource.origin.text  # there it has a default
        case _ if isinstance(body, _RUNNING):
            template = pod_template(body)
            return template is not None and not any(each.image for each in template.spec.containers)
    return False
