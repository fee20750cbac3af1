"""CT002: a policy of admission demands sidecars, or labels namespaces for injection again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import strings
from ambimigrate.kinds import ClusterPolicy, ConstraintTemplate, KyvernoPolicy, ValidatingAdmissionPolicy
from ambimigrate.model import Hit, Mesh, Resource, Route

_KEYS = ("istio-injection", "sidecar.istio.io/inject")
_PROXY = "istio-proxy"  # the container that a policy may demand by name; most that name it leave it out of what they demand
_HAS_PROXY = re.compile(rf"\bexists\w*\(\s*\w+\s*,[^()]*==\s*['\"]{_PROXY}['\"]\s*\)")  # in CEL
_PATTERNS = frozenset({"pattern", "anyPattern"})
_ON = ("enabled", "true")


@rule("CT002", ClusterPolicy, KyvernoPolicy, ConstraintTemplate, ValidatingAdmissionPolicy)
def check(policy: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(policy.body, ClusterPolicy | KyvernoPolicy):
        yield from _of_kyverno(policy)
        return
    field = "targets" if isinstance(policy.body, ConstraintTemplate) else "validations"
    for route, text in strings(getattr(policy.body.spec, field)):
        word = next((each for each in _KEYS if each in text), _PROXY if _HAS_PROXY.search(text) else None)
        if word is not None:
            said = f"{policy.name} judges {word}: what has no sidecar is refused once namespaces are ambient"
            yield Hit(policy.at("spec", field, *route), said, "demands")
            return


def _of_kyverno(policy: Resource[Any]) -> Iterator[Hit]:
    for i, each in enumerate(policy.body.spec.rules):
        if not isinstance(each, dict):
            continue
        name = each.get("name", i)
        if (found := _asked(each.get("mutate"))) is not None:
            yield Hit(
                policy.at("spec", "rules", i, "mutate", *found[0]),
                f"rule {name} sets {found[1]} again: Kyverno brings the sidecars back to namespaces and pods that are moved",
                "mutates",
            )
        elif (found := _asked(each.get("validate")) or _proxy(each.get("validate"))) is not None:
            yield Hit(
                policy.at("spec", "rules", i, "validate", *found[0]),
                f"rule {name} demands {found[1]}: Kyverno refuses namespaces and pods without a sidecar",
                "demands",
            )


def _asked(part: Any) -> tuple[Route, str] | None:
    """Where a part of a rule asks for injection: a key with a value that switches it on, or text that names it."""
    for route, text in strings(part):
        key = next((each for each in _KEYS if any(isinstance(step, str) and each in step for step in route)), None)
        if key is not None and text.strip("\"'?*") in {*_ON, ""}:
            return route, f"{key}={text}"
        if any(f"{each}" in text and any(on in text for on in _ON) for each in _KEYS) and "message" not in route:
            return route, next(each for each in _KEYS if each in text)
    return None


def _proxy(part: Any) -> tuple[Route, str] | None:
    """Where a pattern of a rule demands the sidecar's container; `(name)` would only choose it."""
    named = (route for route, text in strings(part) if text == _PROXY and route[-1] == "name")
    return next(((route, f"container {_PROXY}") for route in named if not _PATTERNS.isdisjoint(route)), None)
