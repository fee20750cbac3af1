"""What a shell offers when somebody presses the tab key behind --context and -n."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

from ambimigrate.sources import cluster_access, cluster_names
from ambimigrate.sources.cluster_access import ClusterError, Where

# Where typer's scripts for bash, and for other shells, put the line as it is so far. It cannot be taken from click: an
# option that still lacks its value is an error of the whole line, after which nothing of it is known.
_LINES = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")


def contexts(beginning: str) -> list[str]:
    """The contexts of the kubeconfig that the line names, or of the usual one."""
    try:
        return [name for name in cluster_access.contexts(_value("--kubeconfig")) if name.startswith(beginning)]
    except ClusterError:
        return []


def namespaces(beginning: str) -> list[str]:
    """Those of the context that the line names, or of the current one; none if it names files only."""
    context = _value("--context")
    if not context and any(_paths()):
        return []
    found = cluster_names.namespaces(Where(context, _value("--kubeconfig")))
    return [name for name in found if name.startswith(beginning)]


def _words() -> list[str]:
    line = next((os.environ[name] for name in _LINES if name in os.environ), "")
    try:
        return shlex.split(line)[1:]
    except ValueError:  # a quote that is still open
        return line.split()[1:]


def _value(option: str) -> str:
    """The first value that the line gives to an option."""
    words = _words()
    joined = (word.partition("=")[2] for word in words if word.startswith(f"{option}="))
    apart = (value for name, value in pairwise(words) if name == option and not value.startswith("-"))
    return next(chain(joined, apart), "")


def _paths() -> Iterator[bool]:
    """Whether each word that can be an argument is a file or a folder."""
    return (Path(word).exists() for before, word in pairwise(_words()) if not before.startswith("-"))
