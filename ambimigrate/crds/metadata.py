"""Names, labels and annotations of a new object, as an API server checks them before any CRD."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ambimigrate.crds.structure import Fault

# k8s.io/apimachinery/pkg/util/validation: DNS-1123 subdomains and labels, DNS-1035 labels of Services, qualified names.
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_WORD = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_ANNOTATIONS = 256 * 1024  # bytes of all together


def named(tree: dict[str, Any]) -> Iterator[Fault]:
    """What is wrong with the metadata."""
    metadata = tree.get("metadata", {})
    name = metadata.get("name", "")
    form, most = (_LABEL, 63) if tree.get("kind") in {"Service", "Namespace"} else (_SUBDOMAIN, 253)
    if not form.fullmatch(name) or len(name) > most:
        yield Fault(("metadata", "name"), f"{name!r} is no name for a {tree.get('kind')}")
    for field in ("labels", "annotations"):
        for key, value in (metadata.get(field) or {}).items():
            if not _is_qualified(key) or not isinstance(value, str):
                yield Fault(("metadata", field, key), f"{key!r} is no key with a text")
            elif field == "labels" and (len(value) > 63 or not _WORD.fullmatch(value)):
                yield Fault(("metadata", field, key), f"{value!r} is no value of a label")
    sizes = [len(f"{key}{value}".encode()) for key, value in (metadata.get("annotations") or {}).items()]
    if sum(sizes) > _ANNOTATIONS:
        yield Fault(("metadata", "annotations"), "they hold more than 256 KiB")


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and not (_SUBDOMAIN.fullmatch(prefix) and len(prefix) <= 253):
        return False
    return 0 < len(name) <= 63 and _WORD.fullmatch(name) is not None
