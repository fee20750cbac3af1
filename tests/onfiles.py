"""What kubectl would answer if exactly what kustomize builds were in the cluster; None where only a running one can tell."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

KUSTOMIZE = shutil.which("kustomize")
Key = tuple[str, str, str]  # kind (with its group if that is not Kubernetes' own), namespace, name
Objects = dict[Key, dict[str, Any]]
OWN = ("", "apps", "batch", "networking.k8s.io")  # groups whose kinds kubectl knows without the group


def built(folder: Path) -> Objects:
    """The objects of an overlay."""
    assert KUSTOMIZE
    text = subprocess.run([KUSTOMIZE, "build", str(folder)], check=True, capture_output=True, text=True).stdout
    every = [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]
    return {(_kind(each), each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in every}


def answer(objects: Objects, words: list[str]) -> str | None:
    """What a command prints; None if files cannot tell."""
    namespace, (verb, *rest) = (words[2], words[3:]) if words[1] == "-n" else ("", words[1:])
    plain = [each for each in rest if not each.startswith("-")]
    if verb != "get" or plain[0] == "pods":
        return None
    kind, _, name = plain[0].partition("/")
    found = objects.get((kind, namespace, name or plain[1]))
    how = rest[rest.index("-o") + 1]
    if how == "name":
        return f"{_typed(kind)}/{name}" if found else ""
    if ".status" in how or found is None:
        return None
    return _printed(_at(found, how.removeprefix("jsonpath={").removesuffix("}")))


def subject(words: list[str]) -> Key | None:
    """The one object that a command names with its kind: what it restarts, waits for or deletes."""
    namespace, rest = (words[2], words[3:]) if words[1] == "-n" else ("", words[1:])
    plain = [each for each in rest if not each.startswith("-")]
    if rest[0] == "delete" and "/" not in plain[1]:
        return plain[1], namespace, plain[2]
    named = next((each for each in plain if "/" in each and not each.startswith("http")), "")
    return (named.split("/")[0], namespace, named.split("/")[1]) if named and rest[0] in {"delete", "wait", "rollout"} else None


def pods(objects: Objects, namespace: str) -> list[dict[str, str]]:
    """The labels of the pods of a namespace, one entry for each workload."""
    every = (each for key, each in objects.items() if key[1] == namespace and "template" in (each.get("spec") or {}))
    return [each["spec"]["template"]["metadata"].get("labels", {}) for each in every if "metadata" in each["spec"]["template"]]


def _kind(found: dict[str, Any]) -> str:
    group = found["apiVersion"].rpartition("/")[0]
    return str(found["kind"]).lower() + ("" if group in OWN else f".{group}")


def _typed(kind: str) -> str:
    return {"deployment": "deployment.apps", "networkpolicy": "networkpolicy.networking.k8s.io"}.get(kind, kind)


def _at(found: Any, path: str) -> Any:
    for step in path.removeprefix(".").replace("\\.", "\0").split("."):
        found = found.get(step.replace("\0", ".")) if isinstance(found, dict) else None
    return found


def _printed(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
