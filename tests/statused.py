"""What `status` says of a tree, doing what it says is next, and small trees to ask about."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
from typer.testing import CliRunner

from ambimigrate import catalogue
from ambimigrate.cli import _app, options
from tests.planned import convert, copied

Found = dict[str, Any]


def run(*arguments: str) -> tuple[int, str, str]:
    options.config.cache_clear()
    result = CliRunner().invoke(_app(list(arguments)), list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def status(*arguments: str) -> tuple[int, Found]:
    code, out, said = run("status", *arguments, "--format", "json")
    assert out, said
    found: Found = json.loads(out)
    schema = json.loads((catalogue.folder() / "schemas" / "status.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(found)
    assert code == (2 if found["problems"] else int(found["out_of_order"]))
    return code, found


def recorded(tree: Path, to: Path) -> Path:
    """A copy of the tree with its plan."""
    code, _, said = run("plan", str(copied(tree, to)), "--record")
    assert code in {0, 1}, said
    return to


def follow(tree: Path) -> Iterator[Found]:
    """What status says, again and again, after what it said was next is done."""
    while True:
        code, found = status(str(tree))
        assert (code, found["drift"]) == (0, [])
        yield found
        if found["next"] is None:
            return
        commands = [each for each in found["next"]["commands"] if each.startswith("ambimigrate convert")]
        assert commands
        for each in commands:
            code, said = convert(*shlex.split(each, comments=True)[2:])
            assert code in {0, 1}, said


def of(found: Found, name: str, mesh: str = "") -> Found:
    return next(each for each in found["namespaces"] if (each["name"], each["mesh"]) == (name, mesh))


def kinds(found: Found) -> list[tuple[str, str, str]]:
    return [(each["kind"], each["namespace"], each["step"] or "") for each in found["drift"]]


def namespace(name: str, **labels: str) -> Found:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def deployment(name: str, space: str) -> Found:
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "registry.example/app:1"}]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": space}, "spec": spec}


def pod(name: str, space: str, *, owner: tuple[str, str], sidecar: bool = False, captured: bool = False) -> Found:
    annotations = (
        {"sidecar.istio.io/status": "{}"} if sidecar else {"ambient.istio.io/redirection": "enabled"} if captured else {}
    )
    containers = [{"name": "app"}, *([{"name": "istio-proxy"}] if sidecar else [])]
    owned = [{"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1]}]
    metadata = {
        "name": name,
        "namespace": space,
        "labels": {"app": "web"},
        "annotations": annotations,
        "ownerReferences": owned,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": containers},
        "status": {"phase": "Running"},
    }


def put(tree: Path, *objects: Found) -> Path:
    tree.mkdir(exist_ok=True)
    (tree / "all.yaml").write_text("---\n".join(f"{json.dumps(each, indent=2)}\n" for each in objects))
    return tree
