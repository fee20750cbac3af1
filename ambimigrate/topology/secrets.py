"""Which Secrets in files let istiod into other clusters: by a label; the data of a Secret is never read."""

from __future__ import annotations

import msgspec

from ambimigrate.kinds import RemoteSecret
from ambimigrate.kinds.secrets import REMOTE
from ambimigrate.model import Ref, Resource
from ambimigrate.yamlio import Document, Unreadable, values
from ambimigrate.yamlio.outline import outline


def remote(document: Document, namespace: str) -> Resource[RemoteSecret] | None:
    """The Secret that a document is if it is one of a remote cluster; `namespace` is given to one that names none."""
    shown = outline(document) if REMOTE in document.text else None
    if shown is None or REMOTE not in shown.text or "{{" in shown.text:
        return None
    try:
        body = msgspec.convert(values(shown).value, RemoteSecret)
    except (Unreadable, msgspec.ValidationError):
        return None
    if body.metadata.labels.get(REMOTE) != "true":
        return None
    return Resource(Ref("Secret", "", body.metadata.namespace or namespace, body.metadata.name), body, shown)
