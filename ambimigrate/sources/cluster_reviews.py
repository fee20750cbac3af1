"""Who asks a cluster and what they may list, as the server itself says by its reviews."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ambimigrate.sources.cluster_access import Access, ClusterError
from ambimigrate.sources.cluster_server import ANONYMOUS, Failed, Server

_WHO = "/apis/authentication.k8s.io/{}/selfsubjectreviews"
_WHO_VERSIONS = ("v1", "v1beta1")  # of Kubernetes 1.28 and 1.27; older ones do not answer
_MAY = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_ANY = "*"


class _UserInfo(msgspec.Struct, frozen=True):
    username: str = ""


class _WhoStatus(msgspec.Struct, frozen=True, rename="camel"):
    user_info: _UserInfo = _UserInfo()


class _Who(msgspec.Struct, frozen=True):
    status: _WhoStatus = _WhoStatus()


class _Rule(msgspec.Struct, frozen=True, rename="camel"):
    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    resource_names: tuple[str, ...] | None = None


class _MayStatus(msgspec.Struct, frozen=True, rename="camel"):
    resource_rules: tuple[_Rule, ...] | None = None
    incomplete: bool = False


class _May(msgspec.Struct, frozen=True):
    status: _MayStatus = _MayStatus()


class Rights(Struct, frozen=True):
    """What may be listed in one namespace, by roles of the namespace and of the cluster together."""

    rules: tuple[_Rule, ...] = ()
    is_whole: bool = False  # False: some authorizer of the server cannot tell, so that what is not here may be allowed

    def refuses(self, group: str, plural: str) -> bool:
        """Whether a list would be refused for sure."""
        return self.is_whole and not self.lists(group, plural)

    def lists(self, group: str, plural: str) -> bool:
        """Whether a role allows the list."""
        return any(_lists(rule, group, plural) for rule in self.rules)


def _lists(rule: _Rule, group: str, plural: str) -> bool:
    """A rule for some names allows lists by that name only; those are asked for by a selector, and may work."""
    return _has(rule.verbs, "list") and _has(rule.api_groups or (), group) and _has(rule.resources or (), plural)


def _has(values: tuple[str, ...], value: str) -> bool:
    return value in values or _ANY in values


def identity(server: Server, access: Access) -> str:
    """The name of whoever asks, "" where the server does not tell; ClusterError if it takes nobody for it."""
    for version in _WHO_VERSIONS:
        question = {"apiVersion": f"authentication.k8s.io/{version}", "kind": "SelfSubjectReview"}
        try:
            answer = server.review(_WHO.format(version), question)
            name = msgspec.json.decode(answer, type=_Who).status.user_info.username
        except Failed as failed:
            if failed.is_missing:
                continue
            if failed.is_anonymous:
                raise nobody(server, access, failed.reason) from None
            if failed.is_unknown or failed.status == 0:
                raise unusable(server, failed) from None
            return ""
        except msgspec.DecodeError:
            return ""
        if name == ANONYMOUS:
            raise nobody(server, access, f"the server takes the caller for {ANONYMOUS}")
        return name
    return ""


def nobody(server: Server, access: Access, reason: str) -> ClusterError:
    """The sentence about credentials that the server does not see."""
    printed = f"; the credential plugin said: {access.printed}" if access.printed else ""
    return ClusterError(f"context {server.context!r} ({server.url}): the credentials gave no identity: {reason}{printed}")


def unusable(server: Server, failed: Failed) -> ClusterError:
    """The sentence about a cluster that answers nothing that we ask."""
    place = f"context {server.context!r} ({server.url})"
    if failed.is_anonymous:
        return ClusterError(f"{place}: the credentials gave no identity: {failed.reason}")
    if failed.is_refusal:
        return ClusterError(f"{place}: the server does not accept the credentials: {failed.reason}")
    return ClusterError(f"{place} cannot be reached: {failed.reason}" if failed.status == 0 else f"{place}: {failed.reason}")


def rights(server: Server, namespace: str) -> Rights:
    """What the server says may be done in a namespace; where it does not say, everything is tried."""
    question = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    try:
        status = msgspec.json.decode(server.review(_MAY, question), type=_May).status
    except (Failed, msgspec.DecodeError):
        return Rights()
    return Rights(status.resource_rules or (), not status.incomplete)
