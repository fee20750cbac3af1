"""The options that several commands share, and what they ask for as values."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.cli import live
from ambimigrate.cli.live import Live
from ambimigrate.decode import Reading
from ambimigrate.model import Mesh, Severity, Target
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, Version, parse

if TYPE_CHECKING:
    from ambimigrate.sources.config import Config as Configuration

INPUT = "What to read"
TARGET = "What the verdicts are for"
OUTPUT = "What to print"

Paths = Annotated[
    list[str] | None,
    typer.Argument(help="Folders or files of manifests, or - for standard input. Without any: the current kubeconfig context."),
]
Namespace = Annotated[
    str,
    typer.Option(
        "-n",
        "--namespace",
        help="Namespace of objects that name none; on a cluster the only one to read.",
        rich_help_panel=INPUT,
    ),
]
Istio = Annotated[
    str,
    typer.Option("--istio-version", help=f"X.Y or X.Y.Z. Default: the cluster's own, else {NEWEST}.", rich_help_panel=TARGET),
]
GatewayAPI = Annotated[
    str,
    typer.Option(
        "--gateway-api-version",
        help=f"Version of the Gateway API's CRDs, default {NEWEST_GATEWAY_API}.",
        rich_help_panel=TARGET,
    ),
]
Channel = Annotated[
    str, typer.Option(help="Channel of the Gateway API's CRDs: standard or experimental.", rich_help_panel=TARGET)
]
Platform = Annotated[str, typer.Option(help="Platform of the cluster: gke, eks, aks, openshift, …", rich_help_panel=TARGET)]
TrustDomain = Annotated[
    str, typer.Option(help="Trust domain of the mesh, if MeshConfig is not in the input.", rich_help_panel=TARGET)
]
Only = Annotated[
    str, typer.Option("--mesh", help="Only the mesh of this name (environment or cluster).", rich_help_panel=INPUT)
]
Config = Annotated[
    str,
    typer.Option(help="Configuration file; default .ambimigrate.yaml, found upwards from PATH.", rich_help_panel=INPUT),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Helm templates that are not rendered are problems.", rich_help_panel=INPUT)
]
Render = Annotated[
    str,
    typer.Option(
        "--render",
        help="Kustomizations through kustomize or kubectl, charts through helm: auto (where on PATH), always, or never.",
        rich_help_panel=INPUT,
    ),
]
HelmValues = Annotated[
    list[str] | None,
    typer.Option(
        "--helm-values",
        help="A values file for the charts that are rendered, over all others; may be given several times.",
        rich_help_panel=INPUT,
    ),
]
Format = Annotated[str, typer.Option("--format", help="text or json.", rich_help_panel=OUTPUT)]
Output = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="FORMAT=FILE",
        help="Also write a format to a file; may be given several times.",
        rich_help_panel=OUTPUT,
    ),
]
FailOn = Annotated[
    str,
    typer.Option(
        help="Exit 1 from this level on: blocker, error, warning, info, never. Default: configured failOn, or error.",
        rich_help_panel=OUTPUT,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing if there is nothing to say.", rich_help_panel=OUTPUT)]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours, also on a terminal.", rich_help_panel=OUTPUT)]


class Ask(Struct, frozen=True):
    """What is to be read and what the verdicts are for, as the command line says it; empty where it says nothing."""

    paths: tuple[str, ...]
    namespace: str = ""
    mesh: str = ""
    config: str = ""
    istio: str = ""
    gateway_api: str = ""
    channel: str = ""
    platform: str = ""
    trust_domain: str = ""
    render: str = "auto"
    helm_values: tuple[str, ...] = ()
    live: Live = Live()

    def given(self, settings: Mapping[str, str]) -> frozenset[str]:
        """The fields of the target that somebody chose."""
        names = {"istio": "istio", "gateway_api": "gatewayApi", "channel": "channel", "platform": "platform"}
        return frozenset(field for field, name in names.items() if getattr(self, field) or settings.get(name))

    def target(self, settings: Mapping[str, str]) -> Target:
        """The target: what options say, else what the configuration says, else the newest of everything."""
        channel = self.channel or settings.get("channel", "standard")
        if channel not in {"standard", "experimental"}:
            raise typer.BadParameter(f"--channel is standard or experimental, not {channel!r}")
        return Target(
            _version(self.istio or settings.get("istio", ""), NEWEST, "--istio-version"),
            _version(self.gateway_api or settings.get("gatewayApi", ""), NEWEST_GATEWAY_API, "--gateway-api-version"),
            channel,
            self.platform or settings.get("platform"),
            self.trust_domain or settings.get("trustDomain"),
        )


def _version(text: str, default: Version, option: str) -> Version:
    try:
        return parse(text) if text else default
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def threshold(level: str) -> Severity | None:
    """The severity of --fail-on, None for `never`."""
    if level == "never":
        return None
    if level not in Severity.__members__:
        raise typer.BadParameter(f"--fail-on is one of {', '.join(reversed(Severity.__members__))} or never, not {level!r}")
    return Severity[level]


def one_of(option: str, value: str, *choices: str) -> str:
    """The value, if it is one of the choices."""
    if value not in choices:
        raise typer.BadParameter(f"{option} is one of {', '.join(choices)}, not {value!r}")
    return value


def outputs(given: list[str] | None, *formats: str) -> tuple[tuple[str, Path], ...]:
    """What --output asks for: format and file, whose folder has to be there."""
    found = []
    for text in given or ():
        name, _, file = text.partition("=")
        one_of("--output", name, *formats)
        if not file or Path(file).is_dir():
            raise typer.BadParameter(f"--output: {text!r} names no file; write {name}=FILE")
        if not Path(file).parent.is_dir():
            raise typer.BadParameter(f"--output: {file} cannot be written: there is no folder {Path(file).parent}")
        found.append((name, Path(file)))
    return tuple(found)


def read(ask: Ask, *, every: bool = False) -> Reading:
    """Reads the files, or the cluster where no path was given, or the files laid over a cluster.

    Only the mesh that was asked for is kept, with `every` all of them, since a file may stand for several.
    """
    found = _read(ask)
    return found if every else replace(found, meshes=chosen(found.meshes, ask.mesh))


def _read(ask: Ask) -> Reading:
    settings = config(ask)
    target = ask.target(settings.target if settings else {})
    given = ask.given(settings.target if settings else {})
    if ask.paths and _are_snapshots(ask.paths):
        return live.recall(ask.paths, target, given)
    if not ask.paths:
        return live.read(ask.live, target, given)
    from ambimigrate.sources.helmed import Asked
    from ambimigrate.sources.read import read_files

    asked = Asked(ask.render, ask.helm_values)
    reading = read_files(ask.paths, target, ask.namespace or (settings.namespace if settings else ""), settings, asked)
    if settings:
        reading = replace(reading, meshes=tuple(targeted(mesh, ask, settings) for mesh in reading.meshes))
    return live.over(reading, live.read(ask.live, target, given), ask.mesh) if ask.live.is_named else reading


@cache
def config(ask: Ask) -> Configuration | None:
    """The configuration that is named, or found upwards from the first path; a faulty one ends the command."""
    if not ask.config and (not ask.paths or ask.paths[0] == "-"):
        return None
    from ambimigrate.sources.config import ConfigError, find, load

    path = Path(ask.config) if ask.config else find(ask.paths[0])
    try:
        return load(path) if path else None
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None


def _are_snapshots(paths: tuple[str, ...]) -> bool:
    from ambimigrate.sources.snapshots import is_snapshot

    found = [is_snapshot(path) for path in paths]
    if any(found) and not all(found):
        raise typer.BadParameter("PATH: a snapshot is not read as one of several; --snapshot lays manifests over it")
    return all(found)


def targeted(mesh: Mesh, ask: Ask, config: Configuration) -> Mesh:
    """The mesh with the target that the configuration gives to it."""
    settings = config.meshes.get(mesh.name)
    return mesh if not settings else replace(mesh, target=ask.target({**config.target, **settings}))


def chosen(meshes: tuple[Mesh, ...], name: str) -> tuple[Mesh, ...]:
    """The mesh of that name, all of them for an empty one."""
    if not name:
        return meshes
    found = tuple(mesh for mesh in meshes if mesh.name == name)
    if not found:
        names = ", ".join(mesh.name for mesh in meshes if mesh.name) or "one mesh without a name: leave --mesh out"
        raise typer.BadParameter(f"--mesh: there is no mesh {name!r}; the input has {names}")
    return found


def colours(*, off: bool) -> None:
    """Takes the colours away for this run, as NO_COLOR does."""
    if off:
        os.environ["NO_COLOR"] = "1"
