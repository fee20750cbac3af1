"""PF024: namespaces of the mesh that istiod does not watch, so that ztunnel knows nothing of their pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import ValidationError, convert

from ambimigrate.checks import rule
from ambimigrate.checks.pods import sequence
from ambimigrate.kinds import Namespace
from ambimigrate.kinds.shared import LabelSelector
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, meshconfig, networks


@rule("PF024", Namespace)
def check(namespace: Resource[Namespace], mesh: Mesh) -> Iterator[Hit]:
    selectors = [each for one in meshconfig.settings(mesh, "discoverySelectors") for each in sequence(one.value)]
    if not selectors or not injection.is_meshed(mesh, namespace.name):
        return
    labels = {networks.NAME: namespace.name, **namespace.body.metadata.labels}
    if not any(_selects(each, labels) for each in selectors):
        yield Hit(
            namespace.at("metadata", "labels"),
            f"no discoverySelectors of MeshConfig choose {namespace.name}: ztunnel knows nothing of its pods and Services",
        )


def _selects(said: Any, labels: Mapping[str, str]) -> bool:
    """Whether a selector of MeshConfig means a namespace; one of another shape is taken to."""
    try:
        return networks.selects(convert(said, LabelSelector), labels)
    except ValidationError:
        return True
