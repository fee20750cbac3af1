"""corsPolicy as the CORS filter of an HTTPRoute, where both allow the same origins and answer the same preflights."""

from __future__ import annotations

import re
from typing import Any

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing import durations
from ambimigrate.converters.routing.conditions import METHODS, Condition
from ambimigrate.converters.routing.context import Context
from ambimigrate.converters.routing.samples import texts
from ambimigrate.converters.routing.strings import EXACT, REGEX, Test
from ambimigrate.converters.routing.witnesses import Shown
from ambimigrate.kinds.routes import CorsPolicy, StringMatch
from ambimigrate.model import Route, Target
from ambimigrate.versions import Version, at_least

ANSWERING = ("1.28.6", "1.29.1", "1.30.0")  # wildcard origins; preflights of other origins are answered (conversion 2.10)
_ORIGIN = re.compile(r"https?://([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+(:[0-9]{1,5})?")  # Gateway API, CORSOrigin, without wildcards
_BELOW = re.compile(r"(https?://)\.\*((?:\\\.[a-zA-Z0-9-]+)+)((?::[0-9]{1,5})?)")  # https://.*\.d\.e
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")
_MOST = 64
NEAR = "VS922"
_OTHER = "https://other.example"


def converted(own: CorsPolicy, route: Route, context: Context) -> dict[str, Any] | None:
    """The filter, None for a policy without effect. Raises Refused."""
    if not (own.allow_origins or own.allow_origin) and own.unmatched_preflights != "IGNORE":
        context.account.left[route] = "it names no origin, so that no answer carries its headers"
        return None
    try:
        return _filter(own, route, context)
    except Shown:
        raise
    except Refused as refused:
        needs = _from(_allowed(own))
        raise Shown(refused.case, refused.route, refused.reason, needs, "today the answer allows the origin") from None


def _filter(own: CorsPolicy, route: Route, context: Context) -> dict[str, Any]:
    target, account = context.target, context.account
    answering = at_least(target.istio, *ANSWERING)
    _check_target(route, target)
    _check_preflights(own, route, context, answering=answering)
    account.carry(route, "allowOrigin", "allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders")
    account.carry(route, "maxAge", "allowCredentials", "unmatchedPreflights")
    field = "allowOrigins" if own.allow_origins else "allowOrigin"
    origins = _origins(own)
    if not origins:
        reason = "it names no origin, so that the proxy answers all preflights; an HTTPRoute names one"
        raise Shown("cors", (*route, "allowOrigins"), reason, _preflight(_OTHER), "today the proxy answers")
    found: dict[str, Any] = {
        "allowOrigins": _listed(
            [_origin(each, (*route, field), context, answering=answering) for each in origins], (*route, field)
        )
    }
    if own.allow_credentials:
        found["allowCredentials"] = True
    found |= _names(own, route)
    return {"type": "CORS", "cors": found | {"maxAge": _age(own, route)}}


def _origins(own: CorsPolicy) -> tuple[StringMatch, ...]:
    return own.allow_origins or tuple(StringMatch(exact=each) for each in own.allow_origin)


def _allowed(own: CorsPolicy) -> str:
    """An origin that the policy allows, as far as one is known."""
    first = next(iter(_origins(own)), StringMatch())
    if first.regex is not None:
        return next(iter(texts(Test(REGEX, first.regex))), _OTHER)
    text = first.exact or first.prefix
    return _OTHER if text in {None, "", "*"} else str(text)


def _check_target(route: Route, target: Target) -> None:
    if not at_least(target.istio, "1.26.0"):
        raise Refused("cors", route, f"Istio {target.istio} knows no CORS filter; 1.26 and later do")
    if target.gateway_api < Version(1, 5) and (target.gateway_api < Version(1, 3) or target.channel != "experimental"):
        raise Refused(
            "cors", route, f"the CORS filter is in the standard channel from Gateway API 1.5 on, not in {target.gateway_api}"
        )


def _check_preflights(own: CorsPolicy, route: Route, context: Context, *, answering: bool) -> None:
    """What becomes of a preflight of another origin: today it goes upstream unless the policy says IGNORE."""
    ignores = own.unmatched_preflights == "IGNORE"
    if ignores == answering:
        return
    if answering:
        reason = (
            "a preflight of another origin is forwarded today; a waypoint answers it, as `unmatchedPreflights: IGNORE` does"
        )
        needs = _preflight(_OTHER)
        context.agree(NEAR, Shown("cors-near", (*route, "unmatchedPreflights"), reason, needs, "today the application answers"))
        return
    reason = f"a preflight of another origin is answered today, the waypoint of Istio {context.target.istio} forwards it"
    needs = _preflight(_OTHER)
    raise Shown("cors", (*route, "unmatchedPreflights"), reason, needs, "today the proxy answers")


def _from(origin: str) -> Condition:
    return Condition(headers={"origin": Test(EXACT, origin)})


def _preflight(origin: str) -> Condition:
    method = {"access-control-request-method": Test(EXACT, "GET")}
    return Condition(headers={"origin": Test(EXACT, origin), **method}, method="OPTIONS")


def _origin(own: StringMatch, route: Route, context: Context, *, answering: bool) -> str:
    if own.exact is not None and _ORIGIN.fullmatch(own.exact):
        return own.exact
    if "*" in {own.exact, own.regex} or own.regex == ".*":
        reason = "a waypoint takes * for every origin with scheme and host only"
        found = Shown("cors-near", route, reason, _from("null"), "allowed today, not by the waypoint")
        if not answering:  # wildcards are no pattern there
            raise Shown("cors", route, reason, found.needs, found.became)
        context.agree(NEAR, found)
        return "*"
    if own.regex is not None and answering and (below := _BELOW.fullmatch(own.regex)):
        return below[1] + "*" + below[2].replace("\\", "") + below[3]
    shown = own.exact or (f"prefix {own.prefix}" if own.prefix is not None else f"regex {own.regex}")
    raise Refused(
        "cors", route, f"the origin {shown} has no form in an HTTPRoute that allows no more than it; list the origins"
    )


def _names(own: CorsPolicy, route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, said in (
        ("allowMethods", own.allow_methods),
        ("allowHeaders", own.allow_headers),
        ("exposeHeaders", own.expose_headers),
    ):
        here = (*route, name)
        wrong = next((each for each in said if not _fits(name, each)), None)
        if wrong is not None or ("*" in said and len(said) > 1):
            raise Refused("cors", here, f"{wrong or '* beside other names'} does not fit into {name} of an HTTPRoute")
        if said:
            found[name] = _listed(list(said), here)
    return found


def _fits(name: str, text: str) -> bool:
    return text in {*METHODS, "*"} if name == "allowMethods" else bool(_NAME.fullmatch(text))


def _listed(found: list[str], route: Route) -> list[str]:
    if len(set(found)) < len(found) or len(found) > _MOST:
        raise Refused("cors", route, f"an HTTPRoute lists at most {_MOST} different ones")
    return found


def _age(own: CorsPolicy, route: Route) -> int:
    """Whole seconds; an HTTPRoute that says nothing says 5."""
    length = durations.milliseconds(own.max_age or "")
    if length is None or length < 1000:
        reason = "without maxAge a browser asks each time, an HTTPRoute says 5 s; give one of 1s or more"
        raise Shown("cors", (*route, "maxAge"), reason, _preflight(_allowed(own)), "access-control-max-age: 5 is new")
    return length // 1000
