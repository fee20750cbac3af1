"""WL008: a script in a ConfigMap talks to the sidecar's own ports."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.workload.proxycalls import calls
from ambimigrate.kinds import ConfigMap
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection

_ENDS = {"quits": "fails", "waits": "never ends", "asks": "fails"}


@rule("WL008", ConfigMap)
def check(config: Resource[ConfigMap], mesh: Mesh) -> Iterator[Hit]:
    for key, text in config.body.data.items():
        for what, words in calls(text):
            if injection.is_meshed(mesh, config.namespace):
                said = f"{key} calls {words}; in pods without a sidecar nothing answers there and the call {_ENDS[what]}"
                yield Hit(config.at("data", key), said, what)
