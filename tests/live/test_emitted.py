"""What convert emits, for the demo, for every fixture and for public repositories: a real server's schemas and rules take it,
in two Gateway APIs.

The server is only asked in the test, by dry run; the tool itself never writes to one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from ambimigrate.analyse import analyse
from ambimigrate.convert import Choice
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import KINDS
from ambimigrate.model import Target
from ambimigrate.versions import NEWEST, Version
from tests.live.apiserver import ROOT, ApiServer, Manifest, gateway_definitions, istio_definitions, running
from tests.test_convert import CASES, DEMO, agreed, converted, nothing, target

pytestmark = pytest.mark.xdist_group("live-emitted")
_VERSIONS = {"sigs.k8s.io/gateway-api@v1.6.3": Version(1, 6, 3), "sigs.k8s.io/gateway-api@v1.4.1": Version(1, 4, 1)}
CORPUS = ROOT.parent / "shared" / "corpus"
_GROUPS = (".istio.io", ".k8s.io")
_CORE = {"", "apps", "policy", "autoscaling"}


def documents(text: str | None) -> list[Manifest]:
    """The objects of a text that the server knows the schema of."""
    trees = yaml.load_all(text, yaml.CSafeLoader) if text else ()
    return [tree for tree in trees if isinstance(tree, dict) and _is_known(tree)]


def _is_known(tree: Manifest) -> bool:
    group = str(tree.get("apiVersion")).rpartition("/")[0]
    is_served = group in _CORE or (group.endswith(_GROUPS) and not group.startswith("install."))
    return is_served and (group, tree.get("kind")) in KINDS


def emitted(case: Path, gateway_api: Version) -> list[Manifest]:
    """The objects of the result that are not in the input."""
    root, check = (case, analyse) if case == DEMO else (case / "input", nothing)
    to = replace(target(case), gateway_api=gateway_api)
    _, _, files = converted(root, to, Choice(settings=agreed(case)), check)
    found = []
    for _, before, after in files.changed:
        old = documents(before)
        found += [each for each in documents(after) if each not in old]
    return found


def emitted_for(repo: Path, gateway_api: Version) -> Iterator[tuple[Manifest, Manifest | None]]:
    """The objects that are new or other than in a repository, each with what it was."""
    to = Target(NEWEST, gateway_api)
    _, _, files = converted(repo, to, Choice(settings=Settings(close_direct_access=True)), analyse)
    for _, before, after in files.changed:
        try:
            old, new = documents(before), documents(after)
        except yaml.YAMLError:  # a file of which other documents hold templates
            continue
        named = {_name(each): each for each in old}
        yield from ((each, named.get(_name(each))) for each in new if each not in old and _name(each))


def _name(manifest: Manifest) -> tuple[str, ...]:
    metadata = manifest.get("metadata") or {}
    return (manifest["kind"], metadata.get("namespace", ""), metadata["name"]) if metadata.get("name") else ()


@pytest.fixture(scope="module", params=sorted(_VERSIONS))
def server(apiserver: None, request: pytest.FixtureRequest) -> Iterator[tuple[ApiServer, Version]]:
    with running() as found:
        found.apply(*istio_definitions(), *gateway_definitions(request.param, "experimental"))
        yield found, _VERSIONS[request.param]


def test_what_is_emitted_is_accepted(server: tuple[ApiServer, Version]) -> None:
    found, version = server
    refused = []
    known: set[str] = {"default"}
    for case in [*CASES, DEMO]:
        for each in emitted(case, version):
            _give(found, known, each)
            said = _refusal(found, each)
            if said:
                refused.append(f"{case.name}: {each['kind']} {each['metadata']['name']}: {said}")
    assert not refused, "\n".join(refused)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no public repositories at {CORPUS.name} beside this one")
def test_what_is_emitted_for_public_repositories_is_accepted(server: tuple[ApiServer, Version]) -> None:
    found, version = server
    refused, count = [], 0
    known: set[str] = {"default"}
    for repo in sorted(each for each in CORPUS.iterdir() if each.is_dir()):
        for each, old in emitted_for(repo, version):
            _give(found, known, each)
            count += 1
            said = _refusal(found, each)
            if said and not (old is not None and _refusal(found, old)):  # what people wrote may be wrong in itself
                refused.append(f"{repo.name}: {each['kind']} {each['metadata']['name']}: {said}")
    sys.stderr.write(f"\n{count} objects of public repositories, {len(refused)} refused\n")
    assert not refused, "\n".join(refused)
    assert count > 50


def _give(server: ApiServer, known: set[str], manifest: Manifest) -> None:
    """The namespace of the object."""
    namespace = manifest["metadata"].get("namespace", "default")
    if namespace not in known:
        server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        known.add(namespace)


def _refusal(server: ApiServer, manifest: Manifest) -> str:
    """What the server says against the object; what it says against what people left out of a fixture does not count."""
    said = server.dry_run(_completed(manifest))
    return "" if re.search(r"may not change once set|already exists", said) else said


def _completed(manifest: Manifest) -> Manifest:
    """With the selector that Deployments of fixtures leave out: convert edits those, it makes none."""
    spec = manifest.get("spec", {})
    if manifest["kind"] not in {"Deployment", "DaemonSet"} or "selector" in spec:
        return manifest
    return {**manifest, "spec": {**spec, "selector": {"matchLabels": spec["template"]["metadata"]["labels"]}}}
