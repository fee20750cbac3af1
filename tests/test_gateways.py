"""Istio Gateways as Gateways of the Gateway API: every request gets the same answer, and what shares an end stays together."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from ambimigrate.analyse import analyse
from ambimigrate.changes import Create, Stage
from ambimigrate.cli import _app
from ambimigrate.convert import Choice, Conversion, convert
from ambimigrate.converters.gateways.binding import named
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.model import Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, Version
from tests.conftest import FIXTURES

FRONT = (FIXTURES / "convert" / "gateways" / "input" / "edge.yaml").read_text(encoding="utf-8").partition("# plain HTTP")[0]
SHOP = (FIXTURES / "convert" / "gateways" / "input" / "shop.yaml").read_text(encoding="utf-8")
APPS = SHOP.partition("apiVersion: networking.istio.io/v1")[0]
TARGET = Target(NEWEST, NEWEST_GATEWAY_API, "standard")


def tried(
    folder: Path, objects: str, settings: Settings | None = None, target: Target = TARGET, front: str = FRONT
) -> Conversion:
    """The conversion of a gateway's pods, two applications and these objects."""
    (folder / "all.yaml").write_text(f"{front}{APPS}{objects}", encoding="utf-8")
    reading = read_files([str(folder)], target)
    return convert(reading.meshes, (), Choice(settings=settings or Settings(gateways=True)), check=lambda _: ())


def gateway(servers: str, name: str = "gw", namespace: str = "edge") -> str:
    return (
        f"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec:\n  selector: {{istio: ingressgateway}}\n  servers: {servers}\n---\n"
    )


def virtual_service(spec: str, name: str = "vs", namespace: str = "shop") -> str:
    return (
        f"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {spec}\n---\n"
    )


OUTSIDE = (
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: plain}\n---\napiVersion: v1\nkind: Service\n"
    "metadata: {name: app, namespace: plain}\nspec: {selector: {app: app}, ports: [{name: http, port: 80}]}\n---\n"
)
HTTP = '[{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]'


def created(conversion: Conversion, kind: str) -> list[dict[str, Any]]:
    creates = (each.action for each in conversion.changes if isinstance(each.action, Create) and each.ref.kind == kind)
    return [json.loads(json.dumps(each.value)) for each in creates if each.value["apiVersion"].startswith("gateway.networking")]


def reasons(conversion: Conversion) -> list[str]:
    return [each.reason for each in conversion.held if "GW904" in each.because]


# --- an oracle for requests -----------------------------------------------------------------------------------------


def answers(routes: Iterable[dict[str, Any]], host: str, path: str, headers: dict[str, str]) -> str:
    """The backend that Istio picks of these routes (conversion.md 2.3): the most specific host, then path, then conditions."""
    every = list(routes)
    known = [name for route in every for name in route["spec"].get("hostnames", ["*"])]
    fitting = [name for name in known if name == host or (name.startswith("*") and host.endswith(name[1:]))]
    if not fitting:
        return "404"
    best = max(fitting, key=lambda name: (name == host, len(name)))
    own = (route for route in every if best in route["spec"].get("hostnames", ["*"]))
    ranked = sorted(((match, rule) for route in own for rule in route["spec"]["rules"] for match in rule["matches"]), key=rank)
    found = next((rule for match, rule in ranked if meets(match, path, headers)), None)
    return "404" if found is None else found["backendRefs"][0]["name"]


def rank(pair: tuple[dict[str, Any], Any]) -> tuple[int, int, int]:
    path, headers = pair[0]["path"], pair[0].get("headers", ())
    kinds = {"Exact": 0, "PathPrefix": 1, "RegularExpression": 2}
    text = path["value"].rstrip("/") if path["type"] == "PathPrefix" else path["value"]
    return kinds[path["type"]], -len(text), -len(headers)


def meets(match: dict[str, Any], path: str, headers: dict[str, str]) -> bool:
    kind, value = match["path"]["type"], match["path"]["value"]
    bare = value.rstrip("/")
    fits = {"Exact": path == value, "PathPrefix": path == bare or path.startswith(f"{bare}/")}
    if not fits.get(kind, kind == "RegularExpression" and re.fullmatch(value, path) is not None):
        return False
    return all(headers.get(each["name"]) == each["value"] for each in match.get("headers", ()))


CASES: dict[str, tuple[tuple[str, ...], dict[tuple[str, str, str], str]]] = {
    "one host": (
        ("{hosts: [a.example], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}",),
        {("a.example", "/", ""): "web", ("b.example", "/", ""): "404", ("a.example", "/x/y", "1"): "web"},
    ),
    "a wildcard, and a name that it covers": (
        (
            '{hosts: ["*.a.example"], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}',
            "{hosts: [b.a.example], gateways: [edge/gw], http: [{match: [{uri: {prefix: /n/}}],"
            " route: [{destination: {host: web-next, port: {number: 8000}}}]}]}",
        ),
        {
            ("c.a.example", "/n/", ""): "web",
            ("b.a.example", "/n/1", ""): "web-next",
            ("b.a.example", "/", ""): "404",
            ("x.y.a.example", "/", ""): "web",
            ("a.example", "/", ""): "404",
        },
    ),
    "text prefixes, headers and order": (
        (
            "{hosts: [a.example], gateways: [edge/gw], http: ["
            "{match: [{uri: {prefix: /api}, headers: {x-new: {exact: '1'}}}],"
            " route: [{destination: {host: web-next, port: {number: 8000}}}]},"
            "{match: [{uri: {prefix: /api/v1}}, {uri: {exact: /old}}], route: [{destination: {host: web}}]},"
            "{match: [{uri: {prefix: /api}}], route: [{destination: {host: web-next, port: {number: 9000}}}]}]}",
        ),
        {
            ("a.example", "/apiary", "1"): "web-next",
            ("a.example", "/api/v1/x", "1"): "web-next",
            ("a.example", "/api/v10", ""): "web",
            ("a.example", "/apiary", ""): "web-next",
            ("a.example", "/old", ""): "web",
            ("a.example", "/older", ""): "404",
        },
    ),
    "two VirtualServices of one host": (
        (
            "{hosts: [a.example], gateways: [edge/gw], http: [{match: [{uri: {prefix: /files/}}],"
            " route: [{destination: {host: web-next, port: {number: 8000}}}]}]}",
            "{hosts: [a.example], gateways: [edge/gw], http: [{match: [{uri: {exact: /a}}],"
            " route: [{destination: {host: web}}]}]}",
        ),
        {("a.example", "/files/x", ""): "web-next", ("a.example", "/a", ""): "web", ("a.example", "/b", ""): "404"},
    ),
    "a delegate": (
        (
            "{hosts: [a.example], gateways: [edge/gw], http: [{match: [{uri: {prefix: /d/}}], delegate: {name: vs1}},"
            " {route: [{destination: {host: web}}]}]}",
            "{http: [{match: [{uri: {prefix: /d/e/}}], route: [{destination: {host: web-next, port: {number: 8000}}}]}]}",
        ),
        {("a.example", "/d/e/", ""): "web-next", ("a.example", "/d/f", ""): "web", ("a.example", "/", ""): "web"},
    ),
    "entries for one gateway and one port": (
        (
            "{hosts: [a.example], gateways: [edge/gw], http: [{match: [{gateways: [edge/other]}, {port: 81}],"
            " route: [{destination: {host: web-next, port: {number: 9000}}}]},"
            " {match: [{gateways: [edge/gw], port: 80}], route: [{destination: {host: web}}]}]}",
        ),
        {("a.example", "/", ""): "web"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_request_gets_the_answer_of_the_virtual_services(case: str, tmp_path: Path) -> None:
    services, requests = CASES[case]
    objects = "".join(virtual_service(each, f"vs{number}") for number, each in enumerate(services))
    conversion = tried(tmp_path, gateway(HTTP) + objects)
    assert not conversion.held
    routes = created(conversion, "HTTPRoute")
    for (host, path, said), wanted in requests.items():
        assert answers(routes, host, path, {"x-new": said} if said else {}) == wanted, (host, path, said)


def test_the_address_stays_and_the_gateway_goes_before_what_is_bound_to_it(tmp_path: Path) -> None:
    vs = virtual_service("{hosts: [a.example], gateways: [shop/gw], http: [{route: [{destination: {host: web}}]}]}")
    conversion = tried(tmp_path, gateway(HTTP, namespace="shop") + vs)
    (found,) = created(conversion, "Gateway")
    assert found["metadata"]["namespace"] == "edge"  # of the Service: elsewhere istiod binds it to no pods
    assert found["spec"]["addresses"] == [{"type": "Hostname", "value": "ingress.edge.svc.cluster.local"}]
    ends = {each.ref.kind: each.stage for each in conversion.changes if each.action is None}
    assert ends == {"Gateway": Stage.retire, "VirtualService": Stage.tighten}
    assert any(each.startswith("Gateway shop/gw (Istio) is deleted in retire") for each in conversion.notes)


def test_nothing_changes_without_the_option(tmp_path: Path) -> None:
    vs = virtual_service("{hosts: [a.example], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}")
    conversion = tried(tmp_path, gateway(HTTP) + vs, Settings())
    assert not [each for each in conversion.changes if each.ref.kind in {"Gateway", "HTTPRoute", "VirtualService"}]
    assert [each.reason for each in conversion.untouched if each.ref.kind == "VirtualService"] == [
        "it is bound to gateways only, which route as before"
    ]


def test_a_group_is_converted_whole_or_not_at_all(tmp_path: Path) -> None:
    good = "{hosts: [a.example], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}"
    bad = "{hosts: [b.example], gateways: [edge/gw], http: [{route: [{destination: {host: web, subset: v1}}]}]}"
    conversion = tried(tmp_path, gateway(HTTP) + virtual_service(good) + virtual_service(bad, "bad"))
    assert not [each for each in conversion.changes if "GW902" in each.because]
    assert {each.ref.name for each in conversion.held} == {"gw", "vs", "bad"}
    assert not conversion.holding  # a gateway that stays holds no namespace


def test_only_a_choice_of_all_its_namespaces_takes_a_gateway(tmp_path: Path) -> None:
    vs = virtual_service("{hosts: [a.example], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}")
    tried(tmp_path, gateway(HTTP) + vs)
    reading = read_files([str(tmp_path)], TARGET)
    for names, taken in ((("shop",), False), (("edge", "shop"), True)):
        conversion = convert(reading.meshes, (), Choice(names, settings=Settings(gateways=True)), check=lambda _: ())
        assert any("GW902" in each.because for each in conversion.changes) == taken
        assert any("choose its namespaces together: edge, shop" in each for each in conversion.notes) != taken


def test_two_hosts_of_one_certificate_are_agreed_to_by_name(tmp_path: Path) -> None:
    server = "[{port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.example, b.example],"
    objects = gateway(f"{server} tls: {{mode: SIMPLE, credentialName: c}}}}]")
    conversion = tried(tmp_path, objects)
    assert any("HTTP/2" in (each.witness or "") for each in conversion.held)
    agreed = Settings((Accepted("GW903", "edge", "gw"),), gateways=True)
    found = [each for each in tried(tmp_path, objects, agreed).changes if "GW903" in each.because]
    assert {each.verdict for each in found} == {"differs"}
    assert all(each.witness for each in found)


def refused() -> Iterator[tuple[str, str, str]]:
    simple = "{hosts: [a.example], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}"
    trusted = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n"
    trusted += "    defaultConfig: {gatewayTopology: {numTrustedProxies: 1}}\n---\n"
    redirect = "[{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.example], tls: {httpsRedirect: true}}]"
    yield "trusted proxies", gateway(redirect) + trusted, "X-Forwarded-Proto"
    limited = gateway(redirect.replace("[a.example]", "[shop/a.example]"))
    yield "a redirect for a namespace", limited, "redirects shop/a.example only for hosts of VirtualServices"
    filtered = (
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: f, namespace: edge}\nspec:\n"
        "  configPatches:\n    - applyTo: HTTP_ROUTE\n      match: {routeConfiguration: {gateway: edge/gw}}\n"
        "      patch: {operation: MERGE}\n---\n"
    )
    yield "a filter by name", gateway(HTTP) + virtual_service(simple) + filtered, "EnvoyFilter edge/f matches Gateway edge/gw"
    second = "apiVersion: v1\nkind: Service\nmetadata: {name: second, namespace: edge}\nspec:\n"
    second += "  selector: {istio: ingressgateway}\n  ports: [{name: http, port: 80}]\n---\n"
    yield "two Services", gateway(HTTP) + second, "one Service in front of its pods is needed"
    ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\n"
    ingress += "spec: {ingressClassName: istio}\n---\n"
    yield "an Ingress", gateway(HTTP) + ingress, "Ingress shop/i is for gateways of Istio, too"
    tls = "[{port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.example], tls: {mode: SIMPLE, credentialName: c}}]"
    spec = "{hosts: [a.example], gateways: [edge/gw], http: [{redirect: {uri: /x}}]}"
    yield "a redirect behind TLS", gateway(tls) + virtual_service(spec), "behind TLS only a redirect that names its scheme"
    knative = gateway(HTTP).replace(
        "namespace: edge}", "namespace: edge, labels: {networking.knative.dev/ingress-provider: istio}}"
    )
    yield "a controller", knative, "a controller uses or writes it"
    two = virtual_service(simple) + virtual_service(simple.replace("web}", "web-next, port: {number: 8000}}"), "more")
    yield "two catch-alls", gateway(HTTP) + two, "today the older one wins"


def surrounded() -> Iterator[tuple[str, str, str]]:
    """What is around a gateway."""
    dns = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: dns, namespace: dns}\nspec:\n  template:\n    spec:\n"
    dns += "      containers: [{name: dns, image: registry.example/external-dns:1, args: [--source=istio-gateway]}]\n---\n"
    yield "DNS records of it", gateway(HTTP) + dns, "makes DNS records of it (source istio-gateway)"
    more = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: more, namespace: edge}\nspec:\n  template:\n"
    more += "    metadata: {labels: {istio: ingressgateway, track: next}}\n    spec: {containers: []}\n---\n"
    stable = gateway(HTTP).replace("{istio: ingressgateway}", "{istio: ingressgateway, app: ingress}")
    yield "a Service of more pods", stable + more, "Service ingress is also in front of Deployment more"
    istiod = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod, namespace: istio-system}\nspec:\n  template:\n"
    istiod += "    spec:\n      containers:\n        - name: discovery\n          env:\n"
    istiod += "            - {name: PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME, value: edge}\n---\n"
    yield "another class", gateway(HTTP) + istiod, "its class has a name of its own"


STAYS = (*refused(), *surrounded())


@pytest.mark.parametrize(("objects", "said"), [each[1:] for each in STAYS], ids=[each[0] for each in STAYS])
def test_what_is_not_shown_to_be_the_same_stays(objects: str, said: str, tmp_path: Path) -> None:
    conversion = tried(tmp_path, objects)
    assert not created(conversion, "Gateway")
    assert any(said in each for each in reasons(conversion)), reasons(conversion)


def test_ports_that_lead_to_one_port_of_the_pods_share_a_table(tmp_path: Path) -> None:
    two = f"{HTTP[:-1]}, {{port: {{number: 8081, name: http-alt, protocol: HTTP}}, hosts: [a.example]}}]"
    front = FRONT.replace("port: 8081, targetPort: 8081", "port: 8081, targetPort: 8080")
    assert not reasons(tried(tmp_path, gateway(two)))
    assert any("ports 80 and 8081 of Service ingress" in each for each in reasons(tried(tmp_path, gateway(two), front=front)))


def test_ports_of_http3_lead_to_other_ports_of_the_pods(tmp_path: Path) -> None:
    """A Service may have a number twice, for TCP and for UDP; a listener means the former."""
    two = f"{HTTP[:-1]}, {{port: {{number: 8081, name: http-alt, protocol: HTTP}}, hosts: [a.example]}}]"
    tcp = "port: 8081, targetPort: 8081}"
    assert tcp in FRONT
    front = FRONT.replace(tcp, f"{tcp}\n    - {{name: quic, protocol: UDP, port: 8081, targetPort: 8080}}")
    assert not reasons(tried(tmp_path, gateway(two), front=front))


def test_an_overlay_that_renames_holds_it(tmp_path: Path) -> None:
    vs = virtual_service("{hosts: [a.example], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}")
    tried(tmp_path, gateway(HTTP) + vs)
    (mesh,) = read_files([str(tmp_path)], TARGET).meshes
    named = [
        replace(each, ref=each.ref._replace(name="other")) if each.kind == "VirtualService" else each for each in mesh.resources
    ]
    mesh = replace(mesh, resources=tuple(named), _memo={})
    conversion = convert((mesh,), (), Choice(settings=Settings(gateways=True)), check=lambda _: ())
    assert any("which no prefix or suffix explains" in each for each in reasons(conversion))


def test_server_names_wait_for_releases_that_read_them(tmp_path: Path) -> None:
    server = "[{port: {number: 8443, name: tls, protocol: TLS}, hosts: [a.example], tls: {mode: PASSTHROUGH}}]"
    rule = "{match: [{sniHosts: [a.example]}], route: [{destination: {host: web}}]}"
    spec = f"{{hosts: [a.example], gateways: [edge/gw], tls: [{rule}]}}"
    objects = gateway(server) + virtual_service(spec)
    assert created(tried(tmp_path, objects), "TLSRoute")[0]["spec"]["hostnames"] == ["a.example"]
    old = tried(tmp_path, objects, target=Target(Version(1, 29, 2), Version(1, 4, 1), "experimental"))
    assert any("PILOT_ENABLE_ALPHA_GATEWAY_API" in each for each in reasons(old))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("gw", ("shop", "gw")),
        ("edge/gw", ("edge", "gw")),
        ("./gw", ("shop", "gw")),
        ("gw.edge", ("edge", "gw")),
        ("gw.edge.svc.cluster.local", ("edge", "gw")),
    ],
)
def test_names_of_gateways(text: str, name: tuple[str, str]) -> None:
    assert named(text, "shop") == name


def test_the_stages_are_written_one_after_the_other(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "convert" / "gateways" / "input", tmp_path / "tree")
    common = [
        "convert",
        str(tmp_path / "tree"),
        "--gateways",
        "--accept",
        "GW903:edge/agreed",
        "-A",
        "--write",
        "-q",
        "--force",
    ]
    for stage in Stage:
        result = CliRunner().invoke(_app(["convert"]), [*common, "--stage", stage.name])
        assert result.exit_code == 0, (stage, result.output)
    left = read_files([str(tmp_path / "tree")], TARGET).meshes
    kinds = {(each.ref.group, each.kind) for each in left[0].resources}
    assert ("networking.istio.io", "Gateway") not in kinds
    assert {each.name for each in left[0].resources if each.kind == "VirtualService"} == {"next"}
    assert not [each for each in analyse(left) if each.rule.startswith("RT")]


def test_where_the_mesh_keeps_it_the_gateway_keeps_it_too(tmp_path: Path) -> None:
    both = "{hosts: [web.shop.svc.cluster.local], gateways: [edge/gw, mesh], http: [{route: [{destination: {host: web}}]}]}"
    kept = tried(tmp_path, gateway(HTTP) + virtual_service(both), Settings(gateways=True, keep=frozenset({"shop/web"})))
    assert any("whose waypoint carries it out" in each for each in reasons(kept))
    other = both.replace("web.shop", "app.plain").replace("host: web}", "host: app}")
    spaced = tried(tmp_path, gateway(HTTP) + OUTSIDE + virtual_service(other, namespace="plain"))
    assert any("namespace plain is not enrolled" in each for each in reasons(spaced))
    assert not [each for each in (*kept.changes, *spaced.changes) if "GW902" in each.because]


def test_routes_of_both_parts_have_names_of_their_own(tmp_path: Path) -> None:
    both = "{hosts: [web.shop.svc.cluster.local], gateways: [edge/gw, mesh], http: [{route: [{destination: {host: web}}]}]}"
    alone = "{hosts: [a.example], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}"
    objects = gateway(HTTP) + virtual_service(both) + virtual_service(alone, "vs-gateway")
    names = [each["metadata"]["name"] for each in created(tried(tmp_path, objects), "HTTPRoute")]
    assert sorted(names) == ["vs", "vs-gateway", "vs-gateway-gateway"]


SUBSETS = (
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: web, namespace: NAMESPACE}\nspec:\n"
    "  host: web.shop.svc.cluster.local\n  subsets: [{name: v1, labels: {version: v1}}]\n---\n"
)
OF_SUBSET = "{hosts: [a.example], gateways: [edge/gw], http: [{route: [{destination: {host: web, subset: v1}}]}]}"


def test_a_subset_that_only_gateways_name_gets_its_service_first(tmp_path: Path) -> None:
    found = tried(tmp_path, gateway(HTTP) + SUBSETS.replace("NAMESPACE", "shop") + virtual_service(OF_SUBSET))
    assert not found.held
    assert {each.ref.name: each.stage for each in found.changes if each.ref.kind == "Service"} == {"web-v1": Stage.prepare}
    assert created(found, "HTTPRoute")[0]["spec"]["rules"][0]["backendRefs"][0]["name"] == "web-v1"


def test_a_gateway_with_a_destination_rule_of_its_own_keeps_the_subset(tmp_path: Path) -> None:
    objects = gateway(HTTP) + SUBSETS.replace("NAMESPACE", "shop") + SUBSETS.replace("NAMESPACE", "edge")
    found = tried(tmp_path, objects + virtual_service(OF_SUBSET))
    assert any("gateways in edge take the subsets of web from their own" in each for each in reasons(found))
    assert not [each for each in found.changes if each.ref.kind == "Service"]


def test_a_service_of_a_subset_in_a_namespace_that_stays_is_missed(tmp_path: Path) -> None:
    objects = gateway(HTTP) + SUBSETS.replace("NAMESPACE", "shop")
    found = tried(
        tmp_path,
        objects + virtual_service(OF_SUBSET.replace("host: web,", "host: web.shop.svc.cluster.local,"), namespace="edge"),
    )
    assert any("need a grant for Service shop/web-v1, which is not there yet" in each for each in reasons(found))


def test_many_hosts_and_servers_are_shared_out(tmp_path: Path) -> None:
    hosts = [f"h{number}.example" for number in range(40)]
    server = f"[{{port: {{number: 80, name: http, protocol: HTTP2}}, hosts: [{', '.join(hosts)}]}}]"
    spec = f"{{hosts: [{', '.join(hosts)}], gateways: [edge/gw], http: [{{route: [{{destination: {{host: web}}}}]}}]}}"
    routes = created(tried(tmp_path, gateway(server) + virtual_service(spec)), "HTTPRoute")
    assert [each["metadata"]["name"] for each in routes] == ["vs-01", "vs-02", "vs-03"]
    assert [name for each in routes for name in each["spec"]["hostnames"]] == hosts
    assert [len(each["spec"]["parentRefs"]) for each in routes] == [16, 16, 8]


@pytest.mark.parametrize(
    ("namespace", "exported", "default", "said"),
    [
        ("edge", ".", "*", ""),
        ("shop", "edge", "*", ""),
        ("shop", "shop", "*", "gateways in edge do not see it"),
        ("shop", "*", ".", "hides routes, which have no exportTo"),
    ],
)
def test_a_route_is_seen_where_the_virtual_service_is(
    namespace: str, exported: str, default: str, said: str, tmp_path: Path
) -> None:
    settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n"
    settings += f'    defaultVirtualServiceExportTo: ["{default}"]\n---\n'
    spec = (
        f'{{hosts: [a.example], gateways: [edge/gw], exportTo: ["{exported}"], http: [{{redirect: {{authority: b.example}}}}]}}'
    )
    found = reasons(tried(tmp_path, gateway(HTTP) + settings + virtual_service(spec, namespace=namespace)))
    assert any(said in each for each in found) if said else not found


def test_what_is_left_of_a_gateway_that_went_is_named_without_the_option(tmp_path: Path) -> None:
    vs = virtual_service("{hosts: [a.example], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}")
    made = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: edge,"
    made += " annotations: {ambimigrate.io/from: Gateway/edge/gw}}\nspec: {gatewayClassName: istio, listeners: []}\n---\n"
    said = [each.reason for each in tried(tmp_path, made + vs, Settings()).untouched if each.ref.kind == "VirtualService"]
    assert said == ["its Gateways are of the Gateway API by now; --gateways deletes it"]
    assert [each.ref.kind for each in tried(tmp_path, made + vs).changes if "GW902" in each.because] == ["VirtualService"]


def test_an_unknown_namespace_is_asked_for(tmp_path: Path) -> None:
    conversion = tried(tmp_path, gateway(HTTP).replace(", namespace: edge}", "}"))
    assert any("its namespace is not known" in each for each in reasons(conversion))
