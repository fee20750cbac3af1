"""What stays open past the waypoint: only what was agreed to, by port or by name, and for as long as it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Create, Stage
from ambimigrate.convert import Choice, Conversion, after, based, convert
from ambimigrate.converters.policies import closing
from ambimigrate.converters.policies.openings import TEMPORARY
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.kinds.security import Condition, Operation
from ambimigrate.model import Mesh, Target
from ambimigrate.semantics import authz
from ambimigrate.semantics.authz import ztunnel
from ambimigrate.sinks import texts, tree
from ambimigrate.sources.read import read_files
from ambimigrate.topology.workloads import in_namespace
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.test_policies_parts import APP, CALLER, mesh_of

ANYBODY = Condition("source.principal", ("*",))
QUIET = CALLER.replace(", env: [{name: URL, value: http://web.shop.svc}]", "")
POLICY = """\
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: by-request, namespace: shop}
spec: SPEC
"""
DENY = "{selector: {matchLabels: {app: web}}, action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}"
ALLOW = "{selector: {matchLabels: {app: web}}, rules: [{to: [{operation: {methods: [GET]}}]}]}"
ASKED = "{selector: {matchLabels: {app: web}}, action: CUSTOM, provider: {name: sso}, rules: [{}]}"
ACTIONS = {"DENY": DENY, "ALLOW": ALLOW, "CUSTOM": ASKED}
SHOP = ("shop",)
WEB = "cluster.local/ns/web/sa/ops"


def mesh_with(folder: Path, spec: str, more: str = CALLER) -> Mesh:
    return mesh_of(folder, APP + more + POLICY.replace("SPEC", spec), "cluster.local")


def converted(mesh: Mesh, only: tuple[str, ...] | None, *accepted: str, **more: Any) -> Conversion:
    agreed = Settings(tuple(Accepted(each, "shop", "by-request") for each in accepted), close_direct_access=True, **more)
    return convert((mesh,), analyse((mesh,)), Choice(only, settings=agreed))


def direct(mesh: Mesh, principal: str | None, port: int = 8080) -> str:
    """ztunnel's verdict about a connection to a pod of the application."""

    service = mesh.find(Service, "shop", "web")
    assert service is not None
    call = authz.Call(authz.Caller(principal, "10.244.0.9"), service, 80, authz.Request("GET", "/admin", "web"))
    return ztunnel.decide(mesh, call, in_namespace(mesh, "shop")[0], port).verdict.value


def written(folder: Path, out: Path, changes: tuple[Change, ...]) -> Mesh:
    """The tree after these changes, read again."""
    files = tree.files(str(folder))
    texts.rewrite(changes, based, files)
    tree.copy(str(folder), str(out), files.changed)
    return read_files([str(out)], Target(NEWEST, NEWEST_GATEWAY_API, trust_domain="cluster.local")).meshes[0]


def policies_of(changes: tuple[Change, ...], stage: Stage) -> list[Change]:
    return [each for each in changes if each.stage is stage and each.ref.kind == "AuthorizationPolicy"]


@pytest.mark.parametrize("spec", ACTIONS.values(), ids=ACTIONS)
def test_sidecars_that_stay_are_let_past_by_name_until_they_are_ambient(tmp_path: Path, spec: str) -> None:
    (tmp_path / "a").mkdir()
    mesh = mesh_with(tmp_path / "a", spec)
    assert any(each.because == ("AP906",) for each in converted(mesh, SHOP).held)
    first = converted(mesh, SHOP, "AP906")
    assert not any(each.namespace == "shop" for each in first.held)
    assert any("AP906" in each.because and each.verdict == "differs" and each.notes for each in first.changes)
    meanwhile = written(tmp_path / "a", tmp_path / "b", first.changes)
    assert [direct(meanwhile, each) for each in (WEB, "cluster.local/ns/a/sa/a", None)] == ["allow", "deny", "deny"]
    assert not converted(meanwhile, SHOP, "AP906").changes
    last = converted(meanwhile, None)
    assert [each.because for each in policies_of(last.changes, Stage.tighten)] == [("AP911",)]
    end = written(tmp_path / "b", tmp_path / "c", last.changes)
    assert direct(end, WEB) == "deny"
    assert direct(end, "cluster.local/ns/shop/sa/waypoint") == "allow"
    assert not any(TEMPORARY in each.body.metadata.annotations for each in end.of(AuthorizationPolicy))
    assert not converted(end, None).changes


SCRAPED = APP.replace(
    "{app: web}}\n    spec", '{app: web}, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090"}}\n    spec'
)
BALANCED = f"{APP}  type: LoadBalancer\n".replace("    - {name: http, port: 80, targetPort: main}\n", "").replace(
    "    - {name: http-2, port: 81, targetPort: 8080}\n", ""
)


@pytest.mark.parametrize(
    ("app", "spec"), [(SCRAPED, DENY), (SCRAPED, ALLOW), (SCRAPED, ASKED), (BALANCED, DENY), (BALANCED, ALLOW)]
)
def test_a_port_is_open_only_to_callers_without_identity(tmp_path: Path, app: str, spec: str) -> None:
    mesh = mesh_of(tmp_path, app + POLICY.replace("SPEC", spec), "cluster.local")
    for accepted, verdict in (((), "deny"), (("AP910",), "allow")):
        end = after(mesh, converted(mesh, None, *accepted).changes)
        assert [direct(end, None, 9090), direct(end, WEB, 9090), direct(end, None)] == [verdict, "deny", "deny"]


PROMETHEUS = """\
---
apiVersion: v1
kind: Namespace
metadata: {name: metrics, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: server, namespace: metrics}
spec:
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}}
    spec: {serviceAccountName: metrics, containers: [{name: server, image: "prom/prometheus:v3.0.0"}]}
"""


def test_a_prometheus_of_the_mesh_is_let_in_by_name(tmp_path: Path) -> None:
    mesh = mesh_of(tmp_path, SCRAPED + PROMETHEUS + POLICY.replace("SPEC", DENY), "cluster.local")
    end = after(mesh, converted(mesh, None, "AP910").changes)
    callers = ("cluster.local/ns/metrics/sa/metrics", WEB, None)
    assert [direct(end, each, 9090) for each in callers] == ["allow", "deny", "deny"]


AGENT = """\
---
apiVersion: v1
kind: Namespace
metadata: {name: agents, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: agents}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {hostNetwork: true, containers: [{name: a, image: a, env: [{name: URL, value: "http://web.shop.svc:90"}]}]}
"""


def test_agents_of_nodes_are_listed_and_let_in_by_port(tmp_path: Path) -> None:
    mesh = mesh_of(tmp_path, APP + AGENT + POLICY.replace("SPEC", DENY), "cluster.local")
    found = convert((mesh,), analyse((mesh,)), Choice())
    (held,) = (each for each in found.held if each.because == ("AP905",))
    assert "DaemonSet agents/agent, which is in the node's network" in held.reason
    end = after(mesh, converted(mesh, None, "AP910").changes)
    assert [direct(end, None), direct(end, WEB)] == ["allow", "deny"]


STRICT = """\
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: all, namespace: shop}
spec: {mtls: {mode: STRICT}}
"""


def test_a_port_that_asks_for_an_identity_needs_no_opening(tmp_path: Path) -> None:
    mesh = mesh_of(tmp_path, BALANCED + STRICT + POLICY.replace("SPEC", DENY), "cluster.local")
    assert not any("AP910" in each.because for each in converted(mesh, None, "AP910").changes)


def test_an_opening_fails_open_and_says_so_first(tmp_path: Path) -> None:
    mesh = mesh_with(tmp_path, DENY)
    (swap,) = policies_of(converted(mesh, SHOP, "AP906").changes, Stage.swap)
    assert (swap.witness or "").startswith("fails open: ")
    assert all(note.reason.startswith("fails open: ") for note in swap.notes)


@pytest.mark.parametrize(
    ("before", "ports", "found"),
    [
        (closing.Closing(), (), [closing.Closing(("a",))]),
        (
            closing.Closing(),
            ("1",),
            [
                closing.Closing(("a",), (), (Operation(not_ports=("1",)),)),
                closing.Closing(("a",), (ANYBODY,), (Operation(ports=("1",)),)),
            ],
        ),
        (
            closing.Closing(operations=(Operation(ports=("1", "2")),)),
            ("1", "3"),
            [
                closing.Closing(("a",), (), (Operation(ports=("2",)),)),
                closing.Closing(("a",), (ANYBODY,), (Operation(ports=("1",)),)),
            ],
        ),
        (
            closing.Closing(operations=(Operation(not_ports=("1",)),)),
            ("1",),
            [closing.Closing(("a",), (), (Operation(not_ports=("1",)),))],
        ),
        (
            closing.Closing(wanted=(Condition("source.namespace", ("web",)),)),
            ("1",),
            [closing.Closing(("a",), (Condition("source.namespace", ("web",)),))],
        ),
    ],
)
def test_what_is_left_of_a_closing_rule(before: closing.Closing, ports: tuple[str, ...], found: list[closing.Closing]) -> None:
    assert list(before.opened(ports, ("a",))) == found


def test_nothing_that_is_made_lets_anybody_past_without_agreement(tmp_path: Path) -> None:
    mesh = mesh_with(tmp_path, DENY, QUIET)
    for each in converted(mesh, None).changes:
        value = each.action.value if isinstance(each.action, Create) else {}
        assert TEMPORARY not in value.get("metadata", {}).get("annotations", {})
        assert not {"AP906", "AP910"} & set(each.because)
