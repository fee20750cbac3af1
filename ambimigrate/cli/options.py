"""The options that several commands share, and what they ask for as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from ambimigrate.decode import Reading
from ambimigrate.model import Severity, Target
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, Version, parse

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
Context = Annotated[str, typer.Option(help="Context of the kubeconfig to read.", rich_help_panel=INPUT)]
Kubeconfig = Annotated[str, typer.Option(help="Path of the kubeconfig.", rich_help_panel=INPUT)]
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
Format = Annotated[str, typer.Option("--format", help="text or json.", rich_help_panel=OUTPUT)]
FailOn = Annotated[
    str,
    typer.Option(help="Exit 1 from this level on: blocker, error, warning, info, or never.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing if there is nothing to say.", rich_help_panel=OUTPUT)]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours, also on a terminal.", rich_help_panel=OUTPUT)]


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be read and what the verdicts are for."""

    paths: tuple[str, ...]
    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""
    mesh: str = ""
    config: str = ""
    strict: bool = False


def target(istio: str, gateway_api: str, channel: str, platform: str, trust_domain: str) -> Target:
    """The target that the options name; typer.BadParameter for what is no version or channel."""
    if channel not in {"standard", "experimental"}:
        raise typer.BadParameter(f"--channel is standard or experimental, not {channel!r}")
    return Target(
        _version(istio, NEWEST, "--istio-version"),
        _version(gateway_api, NEWEST_GATEWAY_API, "--gateway-api-version"),
        channel,
        platform or None,
        trust_domain or None,
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


def read(ask: Ask, for_target: Target, *, istio_given: bool) -> Reading:
    """Reads the files, or the cluster where no path was given."""
    if not ask.paths:
        raise typer.BadParameter("name a folder of manifests")
    from ambimigrate.sources.read import read_files

    return read_files(ask.paths, for_target, ask.namespace)
