"""The options by which a user agrees to differences and says how waypoints are spread, and the same from the configuration."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from ambimigrate import catalogue
from ambimigrate.cli import options
from ambimigrate.converters.settings import Accepted, Settings

NAME = ".ambimigrate.yaml"

if TYPE_CHECKING:
    from ambimigrate.model import Mesh
    from ambimigrate.sources.config import Config

CHOICES = "What is agreed to"

Accept = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        metavar="ID:NAMESPACE/NAME",
        help="Agree to a difference by the id that held an object; NAME may be *. May be given several times.",
        rich_help_panel=CHOICES,
    ),
]
CloseDirect = Annotated[
    bool,
    typer.Option(
        "--close-direct-access",
        help="Agree to every change that only makes decisions stricter for callers that do not cross the waypoint.",
        rich_help_panel=CHOICES,
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(
        "--keep-virtual-services",
        metavar="NAMESPACE/SERVICE",
        help="Keep the VirtualServices of a Service: its waypoint carries them out, which Istio calls alpha. SERVICE may be *.",
        rich_help_panel=CHOICES,
    ),
]
Spread = Annotated[
    str,
    typer.Option(
        "--waypoints",
        help="namespace (default): one for each that needs one; service: one for each Service; shared: one for several.",
        rich_help_panel=CHOICES,
    ),
]
Pilot = Annotated[
    str,
    typer.Option("--pilot", metavar="WORKLOAD", help="Enrol only this workload of the namespace.", rich_help_panel=CHOICES),
]
Gateways = Annotated[
    bool,
    typer.Option(
        "--gateways",
        help="Convert Istio Gateways, too, and what is bound to them, to Gateways and routes of the Gateway API.",
        rich_help_panel=CHOICES,
    ),
]


def typed(
    accept: Iterable[str], keep: Iterable[str], spread: str, pilot: str, *, close_direct: bool, gateways: bool
) -> Iterator[str]:
    """The same options as words of the next command."""
    for name, values in (("--accept", accept), ("--keep-virtual-services", keep)):
        for each in values:
            yield from (name, each)
    for name, value in (("--waypoints", spread), ("--pilot", pilot)):
        yield from (name, value) if value else ()
    for option, is_given in (("--close-direct-access", close_direct), ("--gateways", gateways)):
        if is_given:
            yield option


def settings(
    config: Config | None,
    accept: Iterable[str] = (),
    keep: Iterable[str] = (),
    spread: str = "",
    pilot: str = "",
    *,
    close_direct: bool = False,
    gateways: bool = False,
) -> Settings:
    """The choices of the command line and of the configuration together; a faulty one ends the command."""
    agreed = tuple(_accepted(text) for text in accept)
    for text in keep:
        if text.count("/") != 1 or text.startswith("/") or text.endswith("/"):
            raise typer.BadParameter(f"--keep-virtual-services: {text!r} is not NAMESPACE/SERVICE")
    options.one_of("--waypoints", spread, "", "namespace", "shared", "service")
    if config is None:
        return Settings(agreed, close_direct, frozenset(keep), spread or "namespace", pilot, gateways=gateways)
    return Settings(
        (*agreed, *_still_valid(config)),
        close_direct or config.close_direct_access,
        frozenset((*keep, *config.keep_virtual_services)),
        spread or config.waypoints or "namespace",
        pilot,
        gateways=gateways or config.gateways,
    )


def unmatched(meshes: Iterable[Mesh], accept: Iterable[str], keep: Iterable[str]) -> Iterator[str]:
    """What was typed and names nothing that was read, as notes: most often a name is mistyped."""
    known = {(each.namespace, each.name) for mesh in meshes for each in mesh.resources}
    spaces = {namespace for namespace, _ in known} | {name for namespace, name in known if not namespace}
    for option, texts in (("--accept", accept), ("--keep-virtual-services", keep)):
        for text in texts:
            namespace, _, name = text.rpartition(":")[2].partition("/")
            if not (namespace in spaces if name == "*" else known & {(namespace, name), ("", name)}):
                yield f"note: {option} {text} names nothing that was read, so it changes nothing\n"


def _accepted(text: str) -> Accepted:
    id, _, subject = text.partition(":")
    namespace, _, name = subject.partition("/")
    if not (id and namespace and name):
        raise typer.BadParameter(f"--accept: {text!r} is not ID:NAMESPACE/NAME")
    if not _is_known(id):
        raise typer.BadParameter(f"--accept: {id} is no reason of convert; `ambimigrate rules` lists them")
    return Accepted(id, namespace, name)


def _is_known(id: str) -> bool:
    try:
        return catalogue.entry(id).by == "convert"
    except (KeyError, OSError):
        return False


def _still_valid(config: Config) -> Iterator[Accepted]:
    """What the configuration agrees to today; what is out of date is named and does not count."""
    for each in config.accept:
        shown = f"{NAME}: accept {each.id}:{each.namespace}/{each.name}"
        if not _is_known(each.id):
            sys.stderr.write(f"{shown}: {each.id} is no reason of convert\n")
            raise typer.Exit(2)
        if each.until and each.until < date.today().isoformat():
            sys.stderr.write(f"{shown}: was agreed to until {each.until} and no longer counts\n")
        else:
            yield Accepted(each.id, each.namespace, each.name)
