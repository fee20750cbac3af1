"""Which cluster to read and as whom: kubeconfig, context and credentials, chosen as kubectl chooses them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import urllib3
from kubernetes import client, config
from msgspec import Struct

from ambimigrate.yamlio import Document, Unreadable, values

IN_CLUSTER = "in-cluster"
_DEFAULT = "~/.kube/config"
_SERVICE_HOST = "KUBERNETES_SERVICE_HOST"  # set in every pod


class ClusterError(Exception):
    """Why the cluster cannot be read at all: one sentence for the user."""


class Where(Struct, frozen=True):
    """What a user names: empty values mean what kubectl would take; no namespace means all of them."""

    context: str = ""
    kubeconfig: str = ""
    namespaces: tuple[str, ...] = ()
    selector: str = ""  # of namespaces, by their labels
    config_maps: bool = False  # all of them, where otherwise only those of Istio and of the network are read


class Access(Struct, frozen=True):
    """A way into one cluster: its address, a pool of connections, and the headers that say who asks."""

    context: str
    server: str
    pool: urllib3.PoolManager
    identity: Callable[[], Mapping[str, str]]
    namespace: str = "default"
    printed: str = ""  # by a credential plugin


class _User(msgspec.Struct, frozen=True):
    exec: dict[str, Any] | None = None
    impersonates: str | None = msgspec.field(default=None, name="as")


class _NamedUser(msgspec.Struct, frozen=True):
    name: str
    user: _User | None = None


class _Context(msgspec.Struct, frozen=True):
    cluster: str = ""
    user: str = ""
    namespace: str = ""


class _NamedContext(msgspec.Struct, frozen=True):
    name: str
    context: _Context | None = None


class _Kubeconfig(msgspec.Struct, frozen=True, rename="kebab"):
    current_context: str = ""
    contexts: tuple[_NamedContext, ...] = ()
    users: tuple[_NamedUser, ...] = ()


class _Remarks(logging.Handler):
    """Keeps what the client package would print: it logs why credentials failed, and goes on without them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(" ".join(record.getMessage().split()))


@contextmanager
def remarks() -> Iterator[list[str]]:
    """Gathers what is logged, which would reach stderr otherwise."""
    handler = _Remarks()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield handler.texts
    finally:
        root.removeHandler(handler)


def connect(where: Where, logged: list[str], tell: Callable[[str], None] = lambda _text: None) -> Access:
    """The access that a context gives; ClusterError if there is none. `logged` is what `remarks` gathers.

    A credential plugin is a program that the kubeconfig names: `tell` names it before it runs.
    """
    urllib3.disable_warnings()  # of `insecure-skip-tls-verify`, which is the user's own choice
    named = where.kubeconfig or os.environ.get("KUBECONFIG", "") or _DEFAULT
    files = _files(named)
    if not files:
        if where.context or where.kubeconfig or not os.environ.get(_SERVICE_HOST):
            raise ClusterError(f"there is no kubeconfig at {named}: name one by --kubeconfig, or a folder of manifests")
        return _in_cluster()
    found = _merged(files)
    context = where.context or found.current_context
    chosen, user = _user(found, context, named)
    settings = client.Configuration()
    if user.exec is not None:
        tell(f"context {context}: running the credential plugin {user.exec.get('command')}")
    try:
        config.load_kube_config(named, context, client_configuration=settings, persist_config=False)  # type: ignore[no-untyped-call]
    except Exception as error:  # the package raises whatever its dictionaries raise
        raise ClusterError(f"context {context!r} of {named} cannot be used: {' '.join(str(error).split())}") from None
    if user.exec is not None and not settings.auth_settings() and not settings.cert_file:
        raise ClusterError(f"context {context!r}: the credential plugin {user.exec.get('command')!r} failed: {_reason(logged)}")
    return msgspec.structs.replace(
        _access(context, settings), namespace=chosen.namespace or "default", printed=_reason(logged) if logged else ""
    )


def contexts(kubeconfig: str = "") -> tuple[str, ...]:
    """The names of all contexts."""
    files = _files(kubeconfig or os.environ.get("KUBECONFIG", "") or _DEFAULT)
    return tuple(sorted({each.name for each in _merged(files).contexts}))


def _files(named: str) -> list[Path]:
    return [path for each in named.split(os.pathsep) if each and (path := Path(each).expanduser()).exists()]


def _in_cluster() -> Access:
    settings = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
    except (config.ConfigException, OSError) as error:
        raise ClusterError(f"there is no kubeconfig, and no service account of a pod either: {error}") from None
    return _access(IN_CLUSTER, settings)


def _access(context: str, settings: Any) -> Access:
    lock = threading.Lock()

    def identity() -> Mapping[str, str]:
        with lock:  # expired credentials are fetched anew here, once and not by every thread
            try:
                found = settings.auth_settings().get("BearerToken")
            except Exception as error:  # whatever the package meets on the way
                raise ClusterError(f"context {context!r}: the credentials cannot be renewed: {error}") from None
        return {found["key"]: found["value"].strip()} if found and found["value"] else {}

    try:
        pool = client.ApiClient(settings).rest_client.pool_manager
    except Exception as error:  # certificates that are none, a proxy of an unknown scheme
        raise ClusterError(f"context {context!r} cannot be used: {' '.join(str(error).split())}") from None
    return Access(context, settings.host.rstrip("/"), pool, identity)


def _reason(logged: list[str]) -> str:
    told = [text for text in logged if "NoneType" not in text]  # of a plugin that told its reason on the terminal
    return told[-1] if told else "see what it said above"


def _merged(files: list[Path]) -> _Kubeconfig:
    """The files of $KUBECONFIG as one: of every name, and of the current context, the first that is there counts."""
    parts = [_read(path) for path in files]
    return _Kubeconfig(
        next((part.current_context for part in parts if part.current_context), ""),
        tuple(each for part in parts for each in part.contexts),
        tuple(each for part in parts for each in part.users),
    )


def _read(path: Path) -> _Kubeconfig:
    try:
        tree = values(Document(str(path), 0, 1, path.read_text(encoding="utf-8"))).value
        return msgspec.convert(tree if tree is not None else {}, _Kubeconfig)
    except Unreadable as error:
        raise ClusterError(f"kubeconfig {path}:{error.line}: {error.message}") from None
    except msgspec.ValidationError as error:
        raise ClusterError(f"kubeconfig {path}: {error}") from None
    except UnicodeDecodeError as error:
        raise ClusterError(f"kubeconfig {path} is not UTF-8: {error.reason}") from None
    except OSError as error:
        raise ClusterError(f"kubeconfig {path} cannot be read: {error.strerror or error}") from None


def _user(found: _Kubeconfig, context: str, named: str) -> tuple[_Context, _User]:
    """A context and its user. What kubectl refuses here, or the package would pass over, is an error."""
    known = ", ".join(sorted({each.name for each in found.contexts})) or "none"
    if not context:
        raise ClusterError(f"{named} has no current context; name one by --context (known: {known})")
    chosen = next((each.context for each in found.contexts if each.name == context), None)
    if chosen is None:
        raise ClusterError(f"{named} has no context {context!r} (known: {known})")
    if not chosen.user:
        return chosen, _User()
    named_user = next((each for each in found.users if each.name == chosen.user), None)
    if named_user is None:
        raise ClusterError(f"context {context!r} names user {chosen.user!r}, whom {named} does not have")
    user = named_user.user or _User()
    if user.impersonates:
        acts = f"context {context!r} acts as {user.impersonates!r} (`as:`)"
        raise ClusterError(f"{acts}, which the Kubernetes client for Python does not do: name a context of that user")
    return chosen, user
