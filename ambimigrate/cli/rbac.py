"""`rbac`: the least rights that reading a cluster takes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
import yaml

from ambimigrate import __version__
from ambimigrate.sources.cluster_scope import ROLE, job, roles, rules

_HEAD = f"""\
# What `ambimigrate scan` without a path asks of a cluster: lists of these kinds, nothing else, and never Secrets.
# Parts may be left out; the report then says what was not seen. Each role is bound to whoever runs it, such as:
#   kubectl create clusterrolebinding {ROLE} --clusterrole={ROLE} --user=NAME
#   kubectl create rolebinding {ROLE} --role={ROLE} --user=NAME --namespace=NAMESPACE    (of each Role)
"""
_JOB = """\
# Runs the scan inside the cluster, as an account with the roles above; `kubectl logs job/NAME` shows the report.
"""


def rbac(
    istio_namespace: Annotated[
        str, typer.Option("-i", "--istio-namespace", help="Namespace of istiod, whose ConfigMaps are read.")
    ] = "istio-system",
    with_job: Annotated[
        bool, typer.Option("--job", help="Also a Job that scans from inside the cluster, with its account and bindings.")
    ] = False,
    namespace: Annotated[str, typer.Option("-n", "--namespace", help="Namespace of the Job.")] = "default",
    image: Annotated[
        str, typer.Option(help="Image of the Job; ambimigrate is its entry point.")
    ] = f"ambimigrate:{__version__}",
) -> None:
    """Print the roles of RBAC that reading a cluster takes, for kubectl apply."""
    cluster, *others = roles(istio_namespace)
    sys.stdout.write(_HEAD)
    _cluster_role(cluster)
    yaml.safe_dump_all(others, sys.stdout, explicit_start=True, sort_keys=False)
    if with_job:
        sys.stdout.write(_JOB)
        made = job(f"{namespace}/ambimigrate", image, istio_namespace)
        yaml.dump_all(made, sys.stdout, _Plain, explicit_start=True, sort_keys=False)


def _cluster_role(role: Mapping[str, Any]) -> None:
    """The role with a comment above the rules of each part."""
    head = {key: value for key, value in role.items() if key != "rules"}
    sys.stdout.write(f"---\n{yaml.safe_dump(head, sort_keys=False)}rules:\n")
    for part, found in rules():
        needed = "needed" if part.decides else "may be left out"
        sys.stdout.write(f"# {part.title} ({needed}): {part.why}\n{yaml.safe_dump(list(found), sort_keys=False)}")


class _Plain(yaml.SafeDumper):
    """Writes out what stands in several places."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True
