"""Takes an Istio mesh from sidecars to ambient mode."""

__version__ = "0.1.0"
