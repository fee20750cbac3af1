"""The filters of HTTPRoutes and GRPCRoutes: which ones a waypoint knows, and what they change."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ambimigrate.kinds.gatewayapi import CorsFilter, HeaderFilter, HTTPHeader, HTTPRouteFilter, RouteFilter
from ambimigrate.kinds.gatewayroutes import GRPCRouteRule, HTTPBackendRef, GRPCBackendRef, HTTPRouteRule
from ambimigrate.model import Mesh
from ambimigrate.semantics.envoy import Cors
from ambimigrate.semantics.mutation import NOTHING, Mutation
from ambimigrate.semantics.strings import Exact, Regex, Test
from ambimigrate.versions import at_least
