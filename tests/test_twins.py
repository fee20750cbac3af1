"""Twins for waypoints and what stands around a waypoint: what the fixtures of one target and without agreements do not show."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ambimigrate.analyse import analyse
from ambimigrate.changes import FROM, Create, Stage
from ambimigrate.convert import Choice, Conversion, after, convert
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.kinds import ConfigMap, HorizontalPodAutoscaler, PodDisruptionBudget
from ambimigrate.model import Mesh, Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests.conftest import FIXTURES

FOLDER = FIXTURES / "convert"
APP = """
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}, of: {namespace}}}}}
    spec: {{containers: [{{name: app, image: "registry.example/app:1"}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
"""
TOKENS = """
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{name: tokens, namespace: {namespace}}}
spec:
  {selector}
  jwtRules: [{{issuer: "https://issuer.example", forwardOriginalToken: true}}]
"""
ACCEPTED = Settings((Accepted("RA902", "shop", "*"), Accepted("RA902", "istio-system", "*")))


def namespace(name: str, *apps: str, labels: str = "") -> str:
    head = f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{istio-injection: enabled{labels}}}}}\n"
    return head + "".join(APP.format(namespace=name, name=each) for each in apps)


def tokens(where: str, selector: str = "") -> str:
    return TOKENS.format(namespace=where, selector=f"selector: {{matchLabels: {{{selector}}}}}" if selector else "")


def read(folder: Path, text: str, istio: str = "") -> Mesh:
    (folder / "all.yaml").write_text(text.replace("  \n", ""), encoding="utf-8")
    target = Target(parse(istio) if istio else NEWEST, NEWEST_GATEWAY_API)
    return read_files([str(folder)], target).meshes[0]


def converted(mesh: Mesh, settings: Settings = ACCEPTED) -> Conversion:
    return convert((mesh,), (), Choice(settings=settings), check=lambda _: ())


def created(conversion: Conversion, kind: str) -> list[dict[str, object]]:
    return [dict(each.action.value) for each in conversion.changes if isinstance(each.action, Create) and each.ref.kind == kind]


def targets(twin: dict[str, object]) -> list[str]:
    return [f"{each['kind']}/{each['name']}" for each in twin["spec"]["targetRefs"]]  # type: ignore[index]


def test_what_was_agreed_to_differs_and_has_a_witness(tmp_path: Path) -> None:
    conversion = converted(read(tmp_path, namespace("shop", "web") + tokens("shop", "app: web")))
    found = [each for each in conversion.changes if each.ref.kind == "RequestAuthentication"]
    assert [(each.stage, each.verb, each.verdict) for each in found] == [
        (Stage.policies, "create", "differs"),
        (Stage.retire, "delete", "differs"),
    ]
    assert all(each.witness and "RA902" in each.because for each in found)
    assert not conversion.held


def test_a_twin_names_at_most_sixteen_services(tmp_path: Path) -> None:
    names = [f"web-{number}" for number in range(18)]
    text = namespace("shop", *names, "other") + tokens("shop", "part: front")
    for each in names:
        text = text.replace(f"labels: {{app: {each}, ", f"labels: {{app: {each}, part: front, ")
    twins = created(converted(read(tmp_path, text)), "RequestAuthentication")
    assert [len(targets(each)) for each in twins] == [16, 2]
    assert [each["metadata"]["name"] for each in twins] == ["tokens-waypoint", "tokens-waypoint-2"]  # type: ignore[index]


def test_the_root_has_one_twin_for_all_waypoints_and_stays_for_gateways(tmp_path: Path) -> None:
    text = namespace("shop", "web") + namespace("store", "cart") + tokens("istio-system")
    settings = Settings((Accepted("RA902", "istio-system", "*"),))
    conversion = converted(read(tmp_path, text), settings)
    twins = created(conversion, "RequestAuthentication")
    assert [targets(each) for each in twins] == [["GatewayClass/istio-waypoint"]]
    assert not [each for each in conversion.changes if each.verb == "delete"]
    older = created(converted(read(tmp_path, text, "1.24.6"), settings), "RequestAuthentication")
    assert [targets(each) for each in older] == [["Gateway/waypoint"], ["Gateway/waypoint"]]
    assert {each["metadata"]["annotations"][FROM] for each in older} == {"RequestAuthentication/istio-system/tokens"}  # type: ignore[index]


def test_a_settled_policy_of_the_root_holds_nobody(tmp_path: Path) -> None:
    mesh = read(tmp_path, namespace("shop", "web") + namespace("store", "cart") + tokens("istio-system"))
    settings = Settings((Accepted("RA902", "istio-system", "*"),))
    conversion = convert((mesh,), analyse((mesh,)), Choice(("shop",), settings=settings))
    assert not conversion.held
    left = [each for each in analyse((after(mesh, conversion.changes),)) if each.rule == "RA001"]
    assert [each.hit.services for each in left] == [("store/cart",)]


def test_what_nobody_carries_out_today_is_not_switched_on(tmp_path: Path) -> None:
    text = namespace("shop", "web").replace("istio-injection: enabled", "istio.io/dataplane-mode: ambient")
    assert not created(converted(read(tmp_path, text + tokens("shop", "app: web"))), "RequestAuthentication")


@pytest.mark.parametrize(
    ("case", "rules"),
    [
        ("twins-tokens", {"RA001"}),
        ("twins-extensions", {"EX001"}),
        ("twins-filters", {"EF001"}),
        ("twins-peers", {"PA001", "PA002"}),
    ],
)
def test_the_findings_that_an_edit_settles_are_gone(case: str, rules: set[str]) -> None:
    mesh = read_files([str(FOLDER / case / "input")], Target(NEWEST, NEWEST_GATEWAY_API)).meshes[0]
    assert rules & {each.rule for each in analyse((mesh,))}
    closing = Choice(settings=Settings(close_direct_access=True))
    end = after(mesh, convert((mesh,), (), closing, check=lambda _: ()).changes)
    assert not (rules | {"WP005", "WP009", "NS004", "CT009"}) & {each.rule for each in analyse((end,))}


# --- around a waypoint ----------------------------------------------------------------------------------------------

SCALED = """
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 8}
"""


def parameters(conversion: Conversion) -> dict[str, dict[str, object]]:
    (config,) = created(conversion, "ConfigMap")
    return {key: yaml.safe_load(text) for key, text in config["data"].items()}  # type: ignore[attr-defined]


def test_two_replicas_or_an_autoscaler(tmp_path: Path) -> None:
    text = namespace("shop", "web") + tokens("shop", "app: web")
    fixed = parameters(converted(read(tmp_path, text)))
    assert fixed["deployment"]["spec"]["replicas"] == 2  # type: ignore[index]
    assert fixed.keys() == {"deployment", "podDisruptionBudget"}
    assert "terminationGracePeriodSeconds: 30" in str(created(converted(read(tmp_path, text, "1.27.9")), "ConfigMap"))
    scaled = parameters(converted(read(tmp_path, text + SCALED)))
    assert "replicas" not in scaled["deployment"]["spec"]  # type: ignore[operator]
    assert scaled["horizontalPodAutoscaler"]["spec"]["minReplicas"] == 2  # type: ignore[index]


def test_before_1_26_they_are_objects_of_their_own(tmp_path: Path) -> None:
    mesh = read(tmp_path, namespace("shop", "web") + tokens("shop", "app: web"), "1.25.5")
    end = after(mesh, converted(mesh).changes)
    assert not end.of(ConfigMap)
    assert [each.body.spec.scale_target_ref.name for each in end.of(HorizontalPodAutoscaler)] == ["waypoint"]
    (budget,) = end.of(PodDisruptionBudget)
    assert budget.body.spec.selector
    assert budget.body.spec.selector.match_labels == {"gateway.networking.k8s.io/gateway-name": "waypoint"}


def test_a_restricted_namespace_gets_the_profile_or_is_held(tmp_path: Path) -> None:
    text = namespace("shop", "web", labels=", pod-security.kubernetes.io/enforce: restricted") + tokens("shop", "app: web")
    assert "seccompProfile" in str(parameters(converted(read(tmp_path, text)))["deployment"])
    held = {each.because for each in converted(read(tmp_path, text, "1.25.5")).held if "NS908" not in each.because}
    assert held == {("WP911",)}


def test_a_limit_range_sizes_the_waypoint(tmp_path: Path) -> None:
    limits = "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: most, namespace: shop}\n"
    limits += "spec: {limits: [{type: Container, max: {cpu: 500m, memory: 512Mi}}]}\n"
    mesh = read(tmp_path, namespace("shop", "web") + tokens("shop", "app: web") + limits)
    conversion = converted(mesh)
    (container,) = parameters(conversion)["deployment"]["spec"]["template"]["spec"]["containers"]  # type: ignore[index]
    assert container["resources"]["limits"] == {"cpu": "500m", "memory": "512Mi"}
    assert "CT009" not in {each.rule for each in analyse((after(mesh, conversion.changes),))}
