"""Enrolment, egress and leftovers beyond their fixtures: pilots, agreements, and what must never be settled in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.changes import Stage
from ambimigrate.convert import Choice, Conversion, convert
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.model import Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests.conftest import FIXTURES
from tests.test_convert import Check, contents, nothing, run

CASES = FIXTURES / "convert"


def converted(case: str, choice: Choice, check: Check = nothing, version: str = "") -> Conversion:
    target = Target(parse(version) if version else NEWEST, NEWEST_GATEWAY_API)
    reading = read_files([str(CASES / case / "input")], target)
    return convert(reading.meshes, tuple(check(reading.meshes)), choice, check=check)


def shown(conversion: Conversion) -> set[tuple[str, str, str]]:
    return {(each.stage.name, each.ref.kind, each.ref.name) for each in conversion.changes}


def test_a_pilot_moves_alone() -> None:
    found = converted("enroll-injection", Choice(("shop",), settings=Settings(pilot="Deployment/cart")))
    assert shown(found) == {("enroll", "Deployment", "cart")}
    edits = {each.route[-1]: getattr(each, "value", None) for each in found.changes[0].action or ()}  # type: ignore[union-attr]
    assert edits["istio.io/dataplane-mode"] == "ambient"
    assert edits["sidecar.istio.io/inject"] == "false"


def test_a_namespace_after_its_pilot_is_as_without_one(tmp_path: Path) -> None:
    source, once, then = CASES / "enroll-injection" / "input", tmp_path / "once", tmp_path / "then"
    assert run(str(source), "--out", str(once), "--only", "shop", "--pilot", "cart")[0] == 0
    run(str(once), "--out", str(then))
    run(str(source), "--out", str(tmp_path / "direct"))
    assert contents(then) == contents(tmp_path / "direct")


@pytest.mark.parametrize("wrong", [("--pilot", "cart"), ("--pilot", "nobody", "--only", "shop")])
def test_a_pilot_is_one_workload_of_one_namespace(wrong: tuple[str, ...]) -> None:
    assert run(str(CASES / "enroll-injection" / "input"), *wrong)[0] == 2


def test_what_a_sidecar_object_does_is_lost_only_by_agreement() -> None:
    held = converted("held-sidecars", Choice(("shop",)), analyse)
    assert {"SC901"} <= {name for each in held.held for name in each.because}
    assert "shop" in next(each.alternative or "" for each in held.held if each.because == ("SC901",))
    agreed = Settings((Accepted("SC901", "shop", "default"),))
    found = converted("held-sidecars", Choice(("shop",), settings=agreed), analyse)
    deletion = next(each for each in found.changes if each.ref.kind == "Sidecar")
    assert (deletion.stage, deletion.verdict, deletion.because) == (Stage.retire, "differs", ("SC902", "SC901"))
    assert deletion.witness


def test_an_entry_that_few_see_gets_its_policy_by_agreement() -> None:
    agreed = Settings((Accepted("SE903", "part", "*"),))
    found = converted("held-egress", Choice(("part",), settings=agreed))
    assert ("policies", "AuthorizationPolicy", "seen-callers") in shown(found)


@pytest.mark.parametrize(("version", "serves"), [("1.24.6", False), ("1.25.0", True)])
def test_an_entry_without_address_is_served_where_addresses_are_allocated(version: str, serves: bool) -> None:
    found = converted("egress-tls", Choice(), version=version)
    assert (("bind", "ServiceEntry", "payments") in shown(found)) == serves
    assert bool(found.held) != serves


@pytest.mark.parametrize("case", ["enroll-injection", "enroll-gateways", "retire-sidecars", "egress-tls"])
def test_the_end_has_no_finding_that_holds(case: str) -> None:
    assert not converted(case, Choice(), analyse).held


def test_an_egress_chain_is_held_with_the_steps_by_name() -> None:
    found = converted("held-egress", Choice(("chain",)))
    steps = next(each.alternative or "" for each in found.held if each.because == ("GW901",))
    assert "kubectl label serviceentry -n chain news istio.io/use-waypoint=egress-waypoint" in steps
    assert "news-through-gateway" in steps
