"""Who may call what: the decisions of server sidecars, ztunnel and waypoints about a call, and of them together."""

from ambimigrate.semantics.authz.decide import at_workload, decide
from ambimigrate.semantics.authz.model import Call, Called, Caller, Decision, Hop, Request, Verdict

__all__ = ["Call", "Called", "Caller", "Decision", "Hop", "Request", "Verdict", "at_workload", "decide"]
