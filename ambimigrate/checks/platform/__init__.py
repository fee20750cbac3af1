"""Rules about the platform: how Istio is installed, the network under the mesh, versions, certificates, images."""

KINDS = (
    "Mesh",
    "IstioOperator",
    "SailIstio",
    "ConfigMap",
    "HelmRelease",
    "Namespace",
    "DaemonSet",
    "Deployment",
    "StatefulSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "Rollout",
    "Pod",
    "FelixConfiguration",
    "StoredFelixConfiguration",
    "SecurityGroupPolicy",
    "OpenShiftNetwork",
)
