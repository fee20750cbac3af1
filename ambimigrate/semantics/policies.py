"""DestinationRules: the settings with which a proxy connects to a destination.

Istio, pilot/pkg/networking/util/util.go `MergeSubsetTrafficPolicy`, `GetPortLevelTrafficPolicy`, and
pilot/pkg/model/destination_rule.go `MergeTrafficPolicy`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from ambimigrate.kinds import DestinationRule
from ambimigrate.kinds.traffic import PortTrafficPolicy, TrafficPolicy
from ambimigrate.model import Resource

_BY_PORT = ("connection_pool", "outlier_detection", "load_balancer", "tls")
_ALL = (*_BY_PORT, "tunnel", "proxy_protocol", "retry_budget")
_OF_THE_MESH = frozenset({"ISTIO_MUTUAL", "DISABLE"})  # HBONE carries the traffic of ambient callers, whatever these say


def effective(rules: Iterable[Resource[DestinationRule]], port: int, subset: str) -> str:
    """The settings as text, "" for those of the mesh; `rules` are those of one host, the oldest first."""
    specs = [each.body.spec for each in rules]
    whole = next((each.traffic_policy for each in specs if each.traffic_policy), None)
    chosen = next((each.traffic_policy for spec in specs for each in spec.subsets if subset and each.name == subset), None)
    found = {name: value for name, value in (_level(whole, port) | _override(chosen, port)).items() if value}
    if found.get("tls", {}).get("mode") in _OF_THE_MESH:
        del found["tls"]
    return json.dumps(found, sort_keys=True) if found else ""


def _level(policy: TrafficPolicy | None, port: int) -> dict[str, Any]:
    """An entry for the port replaces all that stands at the top."""
    entry = _entry(policy, port)
    return _set(entry, _BY_PORT) if entry is not None else _set(policy, _ALL)


def _override(policy: TrafficPolicy | None, port: int) -> dict[str, Any]:
    """What a subset sets counts; an entry for the port unsets those of its four fields that it leaves out."""
    entry = _entry(policy, port)
    if entry is None:
        return _set(policy, _ALL)
    return _set(policy, _ALL) | {_camel(name): {} for name in _BY_PORT} | _set(entry, _BY_PORT)


def _entry(policy: TrafficPolicy | None, port: int) -> PortTrafficPolicy | None:
    settings = policy.port_level_settings if policy else ()
    return next((each for each in settings if each.port and each.port.number == port), None)


def _set(policy: TrafficPolicy | PortTrafficPolicy | None, names: Iterable[str]) -> dict[str, Any]:
    values = ((name, getattr(policy, name)) for name in names if policy is not None)
    return {_camel(name): _pruned(msgspec.to_builtins(value)) for name, value in values if value is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _pruned(tree: Any) -> Any:
    """Without what is not set."""
    if isinstance(tree, dict):
        return {key: _pruned(value) for key, value in tree.items() if value not in (None, "", [], {}, False)}
    return tree
