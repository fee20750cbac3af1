"""The entry of the program: answers `--version` at once, loads the rest when needed, and lets no traceback out."""

import gc
import os
import sys

from ambimigrate import __version__

FAILED = 2
INTERRUPTED = 130
_debug: list[bool] = []  # filled when the traceback of an internal error is wanted
PIPE_CLOSED = 141  # as for any program that SIGPIPE ends: the reader has not seen the whole result


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        try:
            _run(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _silence()
        sys.exit(PIPE_CLOSED)
    except Exception as error:
        _report(error)
        sys.exit(FAILED)


def _run(arguments: list[str]) -> None:
    if arguments[:1] == ["--version"]:
        sys.stdout.write(f"ambimigrate {__version__}\n")
        return
    gc.set_threshold(200_000, 20, 100)  # nearly all that a run makes it keeps: looking for garbage takes time for nothing
    from ambimigrate import cli

    if "--debug" in arguments:  # is meant for `_report`, wherever it stands
        sys.argv.remove("--debug")
        _debug.append(True)
    cli.run()


def _silence() -> None:
    """Point both streams at nothing, or the interpreter complains about the closed pipe when it flushes them."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nothing, stream.fileno())


def _report(error: Exception) -> None:
    if _debug:
        import traceback

        traceback.print_exception(error)
        return
    what = " ".join(f"{type(error).__name__}: {error}".split())
    sys.stderr.write(f"internal error: {what}; run again with --debug for the traceback\n")


if __name__ == "__main__":
    main()
