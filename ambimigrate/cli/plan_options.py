"""The options of a plan as words of the commands that it prints, so that each of them gives what the plan says."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.cli import live
from ambimigrate.cli.options import Ask

_NAMED = (
    ("--config", "config"),
    ("--namespace", "namespace"),
    ("--istio-version", "istio"),
    ("--gateway-api-version", "gateway_api"),
    ("--channel", "channel"),
    ("--platform", "platform"),
    ("--trust-domain", "trust_domain"),
)


def typed(ask: Ask) -> Iterator[str]:
    """What was asked for, but for paths and the mesh, as `convert` takes it."""
    for option, name in _NAMED:
        if value := getattr(ask, name):
            yield from (option, value)
    if ask.render != "auto":
        yield from ("--render", ask.render)
    for file in ask.helm_values:
        yield from ("--helm-values", file)
    yield from live.typed(ask.live)
