"""Rules about Sidecar objects and the outbound policy of the mesh."""
