"""Whom a closing rule has to refuse: those whom a rule about requests can mean, as far as ztunnel can tell them apart.

What is left of a rule without its fields about requests means all that the rule means, and perhaps more, never less:
sidecars read `cluster.local` and aliases as the mesh's trust domain, so identities are compared without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.converters.policies import classify
from ambimigrate.kinds.security import Condition, Operation, Rule, RuleFrom, Source
from ambimigrate.topology import ztunnel
from ambimigrate.versions import Version, at_least

SHORTHAND = "cluster.local"  # sidecars read it as the mesh's own trust domain
PRINCIPAL, NAMESPACE = _KEYS = "source.principal", "source.namespace"
_ACCOUNT = re.compile(r"[^/*]+(/ns/[^/*]+/sa/[^/*]+)")
_SUFFIX = re.compile(r"\*[a-z0-9/-]*")  # sidecars read the rest as a regular expression
_NAMESPACE = re.compile(r"[^/*]+/ns/([^/*]+)/(?:sa/)?[^/*]*\*")


class Reading(Struct, frozen=True):
    """With what a policy is read: its namespace, the release, and the trust domain (a wrong one only denies)."""

    namespace: str
    istio: Version
    domain: str


class Closing(Struct, frozen=True):
    """A closing rule without the waypoints: whom it leaves out, whom alone it means (by a condition), and at which ports."""

    excepted: tuple[str, ...] = ()
    wanted: tuple[Condition, ...] = ()
    operations: tuple[Operation, ...] = ()

    def means(self, principal: str) -> bool:
        """Whether the caller with this identity is refused at some port."""
        source = Source(not_principals=self.excepted)
        return classify.source_meets(source, principal) and all(
            classify.condition_meets(each, principal) for each in self.wanted
        )

    def opened(self, ports: tuple[str, ...], principals: tuple[str, ...]) -> Iterator[Closing]:
        """The same but for these identities, and for callers without one at these ports."""
        excepted = (*self.excepted, *principals)
        if not ports or self.wanted:  # whom alone it means has an identity
            yield Closing(excepted, self.wanted, self.operations)
            return
        where = self.operations[0] if self.operations else Operation()
        meant = where.ports or ports
        both = tuple(each for each in meant if each in ports and each not in where.not_ports)
        if where.ports and (left := tuple(each for each in where.ports if each not in both)):
            yield Closing(excepted, (), (Operation(ports=left),))
        elif not where.ports:
            yield Closing(excepted, (), (Operation(not_ports=tuple(dict.fromkeys((*where.not_ports, *both)))),))
        if both:
            yield Closing(excepted, (Condition(PRINCIPAL, ("*",)),), (Operation(ports=both),))

    def rule(self, own: tuple[str, ...], *, early: bool) -> dict[str, Any]:
        """The rule of a DENY; `early` while pods with sidecars are left."""
        source: dict[str, Any] = {"notPrincipals": list(dict.fromkeys((*own, *self.excepted)))}
        if early:
            source["requestPrincipals"] = [ztunnel.NOBODY]
        found: dict[str, Any] = {"from": [{"source": source}]}
        if self.operations:
            found["to"] = [{"operation": _operation(each)} for each in self.operations]
        if self.wanted:
            found["when"] = [{"key": each.key, "values": list(each.values)} for each in self.wanted]
        return found


def _operation(operation: Operation) -> dict[str, Any]:
    fields = {"ports": operation.ports, "notPorts": operation.not_ports}
    return {name: list(values) for name, values in fields.items() if values}


def closings(rules: Iterable[Rule], reading: Reading, apart: tuple[str, ...]) -> tuple[Closing, ...]:
    """What has to be closed for these rules, but for the ports `apart`; one for everybody stands for all."""
    found = tuple(dict.fromkeys(each for rule in rules for each in _closing(rule, reading, apart)))
    whole = Closing(operations=(Operation(not_ports=apart),) if apart else ())
    return (whole,) if whole in found else found


def _closing(rule: Rule, reading: Reading, apart: tuple[str, ...]) -> Iterator[Closing]:
    where = _operation_of(rule, apart)
    if where is None:
        return
    operations = () if where == Operation() else (where,)
    for each in rule.from_ or (RuleFrom(),):
        source = each.source or Source()
        excepted = tuple(_excepted(source, reading))
        yield from (Closing(excepted, wanted, operations) for wanted in _wanted(source, reading))


# --- at which ports -------------------------------------------------------------------------------------------------


def _operation_of(rule: Rule, apart: tuple[str, ...]) -> Operation | None:
    """The ports of a rule, of which `apart` are left out; None if none is left."""
    said = [each.operation or Operation() for each in rule.to]
    if not said or not all(each.ports for each in said):
        return Operation(not_ports=apart)
    ports = (port for each in said for port in each.ports if port not in {*each.not_ports, *apart})
    left = tuple(dict.fromkeys(ports))
    return Operation(ports=left) if left else None


# --- whom -----------------------------------------------------------------------------------------------------------


def _wanted(source: Source, reading: Reading) -> Iterator[tuple[Condition, ...]]:
    """Whom alone a source means, one condition for each way to say it; no condition if that cannot be said."""
    pairs = [_pair(each) for each in source.principals]
    if pairs and all(pairs):
        for key in _KEYS:
            if values := tuple(dict.fromkeys(each[1] for each in pairs if each and each[0] == key)):
                yield (Condition(key, values),)
    elif source.namespaces and all(map(_is_plain, source.namespaces)):
        yield (Condition(NAMESPACE, source.namespaces),)
    elif (
        source.service_accounts
        and _knows_accounts(reading)
        and all(map(_SUFFIX.fullmatch, ("*" + each for each in source.service_accounts)))
    ):
        yield (Condition(PRINCIPAL, tuple(_of_account(each, reading.namespace) for each in source.service_accounts)),)
    else:
        yield ()


def _pair(principal: str) -> tuple[str, str] | None:
    """The attribute and the value by which ztunnel knows the caller in any trust domain."""
    if found := _ACCOUNT.fullmatch(principal):
        return PRINCIPAL, f"*{found[1]}"
    if found := _NAMESPACE.fullmatch(principal):
        return NAMESPACE, found[1]
    return (PRINCIPAL, principal) if _SUFFIX.fullmatch(principal) else None


def _of_account(account: str, namespace: str) -> str:
    own, slash, name = account.partition("/")
    return f"*/ns/{own}/sa/{name}" if slash else f"*/ns/{namespace}/sa/{account}"


def _is_plain(namespace: str) -> bool:
    """Whether sidecar and ztunnel read the same: a name, or the beginning of one."""
    return bool(namespace.rstrip("*")) and "*" not in namespace[:-1]


def _knows_accounts(reading: Reading) -> bool:
    return at_least(reading.istio, "1.25.0")  # the field does not exist before


def _excepted(source: Source, reading: Reading) -> Iterator[str]:
    """The identities out of a source: no more than sidecars take out of it."""
    for each in source.not_principals:
        domain, slash, rest = each.partition("/")
        if not each.startswith("spiffe://"):
            yield f"{reading.domain}{slash}{rest}" if domain == SHORTHAND and _ACCOUNT.fullmatch(each) else each
    for name in source.not_namespaces:
        if _is_plain(name):
            yield f"{reading.domain}/ns/{name}" if name.endswith("*") else f"{reading.domain}/ns/{name}/*"
    if _knows_accounts(reading):
        yield from (_of_account(each, reading.namespace) for each in source.not_service_accounts if "*" not in each)
