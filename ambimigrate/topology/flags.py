"""Switches of the control plane: istiod's environment and the values of its charts, as far as the input shows them."""

from __future__ import annotations

from ambimigrate.kinds import Deployment
from ambimigrate.kinds.pods import EnvVar
from ambimigrate.model import Mesh
from ambimigrate.topology import meshconfig
from ambimigrate.topology.booleans import TRUE


def pilot_env(mesh: Mesh, name: str) -> bool | None:
    """The value of a boolean variable of istiod, None if nothing sets it."""
    for setting in meshconfig.helm_settings(mesh, "pilot", "env", name):
        return said(setting.value)
    for variable in mesh.index(_variables):
        if variable.name == name:
            return (variable.value or "") in TRUE
    return None


def _variables(mesh: Mesh) -> tuple[EnvVar, ...]:
    """The environment of every istiod in the input."""
    templates = (each.body.spec.template for each in mesh.of(Deployment) if each.name.startswith("istiod"))
    containers = (container for template in templates if template for container in template.spec.containers)
    return tuple(variable for container in containers for variable in container.env)


def dns_capture(mesh: Mesh) -> bool | None:
    """Whether the CNI's values switch DNS capture on or off, None if nothing says so."""
    for setting in meshconfig.helm_settings(mesh, "cni", "ambient", "dnsCapture"):
        return said(setting.value)
    return None


def said(value: object) -> bool:
    """Whether a value of a chart switches something on: a boolean, or a text that istiod takes for one."""
    return str(value) in TRUE
