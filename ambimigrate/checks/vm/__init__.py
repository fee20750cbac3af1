"""Rules about virtual machines in the mesh."""
