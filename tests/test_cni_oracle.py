"""What test_networks_oracle says of Kubernetes' policies, of the same written for Cilium and Calico."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ambimigrate.convert import EVERYTHING, Conversion, after, convert
from ambimigrate.kinds import CalicoNetworkPolicy, CiliumNetworkPolicy
from ambimigrate.model import Mesh, Target
from ambimigrate.semantics.cni import Networks
from ambimigrate.semantics.networks import Network
from ambimigrate.sources.read import read_files
from ambimigrate.topology.workloads import workloads
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests import cni_networks
from tests.test_convert import nothing
from tests.test_networks_oracle import World, check_pair, objects

Words = Callable[[dict[str, Any]], dict[str, Any]]
WORDS: dict[str, Words] = {"cilium": cni_networks.cilium, "calico": cni_networks.calico}


def world(mesh: Mesh) -> World:
    found = World.of(mesh)
    assert isinstance(found.network, Network)
    ciliums = tuple((each.namespace, tree(each)) for each in mesh.of(CiliumNetworkPolicy))
    calicos = tuple((each.namespace, tree(each)) for each in mesh.of(CalicoNetworkPolicy))
    return replace(found, network=Networks(found.network, ciliums, calicos, found.network.namespaces))


def tree(resource: Any) -> Any:
    return msgspec.to_builtins(resource.body)["spec"]


def moved(seed: int, words: str, folder: Path) -> tuple[World, World, Conversion]:
    rng = random.Random(seed)
    found = []
    for each in objects(rng):
        foreign = each["kind"] == "NetworkPolicy" and rng.random() < 0.7
        found.append(WORDS[words](each) if foreign else each)
    (folder / "mesh.yaml").write_text("---\n".join(json.dumps(each) + "\n" for each in found), encoding="utf-8")
    to = Target(NEWEST, NEWEST_GATEWAY_API)
    (mesh,) = read_files([str(folder)], to).meshes
    conversion = convert((mesh,), (), EVERYTHING, check=nothing)
    return world(mesh), world(after(mesh, conversion.changes)), conversion


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("seed", range(150))
def test_reach_stays_as_it_was(seed: int, words: str, tmp_path: Path) -> None:
    before, now, _ = moved(seed, words, tmp_path)
    old = {(each.namespace, each.name): each for each in workloads(before.mesh)}
    for caller in workloads(now.mesh):
        for callee in workloads(now.mesh):
            if caller is not callee:
                pair = old[caller.namespace, caller.name], old[callee.namespace, callee.name]
                check_pair(before, now, pair, (caller, callee))


@pytest.mark.parametrize("words", WORDS)
def test_enough_of_the_meshes_move(words: str, tmp_path: Path) -> None:
    free = held = 0
    for seed in range(60):
        folder = tmp_path / str(seed)
        folder.mkdir()
        _, _, conversion = moved(seed, words, folder)
        held += len({each.namespace for each in conversion.held})
        free += 2 - len({each.namespace for each in conversion.held})
    assert 3 * free > 2 * held
