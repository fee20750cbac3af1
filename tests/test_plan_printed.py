"""The commands that a plan prints carry what it was asked with; of several folders, each gives what the plan says."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import random_calls
from tests.random_calls import namespace, rules
from tests.test_plan_command import run

OPTIONS = ("--istio-version", "1.30", "--close-direct-access", "--waypoints", "service", "--accept", "AP910:api/*")
SEEN = {"source_workload_namespace": "jobs", "destination_service_namespace": "api", "destination_service_name": "app"}


@pytest.fixture
def objects() -> dict[str, list[dict[str, Any]]]:
    found = {name: namespace(name) for name in ("api", "jobs", "web")}
    found["api"] += rules("api", ("web",), "requests")
    return found


def commands(out: str) -> list[list[str]]:
    steps = [step for wave in json.loads(out)["waves"] for step in wave["steps"]]
    lines = [line for step in steps for line in step["commands"] if line.startswith("ambimigrate convert")]
    return [shlex.split(each, comments=True) for each in lines]


def test_commands_carry_the_options(objects: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    """Without them the namespaces would be held, or get other waypoints."""
    tree, file = tmp_path / "tree", tmp_path / "seen.json"
    random_calls.written(objects, tree)
    answer = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": SEEN, "value": [1, "3"]}]}}
    file.write_text(json.dumps(answer))
    options = (*OPTIONS, "--traffic", str(file))
    assert "api" in {each["namespace"] for each in json.loads(run("plan", str(tree), "--format", "json")[1])["held"]}
    _, out, _ = run("plan", str(tree), *options, "--format", "json")
    found = commands(out)
    assert {"policies", "bind", "enroll"} <= {each[each.index("--stage") + 1] for each in found}
    for words in found:
        assert set(options) <= set(words)
        code, _, said = run(*words[1:])
        assert code == 0, (words, said)
    assert run("convert", str(tree), *options, "--format", "json")[0] == 0
    assert not json.loads(run("convert", str(tree), *options, "--format", "json")[1])["changes"]
    _, out, _ = run("status", str(tree), *OPTIONS, "--format", "json")
    assert all(each["done"] for each in json.loads(out)["namespaces"])


def test_the_configuration_that_was_named_is_named_again(objects: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    random_calls.written(objects, tmp_path / "tree")
    config = tmp_path / "agreed.yaml"
    config.write_text("closeDirectAccess: true\n")
    _, out, _ = run("plan", str(tmp_path / "tree"), "--config", str(config), "--format", "json")
    assert commands(out)
    assert all(each[each.index("--config") + 1] == str(config) for each in commands(out))


def test_a_namespace_in_two_folders_is_held(objects: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    random_calls.written(objects, tmp_path / "left")
    for file in sorted((tmp_path / "left").rglob("*")):
        if file.is_file() and "AuthorizationPolicy" in file.read_text():
            (tmp_path / "right").mkdir(exist_ok=True)
            shutil.move(file, tmp_path / "right" / file.name)
    folders = (str(tmp_path / "left"), str(tmp_path / "right"))
    _, out, _ = run("plan", *folders, "--close-direct-access", "--format", "json")
    (held,) = [each["because"] for each in json.loads(out)["held"] if each["namespace"] == "api"]
    assert held == [
        f"Namespace api: convert takes one folder, and {folders[0]} and {folders[1]} one by one do not give what they give"
        " together: plan the folder that holds them"
    ]
    for words in commands(out):
        assert "api" not in words
        assert run(*words[1:])[0] == 0, words


def test_folders_of_their_own_have_commands_of_their_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        random_calls.written({name: namespace(name)}, tmp_path / name)
    _, out, _ = run("plan", str(tmp_path / "one"), str(tmp_path / "two"), "--format", "json")
    assert {each[2] for each in commands(out)} == {str(tmp_path / "one"), str(tmp_path / "two")}
    for words in commands(out):
        code, _, said = run(*words[1:])
        assert code == 0, (words, said)


# --- tokens -------------------------------------------------------------------------------------------------------------

ISSUER = "https://id.example.com/shop"
LOGIN = f"""\
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{name: jwt, namespace: api}}
spec: {{jwtRules: [{{issuer: "{ISSUER}", jwksUri: "https://id.example.com/keys"}}]}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: login, namespace: api}}
spec: {{rules: [{{from: [{{source: {{requestPrincipals: ["{ISSUER}/*"]}}}}]}}]}}
"""


def test_calls_with_tokens_are_jobs_where_a_secret_is_named(tmp_path: Path) -> None:
    random_calls.written({"api": namespace("api")}, tmp_path / "tree")
    (tmp_path / "tree" / "login.yaml").write_text(LOGIN)
    plan = ("plan", str(tmp_path / "tree"), "--close-direct-access", "--quiet", "--probes")
    run(*plan, str(tmp_path / "without"))
    assert "TOKEN" not in "".join(each.read_text() for each in (tmp_path / "without").rglob("*.yaml"))
    said = (tmp_path / "without" / "README.md").read_text()
    assert "`--probe-token-secret NAME`" in said
    assert "| `api` | `https-id.example.com-shop` |" in said
    run(*plan, str(tmp_path / "with"), "--probe-token-secret", "tokens")
    jobs = [yaml.safe_load(each.read_text()) for each in (tmp_path / "with").rglob("probe-*.yaml")]
    jobs += [yaml.safe_load(each.read_text()) for each in (tmp_path / "with").rglob("api-*.yaml")]
    pods = [each["spec"]["template"]["spec"]["containers"][0] for each in jobs]
    (token,) = {str(env["valueFrom"]) for pod in pods for env in pod["env"] if env["name"] == "TOKEN"}
    assert token == "{'secretKeyRef': {'name': 'tokens', 'key': 'https-id.example.com-shop'}}"
    signed = [pod["args"] for pod in pods if "authorization: Bearer $(TOKEN)" in pod["args"]]
    assert signed
    assert all(args[0] == "answered" for args in signed)
    assert any("authorization: Bearer no-token" in pod["args"] and pod["args"][0] == "refused" for pod in pods)
