"""The result of `verify` as versioned JSON, and the evidence to attach to a change request."""

from __future__ import annotations

from typing import Any

from ambimigrate.model import Position, spelt
from ambimigrate.render.heads import reference
from ambimigrate.verify import ASSUMPTIONS, NOT_COVERED, Difference, Side, Source, Unchecked, Verification
from ambimigrate.verify.values import Caller

SCHEMA = "ambimigrate.verify/v1"


def record(found: Verification, head: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The verification as plain values; `input` is of the tree after, `input_before` of the one before."""
    return {
        **head,
        "input_before": before["input"],
        "problems": [*before["problems"], *(each for each in head["problems"] if each not in before["problems"])],
        "checked": {"routing": found.routing, "authorization": found.authorization},
        "differences": [_difference(each) for each in found.differences],
        "left_out": found.left_out,
        "unchecked": [_unchecked(each) for each in found.unchecked],
        "untried": [{"host": host, "requests": count} for host, count in found.untried],
    }


def _difference(found: Difference) -> dict[str, Any]:
    witness = "request" if found.place.is_http else "connection"
    return {
        "kind": found.kind,
        "minor": found.minor,
        "mesh": found.mesh,
        "object": reference(found.object),
        witness: _witness(found),
        "before": _side(found.before),
        "after": _side(found.after),
        "because": found.because,
        "others": found.others,
        "callers": list(found.callers),
        "named": list(found.named),
    }


def _witness(found: Difference) -> dict[str, Any]:
    ask, place = found.ask, found.place
    common = {"caller": _caller(found.caller), "to": place.host, "port": place.port, "direct": ask.direct}
    if not place.is_http:
        return {**common, "sni": ask.sni or ask.host}
    headers = [list(each) for each in ask.headers]
    if ask.tls:
        common |= {"tls": True, "sni": ask.sni}
    return {**common, "method": ask.method, "path": ask.path, "host": ask.host, "headers": headers, "curl": curl(found)}


def _caller(caller: Caller) -> dict[str, Any]:
    return {
        "kind": caller.kind,
        "namespace": caller.namespace,
        "service_account": caller.account,
        "workload": caller.workload,
        "ip": caller.ip,
        "name": str(caller),
    }


def _side(side: Side) -> dict[str, Any]:
    return {"summary": side.text, "mode": side.mode, "outcome": dict(side.fields), "objects": [*map(_source, side.sources)]}


def _source(source: Source) -> dict[str, Any]:
    return {**reference(source.ref), **_place(source.position), "field": spelt(source.position.route)}


def _unchecked(found: Unchecked) -> dict[str, Any]:
    return {"object": {**reference(found.object), **_place(found.position)}, "mesh": found.mesh, "because": found.because}


def _place(position: Position | None) -> dict[str, Any]:
    return {"file": position.file, "line": position.line} if position else {"file": None, "line": None}


def curl(found: Difference) -> str:
    """The witness as a command; a connection as one that opens it."""
    place, ask = found.place, found.ask
    to = f"POD-IP:{place.port}" if ask.direct else f"{place.host}:{place.port}"
    if not place.is_http:
        sni = ask.sni or ask.host
        return f"openssl s_client -connect {to} -servername {sni}" if sni else f"nc {to.replace(':', ' ')}"
    known = {ask.sni} if ask.tls else {place.host, to}
    lines = [("host", ask.host)] if ask.direct or ask.host not in known else []
    written = "".join(f" -H {_quoted(f'{name}: {value}' if value else f'{name};')}" for name, value in (*lines, *ask.headers))
    method = "" if ask.method == "GET" else f" -X {ask.method}"
    if ask.tls:
        return f"curl -ik --connect-to ::{to}{method}{written} {_quoted(f'https://{ask.sni}{ask.path}')}"
    return f"curl -i{method}{written} {_quoted(f'http://{to}{ask.path}')}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def evidence(found: Verification, record: dict[str, Any], inputs: list[dict[str, Any]], command: str) -> dict[str, Any]:
    """What was compared with what, how often, and what was left aside."""
    differing = [each for each in record["differences"] if not each["minor"]]
    return {
        "schema": "ambimigrate.evidence/v1",
        "tool": record["tool"],
        "target": record["target"],
        "command": command,
        "inputs": inputs,
        "seed": found.settings.seed,
        "requests_per_port": found.settings.requests,
        "checked": record["checked"],
        "tried": [
            {"mesh": mesh, "host": place.host, "port": place.port, "requests": count} for mesh, place, count in found.places
        ],
        "differences": len(differing),
        "minor": len(record["differences"]) - len(differing),
        "problems": record["problems"],
        "unchecked": record["unchecked"],
        "own_requests": len(found.settings.own),
        "connections_passed_over": found.settings.connections,
        "untried": record["untried"],
        "assumptions": list(ASSUMPTIONS),
        "not_covered": list(NOT_COVERED),
    }
