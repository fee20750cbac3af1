"""What rules about pods share: which of them ztunnel will capture, the texts in their templates, where these stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.kinds import Container
from ambimigrate.model import Mesh, Position, Resource, Route
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import Workload, of_resource


def subject(mesh: Mesh, resource: Resource[Any]) -> Workload | None:
    """The workload that an object is if its pods are or will be captured, else None."""
    workload = of_resource(mesh, resource)
    return workload if workload is not None and captured(mesh, workload) else None


def at(workload: Workload, *route: str | int) -> Position:
    """A place in the pod template."""
    return workload.resource.at(*workload.template, *route)


def containers(workload: Workload) -> Iterator[tuple[Route, Container]]:
    """The containers of the pods with their route below the template."""
    for i, each in enumerate(workload.pod.init_containers):
        yield ("spec", "initContainers", i), each
    for i, each in enumerate(workload.pod.containers):
        yield ("spec", "containers", i), each


def texts(workload: Workload) -> Iterator[tuple[Route, str]]:
    """What the containers run and are told: commands, arguments, variables, hooks."""
    for route, container in containers(workload):
        for field in ("command", "args"):
            yield from (((*route, field, i), text) for i, text in enumerate(getattr(container, field)))
        for i, variable in enumerate(container.env):
            if variable.value:
                yield (*route, "env", i, "value"), variable.value
        for hook, told in strings(container.lifecycle or {}):
            yield (*route, "lifecycle", *hook), told


def strings(tree: Any, route: Route = ()) -> Iterator[tuple[Route, str]]:
    """Every string in untyped configuration with its route."""
    if isinstance(tree, str):
        yield route, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from strings(value, (*route, key))
    elif isinstance(tree, list | tuple):
        for i, value in enumerate(tree):
            yield from strings(value, (*route, i))


def sequence(value: Any) -> tuple[Any, ...]:
    """The items of a list in untyped configuration, none of anything else."""
    return tuple(value) if isinstance(value, list | tuple) else ()


def space(workload: Workload) -> str:
    """The namespace in a sentence; that of an object without one is not known."""
    return workload.namespace or "its namespace"


def named(members: Iterable[Workload], limit: int = 3) -> str:
    """Workloads in a sentence: the first few, and how many more there are."""
    return listed((str(each) for each in members), limit)


def listed(names: Iterable[str], limit: int = 3) -> str:
    """Names in a sentence: the first few, and how many more there are."""
    found = list(dict.fromkeys(names))
    shown = ", ".join(found[:limit])
    return shown if len(found) <= limit else f"{shown} and {len(found) - limit} more"
