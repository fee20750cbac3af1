"""Rules about VirtualServices."""

KINDS = ("VirtualService",)
