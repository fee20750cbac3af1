"""The options about clusters that several commands share, and what they ask for."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from typing import Annotated

import typer
from msgspec import Struct

from ambimigrate.cli import progress
from ambimigrate.decode import Reading
from ambimigrate.model import Target

PANEL = "What to read"
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "ms": 0.001}


def _contexts(beginning: str) -> list[str]:
    """For completion by a shell."""
    from ambimigrate.cli.completing import contexts

    return contexts(beginning)


def _namespaces(beginning: str) -> list[str]:
    """For completion by a shell."""
    from ambimigrate.cli.completing import namespaces

    return namespaces(beginning)


Contexts = Annotated[
    list[str] | None,
    typer.Option(
        "--context",
        help="Context of the kubeconfig to read; several give a part each.",
        rich_help_panel=PANEL,
        autocompletion=_contexts,
    ),
]
Context = Annotated[
    str,
    typer.Option(
        help="Context of the kubeconfig: what PATH does not have (namespaces, workloads) is taken from this cluster.",
        rich_help_panel=PANEL,
        autocompletion=_contexts,
    ),
]
Kubeconfig = Annotated[str, typer.Option(help="Path of the kubeconfig.", rich_help_panel=PANEL)]
Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "-n",
        "--namespace",
        help="Of files: the namespace of objects that name none. Of a cluster: a namespace to read, may be repeated.",
        rich_help_panel=PANEL,
        autocompletion=_namespaces,
    ),
]
Selector = Annotated[
    str,
    typer.Option("-l", "--selector", help="Of a cluster only the namespaces with these labels.", rich_help_panel=PANEL),
]
ConfigMaps = Annotated[
    bool,
    typer.Option("--configmaps", help="Of a cluster all ConfigMaps, for scripts and settings in them.", rich_help_panel=PANEL),
]
Timeout = Annotated[
    str, typer.Option("--request-timeout", help="How long to wait for an answer: 30s, 2m; default 60s.", rich_help_panel=PANEL)
]
Save = Annotated[
    str,
    typer.Option(
        "--save",
        metavar="FILE",
        help="Keep what was read of clusters in a compressed file, which commands read as PATH.",
        rich_help_panel=PANEL,
    ),
]


Snapshot = Annotated[
    str,
    typer.Option(
        "--snapshot",
        metavar="FILE",
        help="With PATH: what `scan --save` kept of the cluster, in place of --context.",
        rich_help_panel=PANEL,
    ),
]


class Live(Struct, frozen=True):
    """Which clusters to read, and what of them."""

    contexts: tuple[str, ...] = ()
    kubeconfig: str = ""
    namespaces: tuple[str, ...] = ()
    selector: str = ""
    config_maps: bool = False
    timeout: str = ""
    save: str = ""
    snapshot: str = ""

    @property
    def is_named(self) -> bool:
        """Whether a cluster was named, so that files are laid over it."""
        return bool(self.contexts or self.snapshot)


def typed(asked: Live) -> tuple[str, ...]:
    """The options that name one cluster beside PATH, as words of the next command."""
    named = (("--context", *asked.contexts[:1]), ("--kubeconfig", asked.kubeconfig), ("--snapshot", asked.snapshot))
    return tuple(word for each in named if len(each) == 2 and each[1] for word in each)


def only(namespaces: list[str] | None, paths: list[str] | None, *, is_live: bool = False) -> str:
    """The namespace of objects in files that name none."""
    if paths and not is_live and len(namespaces or ()) > 1:
        raise typer.BadParameter("-n is given once for files: it is the namespace of objects that name none")
    return (namespaces or [""])[0]


def read(live: Live, target: Target, given: Collection[str]) -> Reading:
    """The clusters of all contexts that were named, or that of the current one."""
    if live.snapshot:
        return recall((live.snapshot,), target, given)
    from ambimigrate.sources.cluster import ClusterError, Patience, Says, Where, read_cluster
    from ambimigrate.sources.snapshots import joined

    patience = Patience(read=seconds(live.timeout)) if live.timeout else Patience()
    readings = []
    try:
        for context in dict.fromkeys(live.contexts or ("",)):
            where = Where(context, live.kubeconfig, live.namespaces, live.selector, live.config_maps)
            with progress.shown() as show:
                readings.append(read_cluster(where, target, given=given, patience=patience, says=Says(show, _tell)))
    except ClusterError as error:
        sys.stderr.write(f"Error: {error}\n")
        raise typer.Exit(2) from None
    found = joined(readings)
    if live.save:
        keep(found, live.save)
    return found


def recall(paths: tuple[str, ...], target: Target, given: Collection[str]) -> Reading:
    """What was saved in these files."""
    from ambimigrate.snapshot import NoSnapshot
    from ambimigrate.sources.snapshots import read_snapshots

    try:
        return read_snapshots(paths, target, given)
    except NoSnapshot as error:
        sys.stderr.write(f"Error: {error}\n")
        raise typer.Exit(2) from None


def over(files: Reading, cluster: Reading, mesh: str = "") -> Reading:
    """The files laid over the cluster: those of one mesh, which is named where there are several; the others stay."""
    from ambimigrate.overlay import NotOne, overlaid

    try:
        return overlaid(files, cluster, mesh)
    except NotOne as error:
        raise typer.BadParameter(f"--context: {error}") from None


def keep(found: Reading, path: str) -> None:
    """Saves a snapshot."""
    from ambimigrate.sinks import snapshots
    from ambimigrate.sinks.tree import Unwritable
    from ambimigrate.snapshot import record

    try:
        snapshots.save(record(found), path)
    except Unwritable as error:
        sys.stderr.write(f"Error: {error}\n")
        raise typer.Exit(2) from None


def seconds(text: str) -> float:
    """The time that kubectl takes by the same words."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", text)
    if found is None or float(found[1]) == 0:
        raise typer.BadParameter(f"--request-timeout is a time such as 30s or 2m, not {text!r}")
    return float(found[1]) * _UNITS[found[2]]


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
