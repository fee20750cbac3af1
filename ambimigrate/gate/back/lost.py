"""AP802, RA802: a Service of a migrated namespace keeps its waypoint and loses a policy there.

A policy that was renamed, or whose rules stand in others now, is not lost; nor is one that a new one of its kind and action
replaces: how a rule is worded is for those who review it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Name, Pair, name, same, served
from ambimigrate.gate.back.protection import admits_all, holds, is_served, parts
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication
from ambimigrate.model import Resource, grouped
from ambimigrate.topology import attachment, reach, ztunnel

Loss = tuple[tuple[Name, str], tuple[Resource[Any], Resource[Any]]]  # the policy and the case; on what, and of what Service


def authorization(pair: Pair) -> Iterator[Found]:
    """AP802."""
    yield from _check(pair, AuthorizationPolicy)


def tokens(pair: Pair) -> Iterator[Found]:
    """RA802."""
    yield from _check(pair, RequestAuthentication)


def _check(pair: Pair, kind: type[Any]) -> Iterator[Found]:
    """One finding for each policy, for all the Services that lose it."""
    if pair.before is None:
        return
    losses = [loss for was in served(pair.before, pair.migrated) for loss in _losses(pair, was, kind)]
    for ((_, _, policy), case), members in grouped(losses).items():
        on = members[0][0]
        names = reach.listed(target.name for _, target in members)
        said = {
            "target": f"its targetRefs no longer reach {names}, and nothing like it does",
            "deleted": f"{kind.__name__} {policy} is gone, and nothing like it holds for {names}",
            "emptied": f"it keeps nothing out of {names} any more",
            "opened": f"it admits everybody to {names}, whatever other policies say",
        }
        route = ("spec",) if case != "deleted" else ("metadata", "name")
        yield Found(on, route, f"fails open: {said[case]}", case)


def _losses(pair: Pair, was: Resource[Any], kind: type[Any]) -> Iterator[Loss]:
    assert pair.before is not None
    target = same(pair.after, was)
    if target is None or not is_served(pair.after, target):
        return
    had = list(attachment.attached(pair.before, was, kind))
    has = list(attachment.attached(pair.after, target, kind))
    if kind is AuthorizationPolicy:
        yield from _allows(pair, target, [each for each in had if _action(each) == "ALLOW"], has)
        had = [each for each in had if _action(each) != "ALLOW"]
    for policy in filter(holds, had):
        alike = [each for each in has if _action(each) == _action(policy) and holds(each)]
        if not _is_replaced(policy, alike, {name(each) for each in had}):
            yield _loss(pair, policy, target, has)


def _allows(pair: Pair, target: Resource[Any], had: list[Resource[Any]], has: list[Resource[Any]]) -> Iterator[Loss]:
    """ALLOWs keep out whom none of them names, until none is left or one admits everybody."""
    if not any(map(holds, had)) or any(map(_opens, had)):
        return
    opening = next(filter(_opens, has), None)
    if opening is not None:
        yield (name(opening), "opened"), (opening, target)
    elif not any(_action(each) == "ALLOW" and holds(each) for each in has):
        yield _loss(pair, next(filter(holds, had)), target, has)


def _opens(policy: Resource[Any]) -> bool:
    return admits_all(policy) and not ztunnel.is_dry_run(policy.body)


def _action(policy: Resource[Any]) -> str:
    """What it does; RequestAuthentications all do the same."""
    return getattr(policy.body.spec, "action", "") or "ALLOW"


def _is_replaced(policy: Resource[Any], alike: list[Resource[Any]], known: set[Name]) -> bool:
    """Whether it is still there, a new one stands for it, or others hold all that it says."""
    if any(name(each) == name(policy) or name(each) not in known for each in alike):
        return True
    return parts((policy,)) <= parts(alike)


def _loss(pair: Pair, policy: Resource[Any], target: Resource[Any], has: list[Resource[Any]]) -> Loss:
    now = same(pair.after, policy)
    if now is None:
        return (name(policy), "deleted"), (target, target)
    is_attached = any(name(each) == name(policy) for each in has)
    return (name(policy), "emptied" if is_attached else "target"), (now, target)
