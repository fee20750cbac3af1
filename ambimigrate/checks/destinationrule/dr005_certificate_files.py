"""DR005: client certificates in files of the sidecar, which a waypoint does not have."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import named, parts, subjects
from ambimigrate.kinds import DestinationRule
from ambimigrate.kinds.traffic import ClientTLS
from ambimigrate.model import Hit, Mesh, Resource

SYSTEM = ("/etc/ssl/", "/etc/pki/", "system")  # certificate authorities that the proxy image brings


@rule("DR005", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    found = subjects(mesh, dr)
    if not found:
        return
    for route, policy in parts(dr.body):
        for field, path in _files(policy.tls) if policy.tls else ():
            yield Hit(
                dr.at(*route, "tls", field),
                f"{field} {path} is a file in the callers' sidecars: the waypoint of {named(found)} has no such file, its"
                " connections fail",
            )


def _files(tls: ClientTLS) -> Iterator[tuple[str, str]]:
    if tls.mode not in {"SIMPLE", "MUTUAL"} or tls.credential_name:
        return
    if tls.client_certificate:
        yield "clientCertificate", tls.client_certificate
    elif tls.ca_certificates and not tls.ca_certificates.startswith(SYSTEM):
        yield "caCertificates", tls.ca_certificates
