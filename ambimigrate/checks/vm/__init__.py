"""Rules about virtual machines in the mesh."""

KINDS = ("WorkloadGroup", "WorkloadEntry", "ServiceEntry")
