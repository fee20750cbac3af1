"""What to watch in a step: queries of Istio's standard metrics, and the values at which to stop and undo.

The thresholds are proposals (no rollout that is described in public names its own); the metrics are those of Istio's
Telemetry API and of ztunnel, whose `istio_tcp_connections_failed_total` older releases do not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from ambimigrate.changes import Stage
from ambimigrate.plan.values import Trigger

_BASE = "the same hour of the baseline week"
_PAST = " offset 1w"


def of_install() -> tuple[Trigger, ...]:
    """While istiod, istio-cni and ztunnel are installed: the whole mesh, and what istiod sends."""
    return (
        _errors(""),
        Trigger("sum(rate(pilot_total_xds_rejects[5m]))", "proxies refuse what istiod sends: more than 0 for 5 minutes"),
    )


def of_restart() -> tuple[Trigger, ...]:
    """While sidecars and gateways restart."""
    return (_errors(""), _slow(""))


def of_stage(stage: Stage, namespaces: Iterable[str], *, strict: bool) -> tuple[Trigger, ...]:
    """What to watch for the namespaces in a step of this stage; `strict` says that plaintext is refused there."""
    places = tuple(namespaces)
    match stage:
        case Stage.prepare | Stage.waypoints | Stage.policies:
            return (_errors(_to(places)),)
        case Stage.bind:
            return (_errors(_to(places)), _refused(places), _stale(places))
        case Stage.enroll:
            return (*_of_moving(places), *((_plaintext(places),) if strict else ()))
        case _:
            return (_errors(_to(places)), _refused(places), *_denied(places))


def _of_moving(places: tuple[str, ...]) -> Iterator[Trigger]:
    yield _errors(_to(places))
    yield _slow(_to(places))
    yield _refused(places)
    yield from _denied(places)
    query = f"sum(rate(istio_tcp_connections_failed_total{{{_failed(places, 'NETWORK_POLICY|CONNECT')}}}[2m]))"
    yield Trigger(query, "port 15008 of pods is not reached: more than 0 for 2 minutes")
    yield _stale(places)


def _errors(where: str) -> Trigger:
    share = _share(where, "")
    return Trigger(f"{share} - {_share(where, _PAST)}", f"share of 5xx: 0.005 over {_BASE} for 5 minutes")


def _share(where: str, past: str) -> str:
    """The share of 5xx answers; without a reporter, since it changes from proxy to proxy."""
    bad = ",".join(each for each in (where, 'response_code=~"5.."') if each)
    total = f"istio_requests_total{{{where}}}" if where else "istio_requests_total"
    return f"sum(rate(istio_requests_total{{{bad}}}[5m]{past})) / sum(rate({total}[5m]{past}))"


def _slow(where: str) -> Trigger:
    shown = f"{{{where}}}" if where else ""
    now, past = (
        f"histogram_quantile(0.99, sum by (le) (rate(istio_request_duration_milliseconds_bucket{shown}[10m]{each})))"
        for each in ("", _PAST)
    )
    return Trigger(f"{now} / {past}", f"p99 latency: 1.25 times {_BASE} for 10 minutes")


def _refused(places: tuple[str, ...]) -> Trigger:
    labels = f'{_to(places)},response_code="403"'
    pair = "source_workload_namespace, destination_service_name"
    query = f"sum by ({pair}) (rate(istio_requests_total{{{labels}}}[5m]))"
    return Trigger(query, "403 between a pair that has none in the baseline: more than 0")


def _denied(places: tuple[str, ...]) -> Iterator[Trigger]:
    pair = "source_workload_namespace, destination_workload_namespace"
    query = f"sum by ({pair}) (rate(istio_tcp_connections_failed_total{{{_failed(places, 'DENY')}}}[5m]))"
    yield Trigger(query, "connections refused by policy between a pair of the baseline: more than 0")


def _failed(places: tuple[str, ...], flags: str) -> str:
    return f'destination_workload_namespace=~{_any(places)},response_flags=~"{flags}"'


def _stale(places: tuple[str, ...]) -> Trigger:
    labels = f'{_to(places)},reporter=~"waypoint|source",response_flags=~"UC|UF|UH"'
    return Trigger(
        f"sum(rate(istio_requests_total{{{labels}}}[5m]))",
        "stale or missing endpoints: more than rollouts of the baseline show",
    )


def _plaintext(places: tuple[str, ...]) -> Trigger:
    labels = f'destination_workload_namespace=~{_any(places)},reporter="destination",connection_security_policy!="mutual_tls"'
    return Trigger(
        f"sum(rate(istio_tcp_connections_opened_total{{{labels}}}[5m]))", "plaintext although STRICT is asked for: more than 0"
    )


def _to(places: tuple[str, ...]) -> str:
    return f"destination_service_namespace=~{_any(places)}"


def _any(places: tuple[str, ...]) -> str:
    return json.dumps("|".join(re.escape(each).replace("\\-", "-") for each in places))
