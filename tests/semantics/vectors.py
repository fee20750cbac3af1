"""Observed decisions: how a case becomes a mesh, and a decision the record that a case holds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ambimigrate.kinds import KINDS
from ambimigrate.model import Mesh, Position, Ref, Resource, Route, Target
from ambimigrate.semantics.decision import Client, Decision, Outcome, Request, Retries
from ambimigrate.versions import NEWEST_GATEWAY_API, parse

OBSERVED = "1.32.0"
UNSET = 15.0  # what the records of direct responses with status 503 read from the action that such a route does not have
REPLY = (("x-resp", "orig"),)


class Nowhere:
    """An object that stands in no file."""

    file = "vectors"

    def at(self, route: Route) -> Position:
        return Position(self.file, None, None, route)


def cases(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def mesh(case: dict[str, Any], version: str = OBSERVED) -> Mesh:
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "labels": labels}}
        for name, labels in case["pods"].items()
    ]
    resources = tuple(_resource(tree) for tree in (*case["objects"], *pods))
    return Mesh(case["id"], resources, Target(parse(version), NEWEST_GATEWAY_API))


def _resource(tree: dict[str, Any]) -> Resource[Any]:
    group = tree["apiVersion"].rpartition("/")[0]
    view = KINDS[group, tree["kind"]]
    body = msgspec.convert(tree, view)
    namespace = body.metadata.namespace if view.NAMESPACED else ""
    return Resource(Ref(tree["kind"], group, namespace, body.metadata.name), body, Nowhere())


def client(case: dict[str, Any]) -> Client:
    found = case["client"]
    return Client(found.get("namespace", "default"), tuple(sorted(found.get("labels", {}).items())))


def request(record: dict[str, Any]) -> Request:
    headers = tuple((name, value) for name, value in record["headers"])
    return Request(record["to"], record["port"], record["method"], record["path"], record["host"], headers, reply=REPLY)


def observed(decision: dict[str, Any]) -> dict[str, Any]:
    """A recorded decision in an order of its own, equal outcomes added up."""
    found = dict(decision)
    if found.get("timeout") == UNSET and "retries" not in found and all(each["status"] == 503 for _, each in found["outcomes"]):
        del found["timeout"]
    found["outcomes"] = _added((share, outcome) for share, outcome in decision["outcomes"])
    if "mirrors" in found:
        found["mirrors"] = sorted([pods, round(share, 2)] for pods, share in found["mirrors"])
    if "retries" in found:
        found["retries"] = found["retries"] | {"on": sorted(set(found["retries"]["on"]))}
    return found


def _added(outcomes: Any) -> dict[str, float]:
    shares: dict[str, float] = defaultdict(float)
    for share, outcome in outcomes:
        shares[json.dumps(outcome, sort_keys=True)] += share
    return {outcome: round(share, 4) for outcome, share in shares.items()}


def agree(got: dict[str, Any], want: dict[str, Any]) -> bool:
    """Whether two records are the same, but for the rounding of percentages."""
    left, right = got["outcomes"], want["outcomes"]
    return (
        left.keys() == right.keys()
        and all(abs(share - right[outcome]) < 0.01 for outcome, share in left.items())
        and got | {"outcomes": None} == want | {"outcomes": None}
    )


def record(decision: Decision) -> dict[str, Any]:
    """A decision as the vectors write it."""
    found: dict[str, Any] = {"outcomes": _added((share, _outcome(each)) for share, each in decision.outcomes)}
    if decision.timeout is not None:
        found["timeout"] = decision.timeout
    if decision.retries is not None:
        found["retries"] = _retries(decision.retries)
    if decision.mirrors:
        missing = ["(missing cluster)"]
        pods = (
            [missing if each.backends is None else list(each.backends), round(each.percentage, 2)] for each in decision.mirrors
        )
        found["mirrors"] = sorted(pods)
    if decision.hash:
        found["hash"] = list(decision.hash)
    if decision.fault is not None:
        both = (("delay", decision.fault.delay), ("abort", decision.fault.abort))
        found["fault"] = {name: list(fault) for name, fault in both if fault}
    if decision.unmatched:
        found["unmatched"] = True
    return found


def _outcome(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = {"status": outcome.status, "response": [list(each) for each in outcome.response]}
    if outcome.request is None:
        found["body"] = outcome.body
        return found | ({"location": outcome.location} if outcome.location is not None else {})
    sent = outcome.request
    found["pods"] = list(outcome.backends)
    found["request"] = {
        "method": sent.method,
        "path": sent.path,
        "host": sent.host,
        "headers": [list(each) for each in sent.headers],
    }
    return found


def _retries(retries: Retries) -> dict[str, Any]:
    return {
        "n": retries.attempts,
        "on": sorted(retries.conditions),
        "codes": list(retries.codes),
        "per_try": retries.per_try,
        "backoff": retries.backoff,
        "localities": retries.other_localities,
        "previous_hosts": retries.other_hosts,
    }
