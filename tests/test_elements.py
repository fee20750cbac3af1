"""Prefix rewrites that count for whole path elements, as agreed: nothing differs but what that names."""

from __future__ import annotations

import pytest

from ambimigrate.convert import after
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.model import Mesh
from tests.oracle import worlds
from tests.oracle.worlds import app, at_waypoint, rule, vs

AGREED = Settings((Accepted("VS924", "shop", "web"),))


def entry(prefix: str, to: str, host: str = "web") -> str:
    return rule(host, f"match: [{{uri: {{prefix: {prefix}}}}}]", f"rewrite: {{uri: {to}}}")


def both(*rules: str) -> tuple[Mesh, Mesh, set[str]]:
    """The mesh before, what convert makes of it at a waypoint, and the verdicts."""
    before = worlds.read([*at_waypoint(), *app("web"), *app("next"), vs("web", worlds.http(*rules, hosts="web"))])
    changes = worlds.converted(before, AGREED).changes
    return before, after(before, changes), {each.verdict for each in changes if each.ref.kind == "HTTPRoute"}


def differing(before: Mesh, end: Mesh, *paths: str) -> list[str]:
    asked = {path: worlds.request("web", path) for path in paths}
    return [
        path
        for path, each in asked.items()
        if worlds.plain(worlds.by_sidecar(before, each)) != worlds.plain(worlds.by_waypoint(end, each))
    ]


def test_only_what_begins_with_the_text_goes_elsewhere() -> None:
    before, end, verdicts = both(entry("/old", "/new"), rule("next"))
    assert differing(before, end, "/old", "/old/", "/old/a", "/old?a=1", "/o", "/", "/oldest", "/oldx/y") == [
        "/oldest",
        "/oldx/y",
    ]
    assert verdicts == {"differs"}


def test_a_slash_is_not_doubled_any_more() -> None:
    before, end, verdicts = both(entry("/app", "/"))
    assert differing(before, end, "/app", "/x", "/app/", "/app/a", "/apple") == ["/app/", "/app/a", "/apple"]
    (reached,) = (each.request for _, each in worlds.by_waypoint(end, worlds.request("web", "/app/a")).outcomes)
    assert reached is not None
    assert reached.path == "/a"
    assert verdicts == {"differs"}


def test_a_bare_path_goes_where_its_prefix_goes_only_if_nothing_takes_it() -> None:
    before, end, verdicts = both(entry("/admin/", "/"))
    assert differing(before, end, "/admin/", "/admin/a", "/adminx", "/admin") == ["/admin"]
    assert verdicts == {"differs"}


@pytest.mark.parametrize("rest", [rule("next"), rule("next", "match: [{uri: {exact: /admin}}]")])
def test_nothing_differs_where_a_later_rule_takes_it(rest: str) -> None:
    before, end, verdicts = both(entry("/admin/", "/"), rest)
    assert differing(before, end, "/admin/", "/admin/a", "/adminx", "/admin", "/") == []
    assert verdicts == {"exact"}
