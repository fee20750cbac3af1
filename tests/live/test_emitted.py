"""What convert emits, for the demo and for every fixture: a real server's schemas and rules take it, in two Gateway APIs.

The server is only asked in the test, by dry run; the tool itself never writes to one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from ambimigrate.analyse import analyse
from ambimigrate.convert import Choice
from ambimigrate.kinds import KINDS
from ambimigrate.versions import Version
from tests.live.apiserver import ApiServer, Manifest, gateway_definitions, istio_definitions, running
from tests.test_convert import CASES, DEMO, agreed, converted, nothing, target

pytestmark = pytest.mark.xdist_group("live-emitted")
_VERSIONS = {"sigs.k8s.io/gateway-api@v1.6.3": Version(1, 6, 3), "sigs.k8s.io/gateway-api@v1.4.1": Version(1, 4, 1)}
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
            namespace = each["metadata"].get("namespace", "default")
            if namespace not in known:
                found.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
                known.add(namespace)
            said = _refusal(found, each)
            if said:
                refused.append(f"{case.name}: {each['kind']} {each['metadata']['name']}: {said}")
    assert not refused, "\n".join(refused)


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
