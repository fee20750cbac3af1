"""Rules about VirtualServices."""
