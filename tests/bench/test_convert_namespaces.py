"""What a namespace costs stays flat: four times the namespaces take four times as long to convert, in files and in one List."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import Any

from ambimigrate.convert import based, convert
from ambimigrate.decode import Decoder
from ambimigrate.layout import lay_out
from ambimigrate.model import Mesh, Target
from ambimigrate.sinks import texts
from ambimigrate.sinks.parts import Files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from ambimigrate.yamlio import write
from tests.bench.test_convert_speed import nothing

MOST = 4.6
Tree = dict[str, Any]


def objects(namespaces: int) -> Iterator[Tree]:
    """Namespaces in a ring, each with a routed Service that admits the one before, a canary, and DestinationRules."""
    for number in range(namespaces):
        name, before = f"team-{number:04}", f"team-{(number - 1) % namespaces:04}"
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"istio-injection": "enabled"}}}
        yield of("security.istio.io/v1", "PeerAuthentication", name, "default", {"mtls": {"mode": "PERMISSIVE"}})
        for app in ("web", "api"):
            labels = {"app": app}
            pod = {"metadata": {"labels": labels}, "spec": {"serviceAccountName": app, "containers": [{"name": app}]}}
            yield of("apps/v1", "Deployment", name, app, {"selector": {"matchLabels": labels}, "template": pod})
            yield of("v1", "Service", name, app, {"selector": labels, "ports": [{"name": "http", "port": 80}]})
        caller = {"from": [{"source": {"principals": [f"cluster.local/ns/{before}/sa/web"]}}]}
        policy = {"selector": {"matchLabels": {"app": "web"}}, "rules": [caller]}
        yield of("security.istio.io/v1", "AuthorizationPolicy", name, "web", policy)
        timeout = {"timeout": "5s", "route": [{"destination": {"host": "web"}}]}
        yield of("networking.istio.io/v1", "VirtualService", name, "web", {"hosts": ["web"], "http": [timeout]})
        canary = [{"destination": {"host": "api", "subset": each}, "weight": 50} for each in ("v1", "v2")]
        yield of("networking.istio.io/v1", "VirtualService", name, "api", {"hosts": ["api"], "http": [{"route": canary}]})
        subsets = [{"name": each, "labels": {"version": each}} for each in ("v1", "v2")]
        yield of("networking.istio.io/v1", "DestinationRule", name, "api", {"host": "api", "subsets": subsets})


def of(version: str, kind: str, namespace: str, name: str, spec: Tree) -> Tree:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def separate(found: list[Tree]) -> dict[str, str]:
    """A file for each object, in a folder for each namespace."""
    spaces = (each["metadata"].get("namespace") or each["metadata"]["name"] for each in found)
    return {f"{space}/{number}.yaml": write.text(each) for number, (space, each) in enumerate(zip(spaces, found, strict=True))}


def listed(found: list[Tree]) -> dict[str, str]:
    """All objects as items of one List."""
    return {"all.yaml": write.text({"apiVersion": "v1", "kind": "List", "items": found})}


def seconds(files: dict[str, str]) -> float:
    """The time that it takes to convert the files and to write what changes."""
    mesh = read(files)
    gc.collect()
    gc.disable()
    began = time.process_time()
    found = convert((mesh,), (), check=nothing)
    out = Files(files.get, {}, files.__contains__)
    texts.rewrite(found.changes, based, out)
    taken = time.process_time() - began
    gc.enable()
    assert found.changes
    assert list(out.changed)
    return taken


def read(files: dict[str, str]) -> Mesh:
    decoder = Decoder(lay_out(list(files), ()), "")
    for name, text in files.items():
        decoder.add(name, text)
    return decoder.reading(Target(NEWEST, NEWEST_GATEWAY_API)).meshes[0]


def test_400_namespaces_take_at_most_4_6_times_as_long_as_100() -> None:
    few, many = (separate(list(objects(each))) for each in (100, 400))
    one, four = (min(seconds(files) for _ in range(3)) for files in (few, many))
    assert four <= MOST * one, f"{one:.2f} s and {four:.2f} s: x{four / one:.2f}"


def test_a_list_of_four_times_the_items_takes_at_most_4_6_times_as_long() -> None:
    few, many = (listed(list(objects(each))) for each in (20, 80))
    one, four = (min(seconds(files) for _ in range(3)) for files in (few, many))
    assert four <= MOST * one, f"{one:.2f} s and {four:.2f} s: x{four / one:.2f}"
