"""Makes rules/schemas/crds/ from the CRDs of Istio and of the Gateway API: `make schemas` (needs Go for its module client)."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ambimigrate import catalogue

# The newest patch of each line that the module client finds; Gateway API 1.7 needs a newer Go than the rest.
ISTIO = ("1.22.0", "1.23.0", "1.24.2", "1.25.5", "1.26.0", "1.27.0", "1.28.0", "1.29.0", "1.30.1", "1.31.1")
GATEWAY_API = ("1.2.1", "1.3.0", "1.4.1", "1.5.1", "1.6.3")
CHANNELS = ("standard", "experimental")
LEFT_OUT = {"ListenerSet", "UDPRoute", "BackendLBPolicy"}  # that we neither convert nor make; so are the kinds X...
ISTIO_SOURCE = "istio/api, kubernetes/customresourcedefinitions.gen.yaml"
GATEWAY_SOURCE = "kubernetes-sigs/gateway-api, config/crd/{standard,experimental}"
SHORT = 40  # characters of a node that is not worth sharing

Tree = Any


@dataclass
class Nodes:
    """Trees whose parts are shared: equal parts are one node, and a node names its parts by number."""

    known: dict[str, int] = field(default_factory=dict)
    parts: list[Tree] = field(default_factory=list)
    uses: Counter[int] = field(default_factory=Counter)

    def add(self, tree: Tree) -> Tree:
        """The tree as it stands in its parent: itself if it is no mapping, else a reference to its node."""
        if isinstance(tree, list):
            return [self.add(each) for each in tree]
        if not isinstance(tree, dict):
            return tree
        value = {key: self.add(each) for key, each in sorted(tree.items())}
        text = json.dumps(value)
        if text not in self.known:
            self.known[text] = len(self.parts)
            self.parts.append(value)
            self.uses.update(_referred(value))
        return {"$ref": self.known[text]}

    def written(self, roots: set[int]) -> tuple[list[Tree], dict[int, int]]:
        """The nodes that stand on their own, with all others inside those that use them, and their new numbers."""
        numbers: dict[int, int] = {}
        found: list[Tree] = []
        whole: list[Tree] = []
        for number, part in enumerate(self.parts):
            value = self._whole(part, whole, numbers)
            whole.append(value)
            if number in roots or (self.uses[number] > 1 and len(json.dumps(value)) > SHORT):
                numbers[number] = len(found)
                found.append(value)
        return found, numbers

    def _whole(self, tree: Tree, whole: list[Tree], numbers: dict[int, int]) -> Tree:
        if isinstance(tree, list):
            return [self._whole(each, whole, numbers) for each in tree]
        if not isinstance(tree, dict):
            return tree
        if tree.keys() == {"$ref"}:
            number = tree["$ref"]
            return {"$ref": numbers[number]} if number in numbers else whole[number]
        return {key: self._whole(each, whole, numbers) for key, each in tree.items()}


def _referred(tree: Tree) -> Iterator[int]:
    for each in tree.values() if isinstance(tree, dict) else tree:
        if isinstance(each, dict):
            yield each["$ref"]
        elif isinstance(each, list):
            yield from _referred([item for item in each if isinstance(item, dict | list)])


def without_words(tree: Tree, *, names: bool = False) -> Tree:
    """A schema without descriptions; `names`: the keys are names of fields."""
    if isinstance(tree, list):
        return [without_words(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    left_out = set() if names else {"description", "example", "externalDocs", "title"}
    return {key: without_words(each, names=key == "properties") for key, each in tree.items() if key not in left_out}


def download(folder: Path, module: str, version: str) -> Path:
    """Where the module client has put the files of a release."""
    command = ["go", "mod", "download", "-json", f"{module}@v{version}"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
    return Path(json.loads(listed)["Dir"])


def releases(folder: Path) -> Iterator[tuple[str, str, list[Path]]]:
    """The source, the release with its channel, and the files of its CRDs."""
    for version in ISTIO:
        yield (
            ISTIO_SOURCE,
            version,
            [download(folder, "istio.io/api", version) / "kubernetes/customresourcedefinitions.gen.yaml"],
        )
    for version in GATEWAY_API:
        found = download(folder, "sigs.k8s.io/gateway-api", version)
        for channel in CHANNELS:
            yield (
                GATEWAY_SOURCE,
                f"{version} {channel}",
                sorted((found / "config/crd" / channel).glob("gateway.networking.k8s.io_*")),
            )


def definitions(files: list[Path]) -> Iterator[Tree]:
    """The CRDs of the kinds that matter."""
    for file in files:
        for tree in yaml.load_all(file.read_text(encoding="utf-8"), yaml.CSafeLoader):
            if tree and tree["kind"] == "CustomResourceDefinition" and tree["spec"]["names"]["kind"] not in LEFT_OUT:
                yield tree["spec"]


@dataclass
class Kind:
    """What the releases say of one kind."""

    source: str
    releases: tuple[str, ...]
    nodes: Nodes = field(default_factory=Nodes)
    versions: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, release: str, spec: Tree) -> None:
        """Takes in the versions that the release serves."""
        for version in spec["versions"]:
            if version["served"]:
                schema = without_words(version["schema"]["openAPIV3Schema"])
                schema["properties"].pop("status", None)
                self.versions.setdefault(version["name"], {})[release] = self.nodes.add(schema)["$ref"]

    def text(self) -> str:
        """The file, a node a line."""
        found, numbers = self.nodes.written({root for each in self.versions.values() for root in each.values()})
        versions = {name: {release: numbers[root] for release, root in each.items()} for name, each in self.versions.items()}
        head = json.dumps({"source": self.source, "releases": self.releases, "versions": versions}, indent=1)[:-2]
        nodes = ",\n".join(json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in found)
        return f'{head},\n "nodes": [\n{nodes}\n]}}\n'


def main() -> None:
    """Writes one file for each kind."""
    kinds: dict[str, Kind] = {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "go.mod").write_text("module schemas\n", encoding="utf-8")
        known = list(releases(Path(folder)))
        for source, release, files in known:
            names = tuple(name for each, name, _ in known if each == source)
            for spec in definitions(files):
                kinds.setdefault(f"{spec['group']}_{spec['names']['kind']}", Kind(source, names)).add(release, spec)
    for name, kind in kinds.items():
        (catalogue.folder() / "schemas" / "crds" / f"{name}.json").write_text(kind.text(), encoding="utf-8")


if __name__ == "__main__":
    main()
