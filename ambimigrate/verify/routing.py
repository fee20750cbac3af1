"""Compares where a request goes: field by field, with what an application cannot rely on anyway told apart as minor."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict, replace

from ambimigrate.model import Mesh
from ambimigrate.semantics import retry
from ambimigrate.semantics.decision import Decision, Outcome, Retries

ERRORS = frozenset({404, 500, 503})  # class STATUS of the reference: which of them a proxy gives is no difference that counts
_WORDS = {
    "backends": "other backends",
    "status": "another status",
    "request": "the backend gets another request",
    "response": "other response headers",
    "location": "another redirect",
    "body": "another body",
    "timeout": "another timeout",
    "retries": "other retries",
    "mirrors": "other mirrors",
    "hash": "hashed by something else",
    "fault": "other injected faults",
    "policy": "other settings of a DestinationRule",
    "tls": "another certificate or mode of TLS",
}

_OF_ZTUNNEL = {
    "retries": "nobody retries for the client, as its sidecar does by the default of the mesh",
    "policy": "ztunnel balances connections in its own way",
}


def fields(decision: Decision) -> dict[str, Any]:
    """What is compared, in plain values."""
    shares: dict[tuple[Any, ...], float] = defaultdict(float)
    for share, outcome in decision.outcomes:
        shares[_ends(outcome)] += share
    ends = sorted(((round(share, 2), *end) for end, share in shares.items()), key=repr)
    received = [each.request for _, each in decision.outcomes if each.request]
    return {
        "backends": sorted([share, list(end[1])] for share, *end in ends if end[1]),
        "status": sorted({end[0] for _, *end in ends}),
        "request": sorted({(each.method, each.path, each.host, each.headers) for each in received}, key=repr),
        "response": sorted({each.response for _, each in decision.outcomes}, key=repr),
        "location": sorted({each.location for _, each in decision.outcomes if each.location}),
        "body": sorted({each.body for _, each in decision.outcomes if each.body}),
        "timeout": decision.timeout,
        "retries": _plain(_in_time(decision)),
        "mirrors": sorted((_plain(each) for each in decision.mirrors), key=repr),
        "hash": list(decision.hash) if any("consistentHash" in each.policy for _, each in decision.outcomes) else [],
        "fault": _plain(decision.fault),
        "policy": sorted({each.policy for _, each in decision.outcomes if each.backends}),
        "ends": ends,
    }


def _in_time(decision: Decision) -> Retries | None:
    """The retries; a limit for one try that is no shorter than the whole time never ends one."""
    found, whole = decision.retries, decision.timeout
    return replace(found, per_try=0.0) if found and whole and found.per_try >= whole else found


def _ends(outcome: Outcome) -> tuple[Any, ...]:
    return outcome.status, outcome.backends, outcome.request, outcome.body, outcome.location, outcome.response, outcome.policy


def _plain(value: Any) -> Any:
    if value is None:
        return None
    found = asdict(value)
    return {name: sorted(each) if isinstance(each, frozenset) else each for name, each in found.items()}


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the fields that differ; `ends` only where the parts are the same and their combination is not."""
    found = tuple(name for name in before if name != "ends" and before[name] != after[name])
    if bool(before["backends"]) != bool(after["backends"]):
        return tuple(name for name in found if name in {"backends", "status", "location", "body"})
    return found or (("ends",) if before["ends"] != after["ends"] else ())


def is_minor(names: tuple[str, ...], before: Mapping[str, Any], after: Mapping[str, Any], mesh: Mesh) -> bool:
    """Differences that count for nobody: which error a proxy answers with and its text, and what ztunnel does in its own way.

    It repeats no requests, so those that a sidecar makes unasked end without a waypoint (conversion.md 2.9, 9 STATUS), and it
    balances by no algorithm that one could choose.
    """
    left = set(names) - {"body"} if _fails(before) and _fails(after) else set(names)
    if left == {"status"}:
        return _fails(before) and _fails(after)
    if not left:
        return True
    if after["retries"] is not None or before["retries"] not in (None, _plain(retry.mesh_default(mesh))):
        return False
    return left == {"retries"} or (left <= {"retries", "policy"} and _only_balances(before) and after["policy"] == [""])


def _only_balances(found: Mapping[str, Any]) -> bool:
    """Whether all that DestinationRules say is how the pod is picked, and near which place: ztunnel has its own way."""
    said = [json.loads(each) for each in found["policy"] if each]
    balancers = [each["loadBalancer"] for each in said if each.keys() == {"loadBalancer"}]
    return len(balancers) == len(said) and all(
        each.keys() <= {"simple", "localityLbSetting"} and each.get("simple") != "PASSTHROUGH" for each in balancers
    )


def gains_retries(names: tuple[str, ...], after: Mapping[str, Any], mesh: Mesh) -> bool:
    """Whether all that is new are the mesh's own default retries."""
    return set(names) == {"retries"} and after["retries"] == _plain(retry.mesh_default(mesh))


def _fails(found: Mapping[str, Any]) -> bool:
    return not found["backends"] and bool(found["status"]) and set(found["status"]) <= ERRORS


def signature(names: tuple[str, ...], before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Any, ...]:
    """Requests that differ in the same way share it: they meet the same pair of rules as far as can be seen."""
    kept = ("backends", "status", "timeout", "retries", "mirrors", "fault", "policy")
    return (names, *(repr(side[name]) for side in (before, after) for name in kept))


def words(names: tuple[str, ...], after: Mapping[str, Any], *, minor: bool) -> str:
    """What differs, in words."""
    if names == ("retries",) and minor and after["retries"]:
        return "the caller's sidecar does not know the host and passes requests on; the waypoint retries by the mesh's default"
    if set(names) <= _OF_ZTUNNEL.keys() and minor:
        return f"without a waypoint {' and '.join(_OF_ZTUNNEL[name] for name in names)}"
    return ", ".join(_WORDS.get(name, "another combination of outcomes") for name in names)


def text(found: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """One line about an outcome, and the fields that differ besides."""
    parts = [", ".join(f"{', '.join(each) or 'nothing'} ({share:g} %)" for share, each in found["backends"])]
    statuses = [str(each) for each in found["status"] if each not in {0, 200} or not found["backends"]]
    parts += [f"status {' or '.join(statuses)}" if statuses != ["0"] else "closed"] if statuses else []
    for name in names:
        if name not in {"backends", "status", "ends"}:
            parts.append(f"{name} {_shown(name, found[name])}")
    return "; ".join(part for part in parts if part)


def _shown(name: str, value: Any) -> str:
    match name:
        case "timeout":
            return f"{value:g} s" if value else "none"
        case "retries":
            return _retries(value) if value else "none"
        case "request":
            return " or ".join(
                " ".join((method, host + path, *(f"{k}: {v}" for k, v in lines))) for method, path, host, lines in value
            )
        case "response":
            return " or ".join(", ".join(f"{k}: {v}" for k, v in lines) or "(no headers)" for lines in value)
    return "none" if value in (None, [], (), [""]) else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _retries(value: Mapping[str, Any]) -> str:
    """What stands for itself, and the rest where it is set."""
    codes = ", ".join(map(str, value["codes"]))
    rest = [f"codes {codes}"] if codes else []
    rest += [f"{word} {value[name]:g} s" for name, word in (("per_try", "each"), ("backoff", "after")) if value[name]]
    return ", ".join((f"{value['attempts']} on {', '.join(value['conditions'])}", *rest))
