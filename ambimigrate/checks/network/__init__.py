"""Rules about network policies of Kubernetes, Cilium and Calico."""

KINDS = (
    "NetworkPolicy",
    "CiliumNetworkPolicy",
    "CiliumClusterwideNetworkPolicy",
    "CalicoNetworkPolicy",
    "CalicoGlobalNetworkPolicy",
    "CalicoStoredNetworkPolicy",
    "CalicoStoredGlobalNetworkPolicy",
)
