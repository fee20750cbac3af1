"""AP022: service accounts as sources before 1.25, which do not know the field."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource


@rule("AP022", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    for i, found in enumerate(policy.body.spec.rules or ()):
        for j, each in enumerate(found.from_):
            source = each.source
            if source and (source.service_accounts or source.not_service_accounts):
                name = "serviceAccounts" if source.service_accounts else "notServiceAccounts"
                where = policy.at("spec", "rules", i, "from", j, "source", name)
                yield Hit(where, f"Istio {mesh.target.istio} has no field {name} (new in 1.25): it is refused or dropped")
