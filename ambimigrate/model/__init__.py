"""The values that travel between the layers: positions, resources, hits, findings and the mesh itself."""

from ambimigrate.model.findings import Finding, Hit, Severity, Suppression
from ambimigrate.model.gathering import grouped, numbered, shared_path
from ambimigrate.model.mesh import Mesh, Target, acquainted
from ambimigrate.model.objects import Level, Origin, Position, Problem, Ref, Resource, Route, spelt
from ambimigrate.model.reads import Reads

__all__ = [
    "Finding",
    "Hit",
    "Level",
    "Mesh",
    "Origin",
    "Position",
    "Problem",
    "Reads",
    "Ref",
    "Resource",
    "Route",
    "Severity",
    "Suppression",
    "Target",
    "acquainted",
    "grouped",
    "numbered",
    "shared_path",
    "spelt",
]
