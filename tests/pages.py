"""Makes the pages that tests look at: of the demo, of hostile names, of a thousand namespaces."""

from __future__ import annotations

import io
import itertools
import json
from functools import cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Stage
from ambimigrate.convert import convert
from ambimigrate.model import Problem, Target
from ambimigrate.plan.values import Edge, Gap, Graph, HeldBack, Plan, Step, Trigger, Wave
from ambimigrate.render import html
from ambimigrate.report import Report, report
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API

DEMO = Path(__file__).parent.parent / "fixtures" / "repos" / "shop"
TARGET = Target(NEWEST, NEWEST_GATEWAY_API, "standard", None, None)
SAID = ("convert", "kubectl get pods", "all pods are ready")

HOSTILE = (
    "</script><img src=x onerror=window.hacked=1>",
    "--><svg onload=window.hacked=1>",
    "</style></title><script>window.hacked=1</script>",
    '"><b autofocus onfocus=window.hacked=1>',
    "'; window.hacked=1; '",
    "javascript:window.hacked=1",
    "\u202egnp.exe\u202c end",
    "\u05d0\u05d1\u05d2",
    "line\nbreak\r\nand\ttab\u2028and\u2029more",
    "zero\u200bwidth\x00and\x1b[31mred",
    "&lt;already&amp;escaped&gt;",
    "a" * 253,
    "very-long-" * 60,
    "constructor",
    "__proto__",
)


@cache
def demo() -> Report:
    return report(read_files([str(DEMO)], TARGET))


def scan_page(made: Report) -> str:
    out = io.StringIO()
    html.render(made, out)
    return out.getvalue()


def plan_page(made: Report, found: Plan) -> str:
    out = io.StringIO()
    html.render_plan(found, made, out)
    return out.getvalue()


def demo_plan() -> Plan:
    """A plan that has one of everything."""
    watch = Trigger("sum(rate(istio_requests_total[5m]))", "it falls by half")
    bind = Step("Bind", Stage.bind, ("a.yaml",), SAID, SAID, SAID, SAID, id="1.1", triggers=(watch,), unenforced="4 seconds")
    enroll = Step("Enrol", Stage.enroll, (), SAID, SAID, SAID, SAID, id="1.2")
    gap = Gap("payment/payment-callers", ("frontend/api", "cart/cart"), "1.1", "1.2", "cart and payment call each other")
    first = Wave(1, "prod", "Move recommendation", ("recommendation", "sessions"), (bind, enroll), (gap,))
    held = HeldBack("prod", "legacy", tuple(f"reason {number}" for number in range(9)))
    edges = (
        Edge("frontend", "cart", "VirtualService frontend/api", "a.yaml", 3),
        Edge("cart", "sessions", "a text", guessed=True),
    )
    changes = convert(demo().meshes, demo().findings).changes
    other = Wave(1, "staging", "Move sessions", ("sessions",), (replace(enroll, id="1.1", changes=changes),))
    orders = ("clients first", "servers first")
    return Plan((first, other), (held,), (("cart", "payment"),), (Graph("prod", edges),), orders)


def hostile(folder: Path) -> Report:
    """Objects, namespaces, hosts, files and problems with names that try to leave their field."""
    objects: list[dict[str, Any]] = []
    for number, text in enumerate(HOSTILE):
        labels = {"istio-injection": "enabled"}
        objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": text, "labels": labels}})
        patch = {"applyTo": text, "match": {"context": "SIDECAR_INBOUND"}, "patch": {}}
        objects.append(_object("networking.istio.io/v1", "EnvoyFilter", text, text, {"configPatches": [patch]}))
        callee = HOSTILE[(number + 1) % len(HOSTILE)]
        source = {"from": [{"source": {"namespaces": [callee]}}], "to": [{"operation": {"paths": [f"/{text}"]}}]}
        objects.append(_object("security.istio.io/v1", "AuthorizationPolicy", text, text, {"rules": [source]}))
        ports = [{"name": "http", "port": 80}]
        objects.append(_object("v1", "Service", text, text, {"selector": {"app": "a"}, "ports": ports}))
        pod = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": text}]}}
        objects.append(
            _object("apps/v1", "Deployment", text, text, {"selector": {"matchLabels": {"app": "a"}}, "template": pod})
        )
    below = folder / "<b>folder\n&amp;"
    below.mkdir()
    (below / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    made = report(read_files([str(folder)], TARGET))
    problems = tuple(Problem(text, f"{text}.yaml", 1) for text in HOSTILE)
    return replace(made, problems=problems, notes=HOSTILE)


def hostile_plan() -> Plan:
    """The same names in every field of a plan."""
    waves = tuple(_hostile_wave(number, text) for number, text in enumerate(HOSTILE, 1))
    edges = tuple(Edge(one, other, one, other, 1) for one, other in itertools.pairwise(HOSTILE))
    held = tuple(HeldBack("", text, (text,)) for text in HOSTILE)
    return Plan(waves, held, (HOSTILE[:3],), (Graph("", edges),), HOSTILE[:2])


def _hostile_wave(number: int, text: str) -> Wave:
    one, first = (text,), f"{number}.1"
    step = Step(text, Stage.bind, one, one, one, one, one, id=first, triggers=(Trigger(text, text),), unenforced=text)
    return Wave(number, "", text, one, (step,), (Gap(text, one, first, text, text, witness=text),))


def _object(version: str, kind: str, namespace: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def large(folder: Path, namespaces: int) -> Report:
    """Namespaces with some findings each, that call ten others."""
    for number in range(namespaces):
        name = f"team-{number:04}"
        calls = [f"team-{other:04}/*" for other in range(number + 1, min(number + 11, namespaces))]
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"istio-injection": "enabled"}}}
        ]
        objects.append(_object("networking.istio.io/v1", "Sidecar", name, "default", {"egress": [{"hosts": ["./*", *calls]}]}))
        for app in ("web", "api", "jobs"):
            objects += _application(name, app)
        (folder / f"{name}.yaml").write_text("\n---\n".join(map(json.dumps, objects)))
    return report(read_files([str(folder)], TARGET))


def _application(namespace: str, app: str) -> list[dict[str, Any]]:
    selector = {"matchLabels": {"app": app}}
    pod = {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": app, "image": app}]}}
    ports = [{"name": "http", "port": 80}]
    rules = [{"to": [{"operation": {"methods": ["GET"]}}]}]
    http = [{"timeout": "5s", "route": [{"destination": {"host": app, "subset": "v1"}}]}]
    return [
        _object("apps/v1", "Deployment", namespace, app, {"selector": selector, "template": pod}),
        _object("v1", "Service", namespace, app, {"selector": {"app": app}, "ports": ports}),
        _object("security.istio.io/v1", "AuthorizationPolicy", namespace, app, {"selector": selector, "rules": rules}),
        _object("networking.istio.io/v1", "VirtualService", namespace, app, {"hosts": [app], "http": http}),
    ]
