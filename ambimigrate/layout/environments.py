"""Which environment or cluster a file belongs to, by the names of its folders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

PARENTS = frozenset({"overlays", "overlay", "clusters", "environments", "environment", "envs", "env", "stages"})
WORDS = frozenset(
    [
        "prod",
        "production",
        "prd",
        "live",
        "staging",
        "stage",
        "stg",
        "preprod",
        "pre-prod",
        "preproduction",
        "dev",
        "development",
        "develop",
        "test",
        "testing",
        "tst",
        "qa",
        "uat",
        "int",
        "integration",
        "sandbox",
        "canary",
        "nonprod",
        "non-prod",
    ]
)
_SAME = {
    "production": "prod",
    "prd": "prod",
    "stage": "staging",
    "stg": "staging",
    "development": "dev",
    "develop": "dev",
}
_NOT = frozenset({"base", "bases", "common", "shared", "components", "default", "templates"})


def environments(files: Iterable[str]) -> Mapping[str, str]:
    """Folder -> name of the environment that it stands for. Files are paths below the root, with `/`.

    A folder is one if its parent is called like a place for them (`overlays/prod`, `clusters/east`), or if its name is a
    usual word for an environment and a sibling's is another one (`prod` beside `staging`).
    """
    children: dict[str, set[str]] = defaultdict(set)
    for file in files:
        parts = file.split("/")[:-1]
        for depth, part in enumerate(parts):
            children["/".join(parts[:depth])].add(part)
    found: dict[str, str] = {}
    for parent, names in children.items():
        if parent.rpartition("/")[2] in PARENTS:
            named = names - _NOT
        else:
            named = {name for name in names if name.lower() in WORDS}
            named = named if len({canonical(name) for name in named}) > 1 else set()
        found |= {f"{parent}/{name}".lstrip("/"): canonical(name) for name in named}
    return found


def canonical(name: str) -> str:
    """One name for the words that mean the same environment."""
    return _SAME.get(name.lower(), name)


def environment(file: str, known: Mapping[str, str]) -> str | None:
    """The environment of the outermost folder that stands for one, None for what all share."""
    if not known:
        return None
    at = file.find("/")
    while at >= 0:
        if (name := known.get(file[:at])) is not None:
            return name
        at = file.find("/", at + 1)
    return None
