"""Random actions of VirtualServices: destinations, redirects, answers, and everything that goes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.oracle.matches import NAMES, VALUES

if TYPE_CHECKING:
    from tests.oracle.grammar import Draw

Tree = dict[str, Any]


def action(draw: Draw) -> Tree:
    """A redirect, an answer, or destinations, with what may stand beside it."""
    if draw.on("redirect"):
        return {"redirect": _redirect(draw)}
    if draw.on("direct"):
        return {"directResponse": draw.one({"status": 403}, {"status": 500}, {"status": 200, "body": {"string": "ok"}})}
    return {"route": _routes(draw)} | _beside(draw)


def inherited(draw: Draw) -> Tree:
    """What a root gives to the rules of its delegate."""
    return _beside(draw)


def _beside(draw: Draw) -> Tree:
    made = {
        "headers": draw.some("changes", _changes),
        "timeout": draw.some("timeout", lambda one: one.one("1s", "1.5s", "2m", "0.5s")),
        "retries": draw.some("retries", _retries),
        "rewrite": draw.some("rewrite", _rewrite),
        "corsPolicy": draw.some("cors", _cors),
        "fault": draw.some("fault", _fault),
    }
    if draw.on("mirror"):
        made |= draw.one(
            {"mirror": {"host": "other"}},
            {"mirror": {"host": "other"}, "mirrorPercentage": {"value": draw.one(0, 0.5, 10, 100)}},
            {"mirrors": [{"destination": {"host": "other"}, "percentage": {"value": 25}}, {"destination": {"host": "web"}}]},
        )
    return {name: value for name, value in made.items() if value is not None}


def _routes(draw: Draw) -> list[Tree]:
    count = draw.random.choice([2, 2, 3]) if draw.on("several", 0.6) else 1
    found: list[Tree] = [{"destination": _destination(draw)} for _ in range(count)]
    for index, each in enumerate(found):
        if count > 1:
            each["weight"] = draw.one(0, 10, 33, 90) if index else 10
        elif draw.on("weights"):
            each["weight"] = draw.one(0, 1, 100)
        if (changes := draw.some("changes", _changes, 0.3)) is not None:
            each["headers"] = changes
    if count > 1 and draw.on("weights", 0.3):
        del found[1]["weight"]
    return found


def _destination(draw: Draw) -> Tree:
    names = ["web", "other", "other.shop.svc.cluster.local"] + (["nowhere"] if draw.on("missing", 0.3) else [])
    found: Tree = {"host": draw.random.choice(names)}
    if draw.on("entry", 0.5):
        return {"host": "api.example"}
    if found["host"] == "web" and draw.on("subsets", 0.7):
        found["subset"] = draw.one("v1", "v2", "v1", "v2", "v3")
    if draw.random.random() < 0.4:
        found["port"] = {"number": 80 if "ports" not in draw.features else draw.one(80, 81)}
    return found


def _changes(draw: Draw) -> Tree:
    def side() -> Tree:
        made = {
            "set": {draw.one("x-s", "x-a"): _value(draw)},
            "add": {"x-t": _value(draw)},
            "remove": [draw.random.choice(NAMES)],
        }
        return {key: value for key, value in made.items() if draw.random.random() < 0.6}

    found = {name: side() for name in ("request", "response") if draw.random.random() < 0.6}
    if draw.random.random() < 0.1:
        found["request"] = {"set": {draw.one("host", "Host", ":authority"): draw.one("r.example", "R.example:80")}}
    return found


def _value(draw: Draw) -> str:
    return str(draw.one(*VALUES, "%REQ(x-a)%", "n", "100%%", "12:30"))


def _redirect(draw: Draw) -> Tree:
    wanted = {
        "uri": "/r",
        "authority": draw.one("r.example", "r.example:90"),
        "scheme": "https",
        "port": draw.one(80, 443, 8443),
    }
    found: Tree = {key: value for key, value in wanted.items() if draw.random.random() < 0.45}
    if "port" not in found and draw.random.random() < 0.3:
        found["derivePort"] = draw.one("FROM_REQUEST_PORT", "FROM_PROTOCOL_DEFAULT")
    if draw.random.random() < 0.7:
        found["redirectCode"] = draw.one(301, 302, 303, 307, 308)
    return found


def _rewrite(draw: Draw) -> Tree:
    return dict(
        draw.one(
            {"uri": "/"},
            {"uri": "/r/"},
            {"uri": "/r"},
            {"uri": "/r\\1"},
            {"authority": "r.example"},
            {"uri": "/r", "authority": "R.example"},
            {"uriRegexRewrite": {"match": "^/a/(.*)$", "rewrite": "/z/\\1"}},
        )
    )


def _retries(draw: Draw) -> Tree:
    if draw.random.random() < 0.2:
        return {"attempts": 0}
    wanted = {
        "perTryTimeout": "0.5s",
        "retryOn": draw.one("5xx", "gateway-error,503", "connect-failure,refused-stream,unavailable,cancelled,503"),
        "backoff": "25ms",
        "retryRemoteLocalities": True,
    }
    return {"attempts": draw.one(1, 3)} | {key: value for key, value in wanted.items() if draw.random.random() < 0.25}


def _cors(draw: Draw) -> Tree:
    origins = draw.one(
        [{"exact": "https://a.example"}],
        [{"exact": "https://a.example"}, {"regex": r"https://[a-z]+\.b\.example"}],
        [{"regex": r"https://.*\.b\.example"}],
        [{"exact": "*"}],
        [{"prefix": "https://a"}],
    )
    rest = {
        "allowMethods": ["GET", "POST"],
        "allowHeaders": ["x-a"],
        "exposeHeaders": ["x-b"],
        "maxAge": draw.one("24h", "0s", "1.5s"),
        "allowCredentials": draw.one(True, False),
        "unmatchedPreflights": draw.one("IGNORE", "FORWARD"),
    }
    return {"allowOrigins": origins} | {key: value for key, value in rest.items() if draw.random.random() < 0.6}


def _fault(draw: Draw) -> Tree:
    return dict(
        draw.one(
            {"abort": {"httpStatus": 500, "percentage": {"value": 100}}},
            {"abort": {"httpStatus": 503, "percentage": {"value": 10}}},
            {"delay": {"fixedDelay": "1s", "percentage": {"value": 50}}},
        )
    )
