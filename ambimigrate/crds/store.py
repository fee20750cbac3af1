"""The CRDs of Istio and of the Gateway API, by kind, release and channel (rules/schemas/crds/README.md names the sources)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from ambimigrate import catalogue
from ambimigrate.model import Target
from ambimigrate.versions import Version, parse

GATEWAY_API = "gateway.networking.k8s.io"
Schema = dict[str, Any]

_ANYTHING: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_OF_ALL: Schema = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _ANYTHING, "status": _ANYTHING}


class _File(msgspec.Struct, frozen=True):
    """What is known of one kind: by served version and release the number of the schema."""

    source: str
    releases: tuple[str, ...]
    versions: dict[str, dict[str, int]]
    nodes: list[Schema]


class Definition(msgspec.Struct, frozen=True):
    """The schema of a kind in a release; `exact` unless that is only the release nearest to the target.

    Without a schema the release does not serve that version of the kind.
    """

    name: str  # "Gateway API 1.6.3, standard channel"
    exact: bool
    schema: Schema | None
    versions: tuple[str, ...] = ()  # the versions of the kind that the release serves


def definition(group: str, kind: str, version: str, target: Target) -> Definition | None:
    """How the target defines the version of the kind; None for kinds that are not defined by these CRDs."""
    found = _file(group, kind)
    if found is None:
        return None
    gateway = group == GATEWAY_API
    wanted = target.gateway_api if gateway else target.istio
    suffix = f" {target.channel}" if gateway else ""
    release, exact = _nearest(tuple(each.removesuffix(suffix) for each in found.releases if each.endswith(suffix)), wanted)
    name = f"Gateway API {release}, {target.channel} channel" if gateway else f"Istio {release}"
    schemas = _schemas(group, kind)
    served = tuple(each for each, releases in found.versions.items() if f"{release}{suffix}" in releases)
    schema = schemas[version, f"{release}{suffix}"] if version in served else None
    return Definition(name, exact, schema, served)


def every(group: str, kind: str) -> Mapping[str, Schema]:
    """The schemas of the kind in all releases, the newest last, by the name of the release."""
    found = _file(group, kind)
    if found is None:
        return {}
    newest = next(reversed(sorted(found.versions, key=_age)))
    return {release: _schemas(group, kind)[newest, release] for release in found.versions[newest]}


def _age(version: str) -> tuple[bool, str]:
    return "alpha" not in version and "beta" not in version, version


@cache
def _nearest(releases: tuple[str, ...], wanted: Version) -> tuple[str, bool]:
    """The release of the wanted line; else the newest before it, else the oldest."""
    known = sorted(map(parse, releases))
    same = [each for each in known if each.line == wanted.line]
    before = [each for each in known if each.line < wanted.line]
    return str((same or before[-1:] or known)[0]), bool(same)


@cache
def _file(group: str, kind: str) -> _File | None:
    path = catalogue.folder() / "schemas" / "crds" / f"{group}_{kind}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return None


@cache
def _schemas(group: str, kind: str) -> Mapping[tuple[str, str], Schema]:
    """Version and release -> schema; equal parts of the schemas are one object."""
    found = _file(group, kind)
    whole: list[Any] = []
    for node in found.nodes if found else ():
        whole.append(_whole(node, whole))
    versions = found.versions if found else {}
    rooted = {number: _rooted(whole[number]) for releases in versions.values() for number in releases.values()}
    return {(version, name): rooted[number] for version, releases in versions.items() for name, number in releases.items()}


def _rooted(schema: Schema) -> Schema:
    """The schema with the fields that every object has, of which the CRD says nothing."""
    return {**schema, "properties": {**schema["properties"], **_OF_ALL}}


def _whole(tree: Any, known: list[Any]) -> Any:
    if isinstance(tree, list):
        return [_whole(each, known) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.keys() == {"$ref"}:
        return known[tree["$ref"]]
    return {key: _whole(each, known) for key, each in tree.items()}
