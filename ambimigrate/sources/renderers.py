"""Runs `kustomize build` (or `kubectl kustomize`) and `helm template`: no shell, no plugins, no network, with a time limit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

T = TypeVar("T")
R = TypeVar("R")

_SECONDS = 60
_MOST = 300  # characters of a reason
_NOWHERE = "http://127.0.0.1:9"  # the discard port: whatever asks for a proxy reaches nobody


class Failed(Struct, frozen=True):
    """Why a folder could not be rendered, as the renderer says it."""

    reason: str


class Built(Struct, frozen=True):
    """What was rendered, as YAML; the paths of origins in it are relative to the folder `base`."""

    text: str
    base: str


def _folder() -> AbstractContextManager[str]:
    """A folder for a while."""
    import tempfile  # what few scans need is loaded by them alone

    return tempfile.TemporaryDirectory(prefix="ambimigrate-")


class Kustomize(Struct, frozen=True):
    """The renderer that was found, as the beginning of its command line."""

    command: tuple[str, ...]
    helm: str = ""  # what renders `helmCharts`, only where all of them are in the tree

    def build(self, folder: Path) -> Built | Failed:
        """The objects of a kustomization, each with the file that it comes from in an annotation."""
        with _folder() as place:
            wrapper = Path(place).resolve()
            target = os.path.relpath(folder.resolve(), wrapper)
            (wrapper / "kustomization.yaml").write_text(
                f'resources: ["{_quoted(target)}"]\nbuildMetadata: [originAnnotations]\n', encoding="utf-8"
            )
            more = ("--enable-helm", "--helm-command", self.helm) if self.helm else ()
            found = _run((*self.command, *more, str(wrapper)), wrapper, {target: ".", **_below(folder.resolve())})
            return found if isinstance(found, Failed) else Built(found, str(wrapper))


def identity() -> tuple[str, int, int] | None:
    """The renderer that would be used, by path, size and time, None if there is none."""
    found = find()
    path = shutil.which(found.command[0]) if found else None
    if path is None:
        return None
    status = Path(path).stat()
    return os.path.realpath(path), status.st_size, status.st_mtime_ns


_KUBERNETES = "1.34.0"  # a current one; what helm takes by itself depends on how it was built
# What a cluster with a mesh can do, beyond Kubernetes itself: charts ask for it (`.Capabilities.APIVersions.Has`).
_APIS = (
    ("networking.istio.io", "VirtualService DestinationRule Gateway ServiceEntry Sidecar", ("v1", "v1beta1", "v1alpha3")),
    ("security.istio.io", "AuthorizationPolicy PeerAuthentication RequestAuthentication", ("v1", "v1beta1")),
    ("telemetry.istio.io", "Telemetry", ("v1", "v1alpha1")),
    ("gateway.networking.k8s.io", "Gateway GatewayClass HTTPRoute GRPCRoute", ("v1", "v1beta1")),
)


class Release(Struct, frozen=True):
    """What `helm template` is asked for: a chart in a folder, under a name, with values over the chart's own.

    `below` are charts of the tree that it depends on, with their places in it.
    """

    folder: Path
    name: str
    namespace: str
    values: Mapping[str, Any]
    below: tuple[tuple[str, Path], ...] = ()


class Helm(Struct, frozen=True):
    """The helm that was found, as the beginning of its command line."""

    command: tuple[str, ...]

    def template(self, release: Release) -> str | Failed:
        """The objects of a release, each with the template that it comes from in a comment."""
        with _folder() as place:
            home = Path(place).resolve()
            given = home / "values.json"
            given.write_text(json.dumps(release.values), encoding="utf-8")
            options = ("--namespace", release.namespace, "--values", str(given), "--skip-tests")
            apis = ("--kube-version", _KUBERNETES, "--api-versions", ",".join(_apis()))
            folder = _whole(release, home)
            return _run((*self.command, release.name, str(folder), *options, *apis), home, _below(folder))


def _whole(release: Release, home: Path) -> Path:
    """The folder of the chart, or a copy that holds the charts it depends on. Links are copied as links, which lead nowhere."""
    if not release.below:
        return release.folder.resolve()
    copy = home / release.folder.resolve().name
    shutil.copytree(release.folder, copy, symlinks=True)
    for place, folder in release.below:
        shutil.copytree(folder, copy / place, symlinks=True, dirs_exist_ok=True)
    return copy


def _apis() -> Iterator[str]:
    for group, kinds, versions in _APIS:
        for version in versions:
            yield f"{group}/{version}"
            yield from (f"{group}/{version}/{kind}" for kind in kinds.split())


def find_helm() -> Helm | None:
    """The helm on PATH."""
    helm = shutil.which("helm")
    return Helm((helm, "template")) if helm else None


def template_all(helm: Helm, releases: Iterable[Release]) -> list[str | Failed]:
    """Every release rendered, several at once."""
    return _at_once(helm.template, releases)


def _at_once(run: Callable[[T], R], given: Iterable[T]) -> list[R]:
    from concurrent.futures import ThreadPoolExecutor  # with logging, which a run that renders nothing does without

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return list(pool.map(run, given))


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')


def find() -> Kustomize | None:
    """The renderer on PATH: kustomize, else kubectl."""
    if kustomize := shutil.which("kustomize"):
        return Kustomize((kustomize, "build"))
    kubectl = shutil.which("kubectl")
    return Kustomize((kubectl, "kustomize")) if kubectl else None


def build_all(renderer: Kustomize, folders: Iterable[Path]) -> Mapping[Path, Built | Failed]:
    """Every folder rendered, several at once."""
    folders = tuple(folders)
    return dict(zip(folders, _at_once(renderer.build, folders), strict=True))


def _below(folder: Path) -> Mapping[str, str]:
    """The folder and those above it, as seen from it: a reason is the same wherever the tree lies, as the gate compares it."""
    above = (folder, *folder.parents[:-1])
    return {str(each): "/".join([".."] * number) or "." for number, each in enumerate(above)}


def _run(command: tuple[str, ...], home: Path, names: Mapping[str, str]) -> str | Failed:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            cwd=home,
            env=environment(home),
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Failed(f"gave no answer within {_SECONDS} seconds")
    except OSError as error:
        return Failed(f"cannot be run: {error.strerror or error}")
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        for path, name in {str(home): ".", **names}.items():
            said = re.sub(rf"(?<![\w./-]){re.escape(path)}(?![\w.-])", name, said)
        return Failed(_reason(said) or f"ended with exit code {done.returncode}")
    return done.stdout.decode(errors="replace")


def _reason(said: str) -> str:
    """What is wrong, out of all that the renderer says: kustomize names it behind `Error:`, kubectl behind `err=`."""
    text = said.strip()
    for mark in ('"command failed" err=', "Error: ", "error: "):
        _, found, rest = text.partition(mark)
        if found:
            text = rest
            break
    text = text.rpartition("recursed accumulation of path ")[2].partition("': ")[2] or text
    words = " ".join(text.strip('<>" \n\t').split()).replace('\\"', '"')
    return words if len(words) <= _MOST else f"… {words[-_MOST:].partition(' ')[2]}"  # the cause stands at the end


def environment(home: Path) -> dict[str, str]:
    """What a renderer sees: no credentials, no configuration of the user, no other programs, a proxy that answers nobody."""
    proxies = {name: _NOWHERE for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")}
    homes = ("HOME", "PATH", "XDG_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS")
    return {"KUBECONFIG": os.devnull, **dict.fromkeys(homes, str(home)), **proxies}
