"""Lines of a plan as shell: a command, behind it what it prints when all is well, or a remark behind `#`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ambimigrate.model import Ref, Route

PROGRAMS = frozenset({"ambimigrate", "bash", "curl", "echo", "git", "helm", "istioctl", "kubectl", "sh", "sleep"})
REVERT = "# git revert the commit of this step and let it be applied"
REVERT_BOTH = "# git revert both commits of this step, the later one first, and let it be applied"
NOTHING = "prints nothing"  # what such a line expects is that its command prints nothing
_GAP = "    # "


def told(command: str, expected: str) -> str:
    """A command with what it prints, or what that means, in words."""
    return f"{command}{_GAP}{expected}"


def remark(text: str) -> str:
    """A sentence where nothing is run."""
    return f"# {text}"


def kubectl(namespace: str, *words: str) -> str:
    """A call of kubectl with every word quoted."""
    space = ("-n", namespace) if namespace else ()
    return shlex.join(("kubectl", *space, *words))


def target(ref: Ref) -> str:
    """The object as kubectl names it: `deployment/api`, `virtualservice.networking.istio.io/cart`."""
    return f"{kind(ref)}/{ref.name}"


def kind(ref: Ref) -> str:
    """The kind as kubectl knows it; the group tells kinds of one name apart."""
    own = ref.kind.lower()
    return own if ref.group in {"", "apps", "batch", "networking.k8s.io"} else f"{own}.{ref.group}"


def jsonpath(route: Route) -> str:
    """The way to a field for `-o jsonpath`."""
    steps = (f"[{each}]" if isinstance(each, int) else f".{each.replace('.', chr(92) + '.')}" for each in route)
    return f"jsonpath={{{''.join(steps)}}}"


def parts(line: str) -> tuple[str, str]:
    """The command and the remark of a line, either of which may be empty; prose is a remark."""
    end = next(_comments(line), len(line))
    command, said = line[:end].rstrip(), line[end:].lstrip("# ").rstrip()
    if command and command.split()[0] not in PROGRAMS:
        return "", line.rstrip()
    return (command, said) if _is_shell(command) else ("", line.rstrip())


def _is_shell(command: str) -> bool:
    """Whether a line that begins like a command is one, and no sentence such as `git revert the commit`."""
    return not command.startswith("git revert the ")


def _comments(line: str) -> Iterator[int]:
    """Where a `#` begins a comment: outside of quotes, at the start of a word."""
    quote, escaped = "", False
    for at, letter in enumerate(line):
        if escaped:
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "#" and (at == 0 or line[at - 1] == " "):
            yield at


def words(command: str) -> tuple[str, ...]:
    """The words of a command as they are written, with their quotes."""
    found, start, quote, escaped = [], 0, "", False
    for at, letter in enumerate(f"{command} "):
        if escaped:
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == " ":
            found.append(command[start:at])
            start = at + 1
    return tuple(each for each in found if each)
