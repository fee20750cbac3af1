"""Authorization: the claims of the reference, and what the observed decisions do not show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from ambimigrate.semantics.authz import Caller, Request, Verdict
from tests.semantics.authz import GET, WEB, answer, policy, thing

CLAIMS = Path(__file__).resolve().parents[2] / "fixtures" / "vectors" / "authz-claims.yaml"
WAYPOINT = "cluster.local/ns/app/sa/waypoint"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
JWKS = json.dumps({"keys": [jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "k"}]})
TO_SERVICE = {"targetRefs": [{"group": "", "kind": "Service", "name": "reviews"}]}


def peers(name: str, mode: str, *, ports: Any = None, namespace: str = "app") -> dict[str, Any]:
    spec: dict[str, Any] = {"mtls": {"mode": mode}}
    if ports:
        spec |= {
            "selector": {"matchLabels": {"app": "reviews"}},
            "portLevelMtls": {key: {"mode": each} for key, each in ports.items()},
        }
    return thing("security.istio.io/v1", "PeerAuthentication", name, spec, namespace=namespace)


def tokens(**rule: Any) -> dict[str, Any]:
    rules = [{"issuer": "me", "jwks": JWKS} | rule]
    return thing("security.istio.io/v1", "RequestAuthentication", "jwt", {"jwtRules": rules})


def bearer(claims: dict[str, Any], **request: Any) -> Request:
    token = jwt.encode({"iss": "me", "sub": "bob"} | claims, KEY, "RS256", {"kid": "k"})
    return Request("GET", "/", "reviews", (("authorization", f"Bearer {token}"),), **request)


def claims() -> list[Any]:
    found = yaml.safe_load_all(CLAIMS.read_text(encoding="utf-8"))
    return [
        pytest.param(each["policies"], case, plane, id=f"{each['id']}-{plane}-{number}")
        for each in found
        for number, case in enumerate(each["cases"])
        for plane in ("sidecar", "ztunnel")
    ]


@pytest.mark.parametrize(("policies", "case", "plane"), claims())
def test_claims_of_the_reference(policies: list[Any], case: dict[str, Any], plane: str) -> None:
    objects = [policy(spec, f"p{number}") for number, spec in enumerate(policies)]
    request = Request(case["method"], case["path"], "reviews")
    port = {8080: 80, 9090: 90}[case["port"]]
    found = answer(*objects, plane=plane, caller=Caller(case["principal"]), port=port, request=request)
    assert found.verdict == case[plane]


DENY_ALL: dict[str, Any] = {"action": "DENY", "rules": [{}]}
OTHER_DOMAIN = {"rules": [{"from": [{"source": {"namespaces": ["web"], "trustDomains": ["other"]}}]}]}
SPACED = {"rules": [{"when": [{"key": "request.auth.claims[scope]", "values": ["read"]}]}]}
HTTP_ONLY = [{"to": [{"operation": {"methods": ["POST"]}}]}]
HOME = {"namespace": "istio-system"}


@pytest.mark.parametrize(
    ("spec", "metadata", "plane", "version", "verdict"),
    [
        (DENY_ALL, {"annotations": {"istio.io/dry-run": "true"}}, "ztunnel", "1.25.1", "deny"),
        (DENY_ALL, {"annotations": {"istio.io/dry-run": "true"}}, "ztunnel", "1.25.2", "allow"),
        (DENY_ALL, {"annotations": {"istio.io/dry-run": "true"}}, "sidecar", "1.24.6", "allow"),
        (OTHER_DOMAIN, {}, "sidecar", "1.30.1", "allow"),
        (OTHER_DOMAIN, {}, "sidecar", "1.30.2", "deny"),
        (OTHER_DOMAIN, {}, "ztunnel", "1.31.1", "allow"),
        (DENY_ALL | {"targetRefs": [{"kind": "GatewayClass", "name": "istio-waypoint"}]}, HOME, "waypoint", "1.24.6", "allow"),
        (DENY_ALL | {"targetRefs": [{"kind": "GatewayClass", "name": "istio-waypoint"}]}, HOME, "waypoint", "1.25.0", "deny"),
        (DENY_ALL | {"targetRefs": [{"kind": "Gateway", "name": "waypoint"}]}, {}, "waypoint", "1.31.1", "deny"),
        (DENY_ALL | TO_SERVICE, HOME, "waypoint", "1.31.1", "allow"),
        (DENY_ALL | TO_SERVICE, {}, "sidecar", "1.31.1", "allow"),
        (DENY_ALL | TO_SERVICE, {}, "ztunnel", "1.31.1", "allow"),
        ({"action": "CUSTOM", "provider": {"name": "Opa"}, "rules": [{}]}, {}, "sidecar", "1.29.6", "ask"),
        ({"action": "CUSTOM", "provider": {"name": "Opa"}, "rules": [{}]}, {}, "sidecar", "1.30.1", "deny"),
        ({"action": "CUSTOM", "provider": {"name": "opa"}, "rules": [{}]}, {}, "ztunnel", "1.31.1", "allow"),
    ],
)
def test_what_counts_by_release(spec: Any, metadata: Any, plane: str, version: str, verdict: str) -> None:
    assert answer(policy(spec, **metadata), plane=plane, version=version).verdict == verdict


def test_callers_past_the_waypoint_meet_ztunnel_only() -> None:
    guard = policy(DENY_ALL | TO_SERVICE)
    assert answer(guard, plane="waypoint").status == 403
    sidecar_client = answer(guard, plane="waypoint", caller=Caller(WEB))
    to_the_pod = answer(guard, plane="waypoint", direct=True)
    for found in (sidecar_client, to_the_pod):
        assert found.verdict is Verdict.ALLOW
        assert [str(hop) for hop in found.path] == [f"ztunnel of app/reviews as {WEB}"]


def test_behind_a_waypoint_ztunnel_sees_the_waypoint() -> None:
    only_web = policy({"rules": [{"from": [{"source": {"principals": [WEB]}}]}]})
    only_waypoint = policy({"rules": [{"from": [{"source": {"principals": [WAYPOINT]}}]}]})
    refused = answer(only_web, plane="waypoint")
    assert (refused.verdict, refused.status) == (Verdict.DENY, 503)
    assert answer(only_waypoint, plane="waypoint").verdict is Verdict.ALLOW
    assert answer(only_waypoint, plane="waypoint", direct=True).verdict is Verdict.DENY


def test_callers_of_another_trust_domain_are_refused_by_ztunnel_alone() -> None:
    stranger = Caller("other/ns/web/sa/web")
    assert answer(plane="ztunnel", caller=stranger).verdict is Verdict.DENY
    assert answer(plane="sidecar", caller=stranger).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("layers", "sidecar", "ztunnel"),
    [
        ((peers("m", "STRICT", namespace="istio-system"),), "deny", "deny"),
        ((peers("m", "STRICT", namespace="istio-system"), peers("n", "PERMISSIVE")), "allow", "allow"),
        ((peers("n", "STRICT"), peers("w", "UNSET", ports={"8080": "PERMISSIVE"})), "allow", "allow"),
        ((peers("n", "STRICT"), peers("w", "UNSET", ports={"8080": "DISABLE"})), "allow", "deny"),
        ((peers("n", "STRICT"), peers("w", "UNSET", ports={"80": "PERMISSIVE"})), "deny", "deny"),
        ((peers("n", "PERMISSIVE"), peers("w", "UNSET", ports={"8080": "STRICT"})), "deny", "deny"),
        ((peers("w", "STRICT", ports={"9090": "DISABLE"}),), "deny", "deny"),
        ((peers("w", "STRICT", ports={"8080": "DISABLE"}),), "allow", "allow"),
    ],
)
def test_plaintext_under_peer_authentication(layers: Any, sidecar: str, ztunnel: str) -> None:
    assert answer(*layers, plane="sidecar", caller=Caller(None)).verdict == sidecar
    assert answer(*layers, plane="ztunnel", caller=Caller(None)).verdict == ztunnel


@pytest.mark.parametrize(
    ("rule", "request_", "now", "status"),
    [
        ({}, GET, None, 200),
        ({}, bearer({}), None, 200),
        ({}, bearer({"iss": "you"}), None, 401),
        ({"issuer": "you"}, bearer({}), None, 401),
        ({}, bearer({"exp": 1000}), 1060.0, 200),
        ({}, bearer({"exp": 1000}), 1061.0, 401),
        ({}, bearer({"nbf": 1000}), 900.0, 401),
        ({"audiences": ["https://a/"]}, bearer({"aud": ["a", "b"]}), None, 200),
        ({"audiences": ["c"]}, bearer({"aud": "a"}), None, 403),
        ({"jwks": "{}"}, bearer({}), None, 401),
        ({"jwks": "{}"}, bearer({}, signed=True), None, 200),
        ({}, Request("GET", "/?access_token=x.y.z", "reviews"), None, 401),
        ({"fromParams": ["t"]}, Request("GET", "/?access_token=x.y.z", "reviews"), None, 200),
        ({"fromHeaders": [{"name": "x-t"}]}, Request("GET", "/", "reviews", (("x-t", "junk"),)), None, 401),
        ({"fromCookies": ["t"]}, Request("GET", "/", "reviews", (("cookie", "a=b; t=junk"),)), None, 401),
        (
            {},
            Request(
                "OPTIONS",
                "/",
                "reviews",
                (("authorization", "Bearer x"), ("origin", "o"), ("access-control-request-method", "GET")),
            ),
            None,
            200,
        ),
    ],
)
def test_tokens(rule: dict[str, Any], request_: Request, now: float | None, status: int) -> None:
    assert answer(tokens(**rule), request=request_, now=now).status == status


def test_claims_reach_the_policies() -> None:
    assert answer(tokens(), policy(SPACED), request=bearer({"scope": "read write"})).verdict is Verdict.ALLOW
    assert answer(tokens(), policy(SPACED), request=bearer({"scope": "write"})).verdict is Verdict.DENY
    by_header = policy({"rules": [{"when": [{"key": "request.headers[x-sub]", "values": ["bob"]}]}]})
    outputs = tokens(outputClaimToHeaders=[{"header": "x-sub", "claim": "sub"}])
    assert answer(outputs, by_header, request=bearer({})).verdict is Verdict.ALLOW
    forged = Request("GET", "/", "reviews", (("x-sub", "bob"),))
    assert answer(outputs, by_header, request=forged).verdict is Verdict.DENY


@pytest.mark.parametrize(
    ("mode", "path", "verdict"),
    [
        ("BASE", "/x/../admin", "deny"),
        ("BASE", "/%61dmin", "deny"),
        ("BASE", "//admin", "allow"),
        ("NONE", "/x/../admin", "allow"),
        ("MERGE_SLASHES", "//admin", "deny"),
        ("MERGE_SLASHES", "/%2Fadmin", "allow"),
        ("DECODE_AND_MERGE_SLASHES", "/%2Fadmin", "deny"),
    ],
)
def test_paths_are_normalised_as_the_mesh_says(mode: str, path: str, verdict: str) -> None:
    config = {"kind": "MeshConfig", "pathNormalization": {"normalization": mode}}
    deny = policy({"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/admin"]}}]}]})
    assert answer(config, deny, request=Request("GET", path, "reviews")).verdict == verdict


def test_trust_domain_aliases_count_for_envoy_alone() -> None:
    config = {"kind": "MeshConfig", "trustDomain": "new", "trustDomainAliases": ["old"]}
    allow = policy({"rules": [{"from": [{"source": {"principals": ["old/ns/web/sa/web"]}}]}]})
    renamed = Caller("new/ns/web/sa/web")
    assert answer(config, allow, plane="sidecar", caller=renamed).verdict is Verdict.ALLOW
    assert answer(config, allow, plane="ztunnel", caller=renamed).verdict is Verdict.DENY


def switched_on(name: str) -> dict[str, Any]:
    return thing("install.istio.io/v1alpha1", "IstioOperator", "istio", {"values": {"pilot": {"env": {name: "true"}}}})


def test_switches_of_istiod() -> None:
    auto = switched_on("PILOT_AUTO_ALLOW_WAYPOINT_POLICY")
    assert answer(auto, plane="waypoint").verdict is Verdict.ALLOW
    assert answer(auto, plane="waypoint", direct=True).verdict is Verdict.DENY
    layered = switched_on("ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES")
    by_address = policy({"action": "DENY", "rules": [{"from": [{"source": {"ipBlocks": ["10.0.0.0/24"]}}]}]})
    assert answer(layered, by_address, plane="waypoint").path[-1].proxy == "waypoint"
    assert answer(by_address, plane="waypoint").verdict is Verdict.ALLOW


def test_custom_on_tcp_ignores_what_is_http() -> None:
    custom = policy({"action": "CUSTOM", "provider": {"name": "opa"}, "rules": HTTP_ONLY})
    assert answer(custom).verdict is Verdict.ALLOW
    assert answer(custom, request=None).verdict is Verdict.ASK
