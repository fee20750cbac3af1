"""`rbac`: the least rights that reading a cluster takes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
import yaml

from ambimigrate.sources.cluster_scope import ROLE, roles

_HEAD = f"""\
# What `ambimigrate scan` without a path asks of a cluster: lists of these kinds, nothing else, and never Secrets.
# Each role is bound to whoever runs it, such as:
#   kubectl create clusterrolebinding {ROLE} --clusterrole={ROLE} --user=NAME
#   kubectl create rolebinding {ROLE} --role={ROLE} --user=NAME --namespace=NAMESPACE    (of each Role)
"""


def rbac(
    istio_namespace: Annotated[
        str, typer.Option("-i", "--istio-namespace", help="Namespace of istiod, whose ConfigMaps are read.")
    ] = "istio-system",
) -> None:
    """Print the roles of RBAC that reading a cluster takes, for kubectl apply."""
    sys.stdout.write(_HEAD)
    yaml.safe_dump_all(roles(istio_namespace), sys.stdout, explicit_start=True, sort_keys=False)
