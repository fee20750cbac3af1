"""What is at hand while a group of Istio Gateways is converted: its Gateways, old and new, and what their hosts have so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from ambimigrate.changes import Create
from ambimigrate.converters.gateways.front import Front
from ambimigrate.converters.gateways.listeners import Listener
from ambimigrate.converters.gateways.rules import Served
from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.kinds import IstioGateway, VirtualService
from ambimigrate.model import Mesh, Ref, Resource


class Part(Struct, frozen=True, eq=False):
    """An Istio Gateway of the group, its Service, and its listeners."""

    source: Resource[IstioGateway]
    front: Front
    listeners: tuple[Listener, ...]
    account: Account


class Made(Struct, frozen=True, eq=False):
    """The new objects of a source."""

    source: Resource[Any]
    account: Account
    creates: tuple[Create, ...]


Vhost = tuple[Ref, str, str]  # of a Gateway: port or listener, and host


class Table(Struct, frozen=True, eq=False):
    """What the VirtualServices of the group come to at each virtual host."""

    hosts: dict[Vhost, list[Served]] = field(default_factory=dict)


class Bound(Struct, frozen=True, eq=False):
    """The Gateways of the group, old and new, and the virtual hosts that they have so far."""

    parts: list[Part]
    gateways: Mapping[Ref, Create]
    table: Table


def check_known(subject: Resource[Any]) -> None:
    """Names of Gateways hang on namespaces; and what a controller writes, it writes again."""
    metadata = subject.body.metadata
    if not subject.namespace:
        raise Refused(
            "namespace", ("metadata", "name"), "its namespace is not known, so that nobody can say what it is bound to"
        )
    if metadata.owner_references or any("knative" in key for key in (*metadata.labels, *metadata.annotations)):
        raise Refused("controller", ("metadata", "name"), "a controller uses or writes it, with VirtualServices of its own")


def counts(mesh: Mesh) -> Mapping[Ref, int]:
    """How often each object stands in the input."""
    return Counter(each.ref for each in (*mesh.of(IstioGateway), *mesh.of(VirtualService)))


def check_lost(subject: Resource[Any], account: Account) -> None:
    """Raises Refused for a field that nobody accounts for."""
    for route in account.lost(subject):
        raise Refused("unknown", route, "the field is none that this version of ambimigrate knows")
