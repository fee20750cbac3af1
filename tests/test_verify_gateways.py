"""What `verify` says of gateways: requests at every port and name, connections, and what is left out."""

from __future__ import annotations

from msgspec.structs import replace

from ambimigrate.convert import after
from ambimigrate.converters.settings import Accepted
from ambimigrate.converters.settings import Settings as Agreed
from ambimigrate.model import Mesh
from ambimigrate.render.verify_json import curl
from ambimigrate.verify import Difference, Settings, verify
from tests.oracle import worlds
from tests.oracle.fronts import SIMPLE, TERMINATE, api, gateway, listener, pods, route, server, shop
from tests.oracle.worlds import Tree, vs

SMALL = Settings(requests=60)
HTTP = gateway(server(80, "HTTP", "*.example"))
HTTPS = gateway(server(443, "HTTPS", "a.example", "b.example", tls=SIMPLE))
LISTENER = listener("http", 80, hostname="*.example")


def rules(*written: tuple[str, str]) -> str:
    """The spec of a VirtualService with a rule for each path and its Service."""
    parts = (f"{{match: [{{uri: {{prefix: {path}}}}}], route: [{{destination: {{host: {to}}}}}]}}" for path, to in written)
    return f"{{hosts: [a.example], gateways: [edge/public], http: [{', '.join(parts)}]}}"


def routed(*written: tuple[str, str], hosts: str = "a.example") -> str:
    parts = (
        f"{{matches: [{{path: {{type: PathPrefix, value: {path}}}}}], backendRefs: [{{name: {to}, port: 8000}}]}}"
        for path, to in written
    )
    return f"{{hostnames: [{hosts}], rules: [{', '.join(parts)}]}}"


def mesh(*objects: Tree) -> Mesh:
    return worlds.read([*pods(), *shop(), *objects])


def weighty(before: Mesh, after: Mesh) -> list[Difference]:
    found = verify((before,), (after,), SMALL).differences
    return [each for each in found if not each.minor and each.before.mode == "gateway"]


def test_equal_decisions_are_counted() -> None:
    before = mesh(HTTP, vs("v", rules(("/x", "web"), ("/", "next"))))
    found = verify((before,), (before,), SMALL)
    assert found.differences == ()
    assert {(place.host, place.port) for _, place, _ in found.places} >= {("ingress.edge.svc.cluster.local", 80)}
    assert found.routing > verify((mesh(),), (mesh(),), SMALL).routing + 40


def test_a_string_prefix_is_no_path_prefix_at_a_gateway() -> None:
    (found,) = weighty(mesh(HTTP, vs("v", rules(("/x", "web")))), mesh(api(LISTENER), route("r", routed(("/x", "web")))))
    assert found.ask.path == "/xx"
    assert (str(found.object), found.place.port) == ("Service edge/ingress", 80)
    assert found.before.text.startswith("shop/web:8000")
    assert found.after.text == "status 404"
    assert str(found.before.sources[0].ref) == "VirtualService shop/v"
    assert curl(found) == "curl -i -H 'host: a.example' 'http://ingress.edge.svc.cluster.local:80/xx'"


def test_a_port_that_nobody_listens_on_any_more() -> None:
    found = weighty(mesh(HTTP, vs("v", rules(("/", "web")))), mesh())
    assert {each.after.text for each in found} == {"closed"}
    assert all(str(each.before.sources[0].ref).endswith(("shop/v", "edge/public")) for each in found)


def test_hosts_of_one_server_share_connections() -> None:
    rule = "http: [{route: [{destination: {host: web}}]}]"
    before = mesh(HTTPS, vs("v", f"{{hosts: [a.example, b.example], gateways: [edge/public], {rule}}}"))
    gates = (listener(each, 443, "HTTPS", f"{each}.example", tls=TERMINATE) for each in ("a", "b"))
    (found,) = weighty(before, mesh(api(*gates), route("r", routed(("/", "web"), hosts="a.example, b.example"))))
    assert found.ask.tls
    assert found.ask.sni != found.ask.host
    assert found.after.text == "status 404; tls SIMPLE edge/cert" or found.after.text == "status 404"
    assert f"'https://{found.ask.sni}/" in curl(found)


def test_what_the_conversion_was_allowed_to_change_is_named() -> None:
    rule = "http: [{route: [{destination: {host: web}}]}]"
    before = mesh(HTTPS, vs("v", f"{{hosts: [a.example, b.example], gateways: [edge/public], {rule}}}"))
    settings = Agreed(gateways=True, accepted=(Accepted("GW903", "edge", "public"),))
    changes = worlds.converted(before, settings).changes
    end = after(before, changes)
    found = verify((before,), (end,), replace(SMALL, changes=changes))
    assert {each.named for each in found.differences if not each.minor} == {("GW903",)}
    assert not found.differs
    assert verify((before,), (end,), SMALL).differs


def test_what_one_gateway_was_allowed_excuses_no_other_gateway() -> None:
    rule = "http: [{route: [{destination: {host: web}}]}]"
    before = mesh(HTTPS, vs("v", f"{{hosts: [a.example, b.example], gateways: [edge/public], {rule}}}"))
    end = mesh(
        api(listener("a", 443, "HTTPS", "a.example", tls=TERMINATE), listener("b", 443, "HTTPS", "b.example", tls=TERMINATE)),
        route("r", "{hostnames: [a.example, b.example], rules: [{backendRefs: [{name: web, port: 8000}]}]}"),
    )
    settings = Agreed(gateways=True, accepted=(Accepted("GW903", "edge", "public"),))
    changes = worlds.converted(before, settings).changes
    agreed = next(each for each in changes if "GW903" in each.because and each.subject)
    assert agreed.subject is not None
    spec = replace(agreed.subject.body.spec, selector={"istio": "other"})
    elsewhere = replace(agreed, subject=replace(agreed.subject, body=replace(agreed.subject.body, spec=spec)))
    assert not verify((before,), (end,), replace(SMALL, changes=(agreed,))).differs
    assert verify((before,), (end,), replace(SMALL, changes=(elsewhere,))).differs


def test_nobody_agrees_to_an_opening_by_agreeing_to_closed_connections() -> None:
    """A connection for another host gets 404 for /v today, then what the wildcard serves there."""
    wide = gateway(
        *(server(443, "HTTPS", each, tls=SIMPLE, name=f"p{number}") for number, each in enumerate(("*.example", "a.example")))
    )
    rule = "http: [{{match: [{{uri: {{exact: {0}}}}}], route: [{{destination: {{host: {1}}}}}]}}]"
    before = mesh(
        wide,
        vs("v", f"{{hosts: ['*.example'], gateways: [edge/public], {rule.format('/v', 'web')}}}"),
        vs("u", f"{{hosts: [a.example], gateways: [edge/public], {rule.format('/u', 'next')}}}"),
    )
    changes = worlds.converted(before, Agreed(gateways=True, accepted=(Accepted("GW903", "edge", "public"),))).changes
    found = verify((before,), (after(before, changes),), replace(SMALL, changes=changes)).differences
    names = {(each.ask.path, each.named) for each in found if each.ask.tls and not each.minor}
    assert names == {("/u", ("GW903",)), ("/v", ())}


def test_another_certificate_is_a_difference() -> None:
    tls = {"mode": "Terminate", "certificateRefs": [{"name": "other"}]}
    gates = gateway(server(443, "HTTPS", "a.example", tls=SIMPLE)), api(listener("a", 443, "HTTPS", "a.example", tls=tls))
    found = weighty(mesh(gates[0], vs("v", rules(("/", "web")))), mesh(gates[1], route("r", routed(("/", "web")))))
    assert [each.because.partition(":")[0] for each in found] == ["another certificate or mode of TLS"]
    assert found[0].after.text.endswith("tls SIMPLE edge/other")


def test_a_client_outside_has_no_certificate_of_the_mesh() -> None:
    rule = vs("v", rules(("/", "web")))
    for tls, ends in ((SIMPLE, True), ({"mode": "ISTIO_MUTUAL"}, False)):
        found = weighty(mesh(gateway(server(443, "HTTPS", "a.example", tls=tls)), rule), mesh())
        assert bool(found) == ends


def test_connections_are_compared_by_server_name() -> None:
    def tls(to: str) -> Tree:
        rule = f"{{match: [{{sniHosts: [a.example]}}], route: [{{destination: {{host: {to}}}}}]}}"
        return vs("v", f"{{hosts: [a.example], gateways: [edge/public], tls: [{rule}]}}")

    gate = gateway(server(443, "TLS", tls={"mode": "PASSTHROUGH"}))
    (found,) = weighty(mesh(gate, tls("db")), mesh(gate, tls("web")))
    assert not found.place.is_http
    assert curl(found) == "openssl s_client -connect ingress.edge.svc.cluster.local:443 -servername a.example"


def test_a_host_header_with_the_default_port_is_minor() -> None:
    before = mesh(gateway(server(80, "HTTP", "a.example", tls={"httpsRedirect": True})))
    redirect = "{filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]}"
    after = mesh(api(listener("http", 80, hostname="a.example")), route("r", f"{{rules: [{redirect}]}}"))
    (found,) = verify((before,), (after,), SMALL).differences
    assert found.minor
    assert found.because.startswith("another redirect for a Host header that names the default port")


def test_what_is_left_out_is_named() -> None:
    tls = {**SIMPLE, "minProtocolVersion": "TLSV1_2"}
    claims = "{match: [{headers: {'@request.auth.claims.group': {exact: a}}}], route: [{destination: {host: web}}]}"
    before = mesh(
        gateway(server(443, "HTTPS", tls=tls), server(8080, "HTTP", bind="127.0.0.1")),
        gateway(server(80, "HTTP"), name="alone", selector={"istio": "elsewhere"}),
        vs("v", f"{{hosts: [a.example], gateways: [edge/public, edge/lost], http: [{claims}]}}"),
    )
    taken = "its pods are not in the input; they are taken to be in namespace istio-system"
    found = {
        (str(each.object), each.because)
        for each in verify((before,), (replace(before, resources=before.resources[1:]),)).unchecked
    }
    assert {
        ("Gateway edge/public", "versions, ciphers and client certificates of TLS on port 443 are not compared"),
        ("Gateway edge/public", "its server on 127.0.0.1:8080 is not compared, since it listens on one address"),
        ("Gateway edge/alone", f"{taken} and to be dialled on the ports of its servers"),
        ("VirtualService shop/v", "Gateway edge/lost is not in the input, so what it does with its rules is not compared"),
        ("VirtualService shop/v", "routing by the claims of tokens is not compared"),
    } <= found
