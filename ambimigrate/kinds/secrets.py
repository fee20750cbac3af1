"""Secrets in files, of which no more than the name and the labels is read; those of a cluster are never asked for."""

from __future__ import annotations

from ambimigrate.kinds.base import Object

REMOTE = "istio/multiCluster"  # istioctl create-remote-secret: the label of a Secret that lets istiod into another cluster


class RemoteSecret(Object, frozen=True):
    """A Secret that lets istiod read another cluster. What it was decoded from holds no data any more (yamlio.outline)."""
