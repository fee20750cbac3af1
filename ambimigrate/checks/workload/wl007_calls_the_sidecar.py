"""WL007: a command or script talks to the sidecar's own ports, where nothing listens any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, containers, subject, texts
from ambimigrate.checks.workload.proxycalls import calls
from ambimigrate.kinds import Job
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import KINDS, Workload

_TOOLS = ("scuttle", "envoy-preflight")
_VARIABLES = frozenset({"ENVOY_ADMIN_API", "ISTIO_QUIT_API", "NEVER_KILL_ISTIO"})
_ENDS = {
    "quits": "nothing answers without a sidecar: the command fails",
    "waits": "nothing answers without a sidecar: it waits for ever",
    "asks": "nothing answers without a sidecar: the command fails",
}


@rule("WL007", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None:
        return
    helped = False
    for route, each in containers(workload):
        for tool in _TOOLS:
            if any(tool in text.split("/")[-1] for text in (each.image.partition(":")[0], *each.command[:1], *each.args[:1])):
                helped = True
                yield Hit(
                    at(workload, *route), f"{workload} starts through {tool}, which waits for a sidecar and ends it", "tool"
                )
        for i, variable in enumerate(each.env):
            if variable.name in _VARIABLES and not helped:
                helped = True
                said = f"{variable.name} points {workload} to the API of a sidecar that it no longer has"
                yield Hit(at(workload, *route, "env", i), said, "tool")
    if not helped:
        yield from _commands(workload)


def _commands(workload: Workload) -> Iterator[Hit]:
    for route, text in texts(workload):
        for what, words in calls(text):
            again = ", and is tried again" if what == "quits" and isinstance(workload.resource.body, Job) else ""
            yield Hit(at(workload, *route), f"{workload} calls {words}; {_ENDS[what]}{again}", what)
