"""Time-outs and retries of a rule as `timeouts` and `retry` of an HTTPRoute."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from msgspec import Struct

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing import durations
from ambimigrate.converters.routing.context import Context
from ambimigrate.kinds.routes import HTTPRetry, HTTPRule
from ambimigrate.model import Mesh, Route
from ambimigrate.topology import meshconfig
from ambimigrate.versions import at_least

# What Istio retries unless told otherwise, and a waypoint always by `retry` (networking/core/route/retry/retry.go).
_CONDITIONS = frozenset({"connect-failure", "refused-stream", "unavailable", "cancelled"})
_CODES = "retriable-status-codes"
PHRASES = frozenset(each.value for each in HTTPStatus)  # the same as Go's http.StatusText: `parseRetryOn` knows no others
_CLOSEST = {"5xx": (500, 501, 502, 503, 504), "gateway-error": (502, 503, 504), "retriable-4xx": (409,)}
_ATTEMPTS = 2
DIFFERENT = "VS921"


class Policy(Struct, frozen=True):
    """What is retried, how often, and how long each try may take, in milliseconds."""

    attempts: int = _ATTEMPTS
    conditions: frozenset[str] = _CONDITIONS
    codes: frozenset[int] = frozenset()
    per_try: int | None = None
    backoff: int | None = None


def limits(rule: HTTPRule, route: Route, context: Context) -> dict[str, Any]:
    """`timeouts` and `retry` of the rule. Raises Refused."""
    context.account.carry(route, "timeout")
    times = {"request": _duration(rule.timeout, (*route, "timeout"))} if rule.timeout else {}
    retry: dict[str, Any] = {}
    if rule.retries is not None:
        own = _read(rule.retries, (*route, "retries"), context)
        retry = {} if own == _default(context.mesh) else _retry(own, rule.retries, (*route, "retries"), context)
        if retry and rule.retries.per_try_timeout and not _is_longer(own.per_try, rule.timeout):
            times["backendRequest"] = _duration(rule.retries.per_try_timeout, (*route, "retries", "perTryTimeout"))
    return ({"timeouts": times} if times else {}) | ({"retry": retry} if retry else {})


def _is_longer(per_try: int | None, timeout: str | None) -> bool:
    """Whether a try may take longer than all of them: Envoy then takes no notice of it, and the CRD refuses it."""
    whole = durations.milliseconds(timeout) if timeout else None
    return per_try is not None and whole is not None and per_try > whole


def _duration(text: str, route: Route) -> str:
    length = durations.milliseconds(text)
    found = durations.written(length) if length else None
    if found is None:
        raise Refused("timeout", route, f"{text} is no duration that an HTTPRoute can express")
    return found


def _read(own: HTTPRetry, route: Route, context: Context) -> Policy:
    target, account = context.target, context.account
    account.carry(route, "attempts", "perTryTimeout", "backoff", "retryOn", "retryRemoteLocalities", "retryIgnorePreviousHosts")
    backoff = durations.milliseconds(own.backoff) if own.backoff else None
    if not at_least(target.istio, "1.26.0") and backoff is not None:
        account.left[(*route, "backoff")] = f"Istio {target.istio} does not read it in a VirtualService"
        backoff = None
    return _policy(own.attempts, own.retry_on, durations.milliseconds(own.per_try_timeout or ""), backoff)


def _policy(attempts: int, retry_on: str, per_try: int | None, backoff: int | None) -> Policy:
    if attempts <= 0:
        return Policy(0)
    parts = {part.strip() for part in retry_on.split(",") if part.strip()}
    codes = frozenset(int(part) for part in parts if part.isdigit() and int(part) in PHRASES)
    conditions = frozenset(part for part in parts if not (part.isdigit() and int(part) in PHRASES)) - {_CODES}
    return Policy(attempts, conditions if parts else _CONDITIONS, codes, per_try, backoff)


def _default(mesh: Mesh | None) -> Policy:
    """What holds where nothing is said: `meshConfig.defaultHttpRetryPolicy`, else two attempts."""
    said = meshconfig.settings(mesh, "defaultHttpRetryPolicy") if mesh else ()
    found = next((each.value for each in said if isinstance(each.value, dict)), None)
    if found is None:
        return Policy()
    times = [durations.milliseconds(str(found.get(name) or "")) for name in ("perTryTimeout", "backoff")]
    attempts = found.get("attempts", 0)
    return _policy(attempts if isinstance(attempts, int) else 0, str(found.get("retryOn") or ""), times[0], times[1])


def _retry(own: Policy, said: HTTPRetry, route: Route, context: Context) -> dict[str, Any]:
    """`retry`, which only the experimental channel has, and Istio 1.25+ reads; nothing if the mesh's default is to do."""
    target = context.target
    if refused := _no_form(own, said, route):
        context.agree(DIFFERENT, refused)
    readable = target.channel == "experimental" and at_least(target.istio, "1.25.0")
    if not readable and not refused:
        reason = "`retry` exists in the experimental channel of the Gateway API only, read by Istio 1.25 or later"
        often = "once" if own.attempts == 1 else f"{own.attempts} times"
        witness = f"a call that keeps failing: tried again {often} today, then as the mesh's default says"
        context.agree(DIFFERENT, Refused("retries-channel", route, reason, witness))
    if not readable or not own.attempts:
        return {}
    found: dict[str, Any] = {"attempts": own.attempts}
    codes = own.codes.union(*(_CLOSEST.get(each, ()) for each in own.conditions))
    if kept := sorted(each for each in codes if 400 <= each <= 599):
        found["codes"] = kept
    if own.backoff:
        found["backoff"] = _duration(said.backoff or "", (*route, "backoff"))
    return found


def _no_form(own: Policy, said: HTTPRetry, route: Route) -> Refused | None:
    """What `retry` cannot say, with a call that shows it."""
    if not own.attempts:
        reason = "an HTTPRoute cannot turn retries off: the default of the mesh comes back"
        witness = "a call whose connection is refused: no second try today, then one"
        return Refused("retries", (*route, "attempts"), reason, witness)
    if own.conditions != _CONDITIONS or not all(400 <= each <= 599 for each in own.codes):
        missing = sorted(own.conditions - _CONDITIONS) or sorted(_CONDITIONS - own.conditions)
        witness = (
            f"a call that fails by {missing[0]}: tried again " if missing else "a call that is answered below 400: tried again "
        )
        witness += "today, then not" if own.conditions - _CONDITIONS else "then, not today"
        reason = f"an HTTPRoute lists status codes and cannot say {said.retry_on!r}"
        return Refused("retries", (*route, "retryOn"), reason, witness)
    for name, used, usual in (
        ("retryRemoteLocalities", said.retry_remote_localities, False),
        ("retryIgnorePreviousHosts", said.retry_ignore_previous_hosts, None),
    ):
        if used not in {None, usual}:
            return Refused("retries", (*route, name), f"an HTTPRoute has no {name}", "a second try may go to another endpoint")
    return None
