"""`ambimigrate verify` as people run it: exit codes, both outputs, evidence and requests of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from ambimigrate import catalogue
from tests.test_verify import CASES


def run(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "ambimigrate", "verify", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def sides(case: str) -> tuple[str, str]:
    return str(CASES / case / "before"), str(CASES / case / "after")


@pytest.mark.parametrize(
    ("case", "code"), [("equal", 0), ("l4-only", 0), ("exact-route", 0), ("path-prefix", 1), ("bypass", 1)]
)
def test_exit_codes(case: str, code: int) -> None:
    assert run(*sides(case))[0] == code


def test_json_fits_its_schema(tmp_path: Path) -> None:
    schema = json.loads((catalogue.folder() / "schemas" / "verify.json").read_text())
    for case in ("path-prefix", "lost-policy", "bypass"):
        _, out = run(*sides(case), "--format", "json", "--evidence", str(tmp_path / "evidence.json"))
        assert not list(jsonschema.Draft202012Validator(schema).iter_errors(json.loads(out)))
    evidence = json.loads((tmp_path / "evidence.json").read_text())
    assert [each["path"] for each in evidence["inputs"]] == list(sides("bypass"))
    assert all(len(digest) == 64 for each in evidence["inputs"] for digest in each["files"].values())
    assert evidence["checked"]["routing"] > 0
    assert evidence["not_covered"]


def test_text_names_request_outcomes_and_objects() -> None:
    _, out = run(*sides("path-prefix"))
    assert "curl -i 'http://reviews.shop.svc.cluster.local:9080/apix'" in out
    assert "before/routes.yaml:7 VirtualService shop/reviews" in out
    assert "after/routes.yaml:9 HTTPRoute shop/reviews" in out


def test_requests_of_the_user(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    lines = [{"authority": "reviews.shop:9080", "path": "/apish", "method": "GET", "headers": {"X-Some": "thing"}}, {"path": 5}]
    file.write_text("\n".join(json.dumps(each) for each in lines))
    code, out = run(*sides("path-prefix"), "--requests", str(file), "--limit", "1", "--format", "json")
    assert code == 2
    found = json.loads(out)
    assert [each["line"] for each in found["problems"]] == [2]
    assert "/apish" in {each["request"]["path"] for each in found["differences"]}


def test_a_stage_in_place_of_a_second_tree() -> None:
    code, out = run(str(CASES / "lost-policy" / "before"), "--stage", "retire")
    assert code == 0, out


def test_bad_input() -> None:
    assert run(str(CASES / "equal" / "before"))[0] == 2
    assert run(str(CASES / "equal" / "before"), "no-such-folder")[0] == 2
    assert run(*sides("equal"), "--stage", "bind")[0] == 2


def test_hosts_of_requests_that_the_input_lacks(tmp_path: Path) -> None:
    file, evidence = tmp_path / "requests.jsonl", tmp_path / "evidence.json"
    lines = [{"host": "reviews.shop", "path": "/"}, {"host": "elsewhere.example", "path": "/"}]
    file.write_text("\n".join(map(json.dumps, lines)))
    code, out = run(*sides("equal"), "--requests", str(file), "--evidence", str(evidence))
    assert code == 0
    assert "Not tried: 1 request of --requests to hosts that the input does not have: elsewhere.example (1)." in out
    written = json.loads(evidence.read_text())
    assert written["untried"] == [{"host": "elsewhere.example", "requests": 1}]
    assert [each["path"] for each in written["inputs"]] == [*sides("equal"), str(file)]
    file.write_text(json.dumps(lines[1]))
    assert run(*sides("equal"), "--requests", str(file))[0] == 2
