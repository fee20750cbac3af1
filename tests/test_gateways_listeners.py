"""Servers of overlapping hosts as listeners, of which the finest alone takes routes for a host."""

from __future__ import annotations

from pathlib import Path

from ambimigrate.converters.settings import Accepted, Settings
from tests.test_gateways import created, gateway, reasons, tried, virtual_service


def server(host: str, number: int = 80, tls: str = "") -> str:
    said = f", tls: {tls}" if tls else ""
    kind = "HTTPS" if "SIMPLE" in tls else "TLS" if tls else "HTTP"
    name = f"s{number}-{host.strip('*./').replace('*', '').replace('/', '')}"
    return f"{{port: {{number: {number}, name: '{name}', protocol: {kind}}}, hosts: ['{host}']{said}}}"


def test_a_host_is_for_the_finest_listener_alone(tmp_path: Path) -> None:
    spec = "{hosts: [a.example, b.other], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}"
    servers = f"[{server('*')}, {server('*.example')}]"
    (route,) = created(tried(tmp_path, gateway(servers) + virtual_service(spec)), "HTTPRoute")
    assert [each["sectionName"] for each in route["spec"]["parentRefs"]] == ["http-80-any", "http-80-any-example"]
    (only,) = created(tried(tmp_path, gateway(servers) + virtual_service(spec.replace(", b.other", ""))), "HTTPRoute")
    assert [each["sectionName"] for each in only["spec"]["parentRefs"]] == ["http-80-any-example"]


def test_a_finer_listener_that_does_not_take_the_namespace_keeps_its_hosts(tmp_path: Path) -> None:
    spec = "{hosts: [a.example], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}"
    servers = f"[{server('*')}, {server('store/*.example')}]"
    found = tried(tmp_path, gateway(servers) + virtual_service(spec))
    assert any("as listeners, by *.example, which is not for shop" in each for each in reasons(found))


def test_servers_of_overlapping_names_answer_each_others_connections(tmp_path: Path) -> None:
    simple = "{mode: SIMPLE, credentialName: c}"
    servers = f"[{server('*', 443, simple)}, {server('*.example', 443, simple)}]"
    found = tried(tmp_path, gateway(servers))
    assert any("connections of server * also get *.example" in each for each in reasons(found))
    agreed = Settings((Accepted("GW903", "edge", "gw"),), gateways=True)
    assert not tried(tmp_path, gateway(servers), agreed).held


def test_a_server_name_goes_to_the_finest_listener(tmp_path: Path) -> None:
    rule = "{match: [{sniHosts: [a.example]}], route: [{destination: {host: web}}]}"
    spec = f"{{hosts: ['*.example'], gateways: [edge/gw], tls: [{rule}]}}"
    passed = "{mode: PASSTHROUGH}"
    servers = f"[{server('*.example', 8443, passed)}, {server('a.example', 8443, passed)}]"
    (route,) = created(tried(tmp_path, gateway(servers) + virtual_service(spec)), "TLSRoute")
    assert [each["sectionName"] for each in route["spec"]["parentRefs"]] == ["tls-8443-a-example"]


def test_names_of_ports_are_unique_as_istio_demands(tmp_path: Path) -> None:
    twice = f"[{server('a.example')}, {server('a.example', 8081)}]".replace("s8081", "s80")
    assert any("two servers call their port s80-a.example" in each for each in reasons(tried(tmp_path, gateway(twice))))


def test_every_host_and_a_name_beside_it_are_two_routes(tmp_path: Path) -> None:
    spec = "{hosts: ['*', x.example], gateways: [edge/gw], http: [{route: [{destination: {host: web}}]}]}"
    routes = created(tried(tmp_path, gateway(f"[{server('*')}]") + virtual_service(spec)), "HTTPRoute")
    assert [each["spec"].get("hostnames") for each in routes] == [None, ["x.example"]]


def test_lists_that_are_not_sorted_together_must_not_meet(tmp_path: Path) -> None:
    wide = (
        "{hosts: ['*.example'], gateways: [edge/gw], http: [{match: [{uri: {regex: '/[a-z]/b'}}], redirect: {uri: /r}}, ALL]}"
    )
    wide = wide.replace("ALL", "{route: [{destination: {host: web}}]}")
    narrow = "{hosts: [a.example], gateways: [edge/gw], http: [{match: [{uri: {exact: /}}], redirect: {uri: /x}}]}"
    objects = virtual_service(wide) + virtual_service(narrow, "narrow")
    assert any(
        "today the older one wins" in each for each in reasons(tried(tmp_path, gateway(f"[{server('a.example')}]") + objects))
    )
    assert not reasons(tried(tmp_path, gateway(f"[{server('*')}]") + objects))  # two virtual hosts


def test_a_server_that_ends_tls_takes_no_server_names_of_rules(tmp_path: Path) -> None:
    rule = "{match: [{sniHosts: ['*.a.example']}], route: [{destination: {host: web}}]}"
    spec = f"{{hosts: ['*.a.example', '*'], gateways: [edge/gw], tls: [{rule}]}}"
    ended = server("*", 443, "{mode: SIMPLE, credentialName: c}")
    servers = f"[{ended}, {server('a.example', 443, '{mode: PASSTHROUGH}')}]"
    found = tried(tmp_path, gateway(servers) + virtual_service(spec))
    assert any("no server of port 443 is for all of *.a.example" in each for each in reasons(found))
