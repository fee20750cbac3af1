"""The command line: one module for each command, imported only when that command is meant."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import typer

from ambimigrate import __version__

COMPLETE = "_AMBIMIGRATE_COMPLETE"
COMMANDS = ("scan", "convert", "plan", "verify", "gate", "status", "estimate", "rules", "explain", "support", "rbac")
HELP = """Takes an Istio mesh from sidecars to ambient mode.

Reads a cluster or a GitOps repository and says what stands in the way, what has to change, and in which order.
It never writes to a cluster, and writes files only when told to.
"""


def run() -> None:
    """Parses the command line, runs the command and leaves with its exit code."""
    app = _app(sys.argv[1:])
    if COMPLETE in os.environ:  # a shell asks what may come next: eval "$(_AMBIMIGRATE_COMPLETE=source_bash ambimigrate)"
        from typer._completion_classes import completion_init

        completion_init()
    try:
        code = app(prog_name="ambimigrate", standalone_mode=False)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        show = getattr(error, "show", None)  # an error of the command line itself: it knows how to say what is wrong
        if show is None:
            raise
        show()
        code = getattr(error, "exit_code", 2)
    sys.exit(code)


def _app(arguments: list[str]) -> typer.Typer:
    app = typer.Typer(
        help=HELP, add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )
    app.callback()(_main)
    named = next((each for each in arguments if not each.startswith("-")), "")
    for name in (named,) if named in COMMANDS else COMMANDS:
        module = import_module(f"ambimigrate.cli.{name}")
        app.command(name)(getattr(module, name))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ambimigrate {__version__}\n")
        raise typer.Exit


def _main(
    version: bool = typer.Option(False, "--version", help="Show the version and exit.", callback=_version, is_eager=True),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an internal error."),
) -> None:
    """Takes an Istio mesh from sidecars to ambient mode."""
