"""SC005: outbound listeners of a Sidecar on addresses of their own, on which nothing listens any more."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.sidecar.scope import namespaces
from ambimigrate.kinds import Sidecar
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("SC005", Sidecar)
def check(sidecar: Resource[Sidecar], mesh: Mesh) -> Iterator[Hit]:
    own = namespaces(mesh, sidecar)
    if not own:
        return
    for number, listener in enumerate(sidecar.body.spec.egress):
        if not listener.bind and listener.capture_mode != "NONE":
            continue
        port = f":{listener.port.number}" if listener.port and listener.port.number else ""
        yield Hit(
            sidecar.at("spec", "egress", number, "bind" if listener.bind else "captureMode"),
            f"pods of {reach.listed(own)} that call {listener.bind or 'localhost'}{port} find no listener, the sidecar had it",
        )
