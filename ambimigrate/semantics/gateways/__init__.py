"""What the pods of gateways do with connections and requests, by Istio Gateways and by those of the Gateway API.

istiod makes an Istio Gateway with one server of every listener, and VirtualServices of routes, so that one evaluator serves
both; `servers`, `listeners`, `bound` and `attached` differ, `merging`, `virtualhosts`, `chains` and `decide` are the same.
"""

from __future__ import annotations

from ambimigrate.semantics.gateways.decide import CLOSED, Arrival, Handled, decide
from ambimigrate.semantics.gateways.pods import Pods, pods

__all__ = ["CLOSED", "Arrival", "Handled", "Pods", "decide", "pods"]
