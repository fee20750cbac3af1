"""The readers of the world: files and clusters."""
