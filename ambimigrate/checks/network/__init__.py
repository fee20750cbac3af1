"""Rules about network policies of Kubernetes, Cilium and Calico."""
