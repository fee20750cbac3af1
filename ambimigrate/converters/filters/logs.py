"""Access logs that an EnvoyFilter adds to sidecars, and the provider of the mesh by which a Telemetry does the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.converters import made, twin_targets
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.twin_targets import Aim
from ambimigrate.converters.twins import Twin
from ambimigrate.kinds import Telemetry
from ambimigrate.kinds.networking import ConfigPatch
from ambimigrate.model import Mesh
from ambimigrate.topology import meshconfig, policies, protocols
from ambimigrate.topology.meshconfig import dig

_HCM = "envoy.filters.network.http_connection_manager"
_TYPE = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
_PLACE = {"listener": {"filterChain": {"filter": {"name": _HCM}}}}


class Log(Struct, frozen=True):
    """A file and a format, which is a text or the names of fields; the rest is that of other shapes."""

    path: str
    text: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    counts: bool = False
    port: int | None = None


def shape(patch: ConfigPatch) -> Log | None:
    """The log that a patch adds to every HTTP chain, None if it is anything else."""
    match = {key: value for key, value in (patch.match or {}).items() if key != "context"}
    said = dict(patch.patch or {})
    value = said.pop("value", None)
    if patch.apply_to != "NETWORK_FILTER" or match != _PLACE or said != {"operation": "MERGE"} or not isinstance(value, dict):
        return None
    config = value.get("typed_config")
    if value.keys() - {"name"} != {"typed_config"} or value.get("name", _HCM) != _HCM or not isinstance(config, dict):
        return None
    logs = config.get("access_log")
    if config.keys() != {"@type", "access_log"} or config["@type"] != _TYPE or not isinstance(logs, list) or len(logs) != 1:
        return None
    return _log(logs[0])


def _log(log: Any) -> Log | None:
    if not isinstance(log, dict) or log.keys() != {"name", "typed_config"} or not isinstance(log["typed_config"], dict):
        return None
    config = log["typed_config"]
    path, form = config.get("path"), config.get("log_format")
    if config.keys() != {"@type", "path", "log_format"} or config["@type"] != _FILE or not isinstance(path, str):
        return None
    match form:
        case {"text_format_source": {"inline_string": str(text), **more}, **rest} if not more and not rest:
            return Log(path, text)
        case {"json_format": dict(labels), **rest} if not rest and all(isinstance(each, str) for each in labels.values()):
            return Log(path, labels=tuple(sorted(labels.items())))
    return None


def provider(mesh: Mesh, log: Log) -> str | None:
    """The extension provider that logs the same, where sidecars write no other log (a Telemetry takes the place of those)."""
    if _logs_more(mesh):
        return None
    lists = (each.value for each in meshconfig.settings(mesh, "extensionProviders") if isinstance(each.value, list))
    entries = (each for found in lists for each in found if isinstance(each, dict))
    return next((str(each["name"]) for each in entries if each.get("name") and _is_same(each, log)), None)


def _logs_more(mesh: Mesh) -> bool:
    settings = (*meshconfig.settings(mesh, "accessLogFile"), *meshconfig.settings(mesh, "defaultProviders", "accessLogging"))
    return any(each.value for each in settings) or any(
        each.body.spec.access_logging for each in mesh.of(Telemetry) if not made.is_ours(each)
    )


def _is_same(entry: Mapping[str, Any], log: Log) -> bool:
    """Istio ends a text format with a newline (pilot/pkg/model/telemetry_logging.go `fileAccessLogFormat`)."""
    config = entry.get("envoyFileAccessLog")
    if not isinstance(config, dict) or config.keys() - {"path", "logFormat"} or config.get("path") != log.path:
        return False
    text, labels = dig(config, ("logFormat", "text")), dig(config, ("logFormat", "labels"))
    if isinstance(labels, dict) and labels and text is None:
        return log.labels == tuple(sorted(labels.items()))
    return (
        isinstance(text, str) and text != "" and labels is None and log.text == (text if text.endswith("\n") else f"{text}\n")
    )


def other_port(aim: Aim) -> tuple[str, int] | None:
    """A port that carries no HTTP: nothing is logged there today."""
    ports = ((each.name, port) for each in aim.services for port in each.body.spec.ports)
    return next(((name, port.port) for name, port in ports if not protocols.carries_http(port)), None)


def twin(mesh: Mesh, aim: Aim, plan: Plan, log: Log) -> Iterator[Twin]:
    """The Telemetry by which the waypoints of the Services write the log. Raises Refused."""
    if policies.form(mesh, aim.subject) == policies.ROOT or policies.is_root(mesh, aim.subject):
        reason = "it logs for the whole mesh: write a Telemetry without selector in the root namespace"
        raise Refused("observe", ("spec", "configPatches"), reason)
    if (far := twin_targets.foreign(aim, plan)) is not None:
        reason = f"the waypoint of {far.name} lies in another namespace, which may log in another way"
        raise Refused("observe", ("spec", "configPatches"), reason)
    if (other := other_port(aim)) is not None:
        reason = f"a Telemetry also logs connections to {other[0]}:{other[1]}, which carries no HTTP"
        raise Refused("observe", ("spec", "configPatches"), reason)
    spec = {"accessLogging": [{"providers": [{"name": provider(mesh, log)}]}]}
    for namespace, refs in twin_targets.targets(mesh, aim, plan):
        yield Twin(Telemetry, "telemetry.istio.io/v1", namespace, {"targetRefs": list(refs), **spec})
