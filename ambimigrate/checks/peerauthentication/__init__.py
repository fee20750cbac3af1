"""Rules about PeerAuthentications, and about namespaces that have none."""
