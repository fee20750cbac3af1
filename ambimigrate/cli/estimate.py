"""`estimate`: what the mesh reserves before and after, from its objects or from numbers that are given."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer

from ambimigrate import report
from ambimigrate.cli import asking, options
from ambimigrate.cli.options import Ask
from ambimigrate.estimate import EACH, L4_ONLY, NEEDED
from ambimigrate.estimate import estimate as estimated
from ambimigrate.estimate.amounts import GIB, Prices, Range, span
from ambimigrate.estimate.figures import Given, Request, of_meshes, of_numbers
from ambimigrate.estimate.use import Use, use
from ambimigrate.render import estimate_json, estimate_text, text
from ambimigrate.render.encoding import dumped
from ambimigrate.render.estimate_json import Result
from ambimigrate.report import Report

GIVEN, PRICES = "What is given instead of read", "Prices"

Pods = Annotated[
    int | None,
    typer.Option("--pods", min=0, help="Pods with a sidecar; then nothing is read.", rich_help_panel=GIVEN),
]
Nodes = Annotated[int | None, typer.Option("--nodes", min=0, help="Linux nodes of the cluster.", rich_help_panel=GIVEN)]
Namespaces = Annotated[
    int | None, typer.Option("--namespaces", min=0, help="Namespaces of the mesh, with --pods.", rich_help_panel=GIVEN)
]
Waypoints = Annotated[int | None, typer.Option("--waypoints", min=0, help="Waypoints that are needed.", rich_help_panel=GIVEN)]
Replicas = Annotated[int, typer.Option("--waypoint-replicas", min=1, help="Pods of each waypoint.", rich_help_panel=GIVEN)]


def _request(what: str) -> object:
    example = "100m-250m" if what.startswith("CPU") else "50MB-100MB"
    return typer.Option(metavar="QUANTITY", help=f"{what}; a range such as {example} is possible.", rich_help_panel=GIVEN)


Price = Annotated[str, typer.Option(metavar="PRICE", help="For a month; a number, or a range.", rich_help_panel=PRICES)]
Traffic = Annotated[
    str,
    typer.Option(
        "--traffic",
        metavar="FILE",
        help="Answer of Prometheus to the query of `ambimigrate plan --traffic-query`: adds what is used.",
        rich_help_panel=options.INPUT,
    ),
]


@asking.command(asking.of_everything)
def estimate(
    ask: Ask,
    pods: Pods = None,
    nodes: Nodes = None,
    namespaces: Namespaces = None,
    waypoints: Waypoints = None,
    waypoint_replicas: Replicas = 2,
    sidecar_cpu: Annotated[str, _request("CPU that one sidecar requests")] = "",
    sidecar_memory: Annotated[str, _request("Memory that one sidecar requests")] = "",
    ztunnel_cpu: Annotated[str, _request("CPU of ztunnel on each node")] = "",
    ztunnel_memory: Annotated[str, _request("Memory of ztunnel on each node")] = "",
    cni_cpu: Annotated[str, _request("CPU of istio-cni on each node")] = "",
    cni_memory: Annotated[str, _request("Memory of istio-cni on each node")] = "",
    waypoint_cpu: Annotated[str, _request("CPU of one pod of a waypoint")] = "",
    waypoint_memory: Annotated[str, _request("Memory of one pod of a waypoint")] = "",
    price_per_vcpu: Price = "",
    price_per_gib: Price = "",
    traffic: Traffic = "",
    format: options.Format = "text",
    no_color: options.NoColor = False,
) -> None:
    """Estimate CPU, memory and money before and after the move.

    After it in three scenarios: with no waypoint, with those that are needed, and with one in each namespace.
    Reservations are what pods request, not what they use; money follows them only as nodes are taken away.
    """
    options.one_of("--format", format, "text", "json")
    options.colours(off=no_color)
    given = Given(
        pods,
        nodes,
        namespaces,
        waypoints,
        waypoint_replicas,
        _given("sidecar", sidecar_cpu, sidecar_memory),
        _given("ztunnel", ztunnel_cpu, ztunnel_memory),
        _given("cni", cni_cpu, cni_memory),
        _given("waypoint", waypoint_cpu, waypoint_memory),
    )
    prices = Prices(_span("--price-per-vcpu", price_per_vcpu), _span("--price-per-gib", price_per_gib))
    made = _read(ask, given)
    figures = of_meshes(made.meshes, made.namespaces, given) if made else of_numbers(given)
    _print(Result(estimated(figures, prices), ask.target({}), prices, _use(made, traffic), made), format)
    raise typer.Exit(2 if made and made.problems else 0)


def _given(what: str, cpu: str, memory: str) -> Request:
    bytes_ = _span(f"--{what}-memory", memory)
    return Request(_span(f"--{what}-cpu", cpu), bytes_.times(1 / GIB) if bytes_ else None)


def _span(option: str, text: str) -> Range | None:
    try:
        return span(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def _read(ask: Ask, given: Given) -> Report | None:
    """The mesh; nothing is read where the number of pods is given."""
    if given.pods is None:
        return report.report(options.read(ask))
    if ask.paths:
        raise typer.BadParameter("--pods stands for what would be read; give it or PATH")
    return None


def _use(made: Report | None, file: str) -> Use | None:
    if not file:
        return None
    from ambimigrate.sources.traffic import TrafficError, read

    try:
        traffic = read(file)
    except TrafficError as error:
        raise typer.BadParameter(f"--traffic: {error}") from None
    needs = (each for each in (made.namespaces if made else ()) if each.waypoint)
    named = ((each.name, name) for each in needs if each.waypoint for name in each.waypoint.services)
    services = frozenset((namespace, name.rpartition("/")[2]) for namespace, name in named)
    return use(traffic, services, (L4_ONLY, NEEDED, EACH))


def _print(result: Result, format: str) -> None:
    if format == "json":
        sys.stdout.write(dumped(estimate_json.record(result)))
    else:
        width = min(shutil.get_terminal_size((100, 24)).columns, 100) if sys.stdout.isatty() else 100
        estimate_text.render(result, sys.stdout, width)
        if result.report is not None:
            sys.stdout.writelines(f"{line}\n" for line in text.problems(result.report, sys.stdout, width))
