"""EX005: TrafficExtensions before 1.30, which do not know the kind."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import TrafficExtension
from ambimigrate.model import Hit, Mesh, Resource


@rule("EX005", TrafficExtension)
def check(extension: Resource[TrafficExtension], mesh: Mesh) -> Iterator[Hit]:
    what = "lua" if extension.body.spec.lua else "wasm"
    yield Hit(
        extension.at("kind"),
        f"Istio {mesh.target.istio} has no kind TrafficExtension (new in 1.30): its {what} runs nowhere",
    )
