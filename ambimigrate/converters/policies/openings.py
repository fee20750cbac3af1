"""What stays open past the waypoint: ports for callers without identity, and known callers by name, if that was agreed to.

Nobody judges requests there, so that an opening is a difference that fails open, written only when it is accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Edit, Note, Set
from ambimigrate.converters.outcome import Difference, Refused
from ambimigrate.converters.policies import direct
from ambimigrate.converters.policies.targets import Policy, Subject
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds.security import Operation, Rule, Source
from ambimigrate.model import Mesh, Position, Route
from ambimigrate.topology import injection, mtls, policies

OPEN, PAST = "AP910", "AP906"
TEMPORARY = "ambimigrate.io/temporary"  # the annotation of a policy: the callers in it that leave at `tighten`
NOTE: Route = ("metadata", "annotations", TEMPORARY)
ANYBODY = "*"  # as a principal: whoever has an identity (ztunnel, src/rbac.rs `StringMatch::Presence`)
_ORDER = {direct.GATEWAY, direct.SIDECARS}


class Opening(Struct, frozen=True):
    """Who may still come past the waypoint: at these ports without an identity, with these, with these for a while."""

    ports: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    temporary: tuple[str, ...] = ()
    callers: tuple[direct.Direct, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """All identities."""
        return (*self.principals, *self.temporary)

    @property
    def settled(self) -> tuple[str, ...]:
        """The findings that are settled by it."""
        return tuple(dict.fromkeys(each.answers[0] for each in self.callers if each.answers[0]))

    @property
    def sources(self) -> tuple[Position, ...]:
        """Where these stand."""
        return tuple(dict.fromkeys(place for each in self.callers for place in each.answers[1]))

    def rules(self) -> Iterator[dict[str, Any]]:
        """The rules of an ALLOW that let them in: sidecars and ztunnel read them in the same way."""
        if self.named:
            yield {"from": [{"source": {"principals": list(self.named)}}]}
        if self.ports:
            source = {"notPrincipals": [ANYBODY]}
            yield {"from": [{"source": source}], "to": [{"operation": {"ports": list(self.ports)}}]}


CLOSED = Opening()


def may_open(policy: Policy, settings: Settings) -> bool:
    """Whether an opening of the policy was agreed to, whomever it is for."""
    return bool(settings.accepted) and any(settings.accepts(id, policy) for id in (OPEN, PAST))


def agreed(mesh: Mesh, subject: Subject, past: Iterable[direct.Direct], settings: Settings) -> Opening:
    """The opening for the callers that are seen, as far as it was accepted for the policy."""
    if subject.is_root and subject.action == "ALLOW":
        return CLOSED
    found = [each for each in past if settings.accepts(PAST if each.kind in _ORDER else OPEN, subject.policy)]
    ports = {port for each in found for port in each.ports if _is_reached(mesh, subject, port)}
    let = [each for each in found if each.principals or ports.intersection(each.ports)]
    lasting = (name for each in let if each.kind != direct.SIDECARS for name in each.principals)
    fleeting = (name for each in let if each.kind == direct.SIDECARS for name in each.principals)
    return Opening(
        tuple(sorted(ports, key=int)),
        tuple(dict.fromkeys(lasting)),
        tuple(dict.fromkeys(fleeting)),
        tuple(let),
        tuple(_difference(subject, each, ports) for each in let),
    )


def _is_reached(mesh: Mesh, subject: Subject, port: str) -> bool:
    """Whether callers without identity reach the port of any of the pods today."""
    return any(mtls.of_port(mesh, each, port) != mtls.STRICT for each in subject.members)


def _difference(subject: Subject, past: direct.Direct, ports: set[str]) -> Difference:
    who = "a caller without identity" if past.ports else past.principals[0]
    where = next((f"port {each}" for each in past.ports if each in ports), "a port")
    witness = (
        f"fails open: a request of {who} to {where} of {_one(subject)}: {subject.policy.name} judges it today, nobody then"
    )
    id = PAST if past.kind in _ORDER else OPEN
    return Difference(id, ("spec", "rules"), f"fails open: {past.words} may come past the waypoint, unjudged", witness)


def _one(subject: Subject) -> str:
    return f"a pod of {subject.members[0].name}" if subject.members else "a pod"


# --- what is open already -------------------------------------------------------------------------------------------


def is_open(policy: Policy | None, past: direct.Direct) -> bool:
    """Whether the callers are let past by a policy as it stands."""
    wanted = set(past.principals)
    rules = (policy.body.spec.rules or ()) if policy is not None and wanted else ()
    sources = [each.source for rule in rules for each in rule.from_ if each.source]
    return any(wanted <= {*each.principals, *each.not_principals} for each in sources)


def added(subject: Subject, opening: Opening, first: int) -> Iterator[Edit]:
    """The edits of an ALLOW that open it, from this number of rules on."""
    known = [_plain(each) for each in subject.policy.body.spec.rules or ()]
    missing = [each for each in opening.rules() if _plain_of(each) not in known]
    yield from (Set(("spec", "rules", number), each) for number, each in enumerate(missing, first))


def marked(opening: Opening) -> Iterator[Edit]:
    """The edit by which a policy says which of its callers leave."""
    if opening.temporary:
        yield Set(NOTE, ",".join(opening.temporary))


def notes(subject: Subject, opening: Opening) -> tuple[Note, ...]:
    """What stays open, caller by caller."""
    return tuple(Note(subject.policy.at(*each.route), each.reason) for each in opening.differences)


def _plain(rule: Rule) -> tuple[Source | None, Operation | None] | None:
    """The only source and operation of a rule without conditions."""
    if rule.when or len(rule.from_) != 1 or len(rule.to) > 1:
        return None
    return rule.from_[0].source, rule.to[0].operation if rule.to else None


def _plain_of(rule: dict[str, Any]) -> tuple[Source, Operation | None]:
    source = rule["from"][0]["source"]
    ports = tuple(rule["to"][0]["operation"]["ports"]) if "to" in rule else ()
    read = Source(principals=tuple(source.get("principals", ())), not_principals=tuple(source.get("notPrincipals", ())))
    return read, Operation(ports=ports) if ports else None


def temporary(policy: Policy) -> tuple[str, ...]:
    """The callers that a policy lets past for a while."""
    text = policy.body.metadata.annotations.get(TEMPORARY, "")
    return tuple(each for each in text.split(",") if each)


def over(mesh: Mesh, policy: Policy, moving: frozenset[str]) -> tuple[str, ...]:
    """Those of them that have no sidecars any more, or lose them together with what is moving."""
    return tuple(each for each in temporary(policy) if not _stays(mesh, each.split("/")[2], moving))


def _stays(mesh: Mesh, namespace: str, moving: frozenset[str]) -> bool:
    return namespace not in moving and injection.mode(mesh, namespace) in {injection.SIDECAR, injection.MIXED}


def refuse(past: list[direct.Direct]) -> Refused:
    """That the callers would go past the waypoint."""
    names = policies.listed(each.words for each in past)
    return Refused(past[0].kind, ("spec",), f"it is about requests, and the waypoint never sees {names}")
