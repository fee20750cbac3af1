"""Converting routes stays near the cost of a scan, and no list of rules takes more than a second, whatever stands in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ambimigrate.convert import convert
from ambimigrate.decode import Decoder
from ambimigrate.layout import lay_out
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.bench.test_speed import OURS, run

MOST = 128
NAMESPACES, ROUTED = 50, 20
Rule = dict[str, Any]


def objects(namespace: str, names: list[str], rules: Callable[[str], list[Rule]]) -> Iterator[dict[str, Any]]:
    """A namespace with a VirtualService, a Service and a Deployment for each name."""
    meta: dict[str, Any] = {"name": namespace, "labels": {"istio-injection": "enabled"}}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    for name in names:
        own, labels = {"name": name, "namespace": namespace}, {"app": name}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": name, "image": f"registry.example/{name}:1"}]},
        }
        spec = {"selector": {"matchLabels": labels}, "template": template}
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": own, "spec": spec}
        service = {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": own, "spec": service}
        if found := rules(name):
            vs = {"hosts": [name], "http": found}
            yield {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": own, "spec": vs}


def usual(name: str) -> list[Rule]:
    """A canary by header, an exact path, a prefix, and the rest."""
    to = [{"destination": {"host": name}}]
    return [
        {"match": [{"headers": {"x-canary": {"exact": "true"}}}], "route": [{"destination": {"host": "app-0"}}]},
        {"match": [{"uri": {"exact": "/health"}}], "timeout": "1s", "route": to},
        {"match": [{"uri": {"prefix": "/api/"}}], "timeout": "10s", "route": to},
        {"route": to},
    ]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("thousand")
    names = [f"app-{number}" for number in range(ROUTED)]
    for number in range(NAMESPACES):
        for each in objects(f"shop-{number:02}", names, usual):
            folder = root / f"shop-{number:02}"
            folder.mkdir(exist_ok=True)
            text = json.dumps(each, indent=2)
            (folder / f"{each['kind'].lower()}-{each['metadata']['name']}.json").write_text(text, encoding="utf-8")
    return root


def test_1000_virtual_services_take_at_most_5_times_the_time_of_a_scan(tree: Path, tmp_path: Path) -> None:
    """Whole processes in turns, the best of three each, the new tree written each time."""
    scan = (*OURS, "scan", str(tree), "--format", "json")
    outs = [tmp_path / f"{number}" for number in range(3)]
    runs = [(run(*scan)[0], run(*OURS, "convert", str(tree), "--out", str(out), "-q")[0]) for out in outs]
    scanned, converted = (min(pair[i] for pair in runs) for i in (0, 1))
    assert len(list(outs[0].glob("*/*-httproute.yaml"))) == NAMESPACES * ROUTED
    assert not list(outs[0].glob("*/virtualservice-*"))
    assert converted <= 5 * scanned, f"scan {scanned:.2f} s, convert {converted:.2f} s"


def lists() -> Iterator[Any]:
    """Lists of 128 entries, each hard in its own way."""
    header = [{"headers": {"x": {"exact": f"{n}"}}} for n in range(MOST)]
    exact = [{"uri": {"exact": f"/p{n}"}} for n in range(MOST)]
    element = [{"uri": {"prefix": f"/p{n}/"}} for n in range(MOST)]
    yield pytest.param([{"uri": {"prefix": "/a"}, **each} for each in header], {}, id="one-prefix")
    yield pytest.param([{"uri": {"prefix": "/a" * (1 + n % 9)}, **each} for n, each in enumerate(header)], {}, id="prefixes")
    yield pytest.param([*header[:64], *exact[:64]], {}, id="headers-before-exact-paths")
    yield pytest.param([*header[:64], *element[:64]], {}, id="headers-before-prefixes")
    yield pytest.param([{"uri": {"prefix": "/p" * (MOST - n) + "/"}} for n in range(MOST)], {}, id="nested-prefixes")
    yield pytest.param([*header[:8], *element[:120]], {"uri": "/"}, id="replaced-prefixes")
    yield pytest.param([{"uri": {"regex": f"/[a-z]+/(x|{n})?.*"}} for n in range(MOST)], {}, id="patterns")
    yield pytest.param([{"withoutHeaders": {f"x-{n}": {"exact": "1"}}} for n in range(MOST)], {}, id="absent-headers")
    yield pytest.param([{**each, "withoutHeaders": {"y": {}}} for each in element], {}, id="prefixes-without-a-header")
    yield pytest.param([{"method": {"regex": "GET|PUT|HEAD"}, **each} for each in header], {}, id="methods")


@pytest.mark.parametrize(("matches", "rewrite"), list(lists()))
def test_128_entries_take_less_than_a_second(matches: list[Rule], rewrite: Rule) -> None:
    assert len(matches) == MOST
    more = {"rewrite": rewrite} if rewrite else {}
    rules = [{"match": [each], "route": [{"destination": {"host": f"app-{n % 3}"}}], **more} for n, each in enumerate(matches)]
    mesh = world([*rules, {"route": [{"destination": {"host": "app-0"}}]}])
    start = time.process_time()
    convert((mesh,), (), check=nothing)
    assert time.process_time() - start < 1.0


def nothing(_meshes: tuple[Mesh, ...]) -> tuple[Finding, ...]:
    return ()


def world(rules: list[Rule]) -> Mesh:
    found = objects("shop", ["app-0", "app-1", "app-2"], lambda name: rules if name == "app-0" else [])
    decoder = Decoder(lay_out(["all.json"], ()), "")
    decoder.add("all.json", "---\n".join(json.dumps(each) + "\n" for each in found))
    return decoder.reading(Target(NEWEST, NEWEST_GATEWAY_API)).meshes[0]
