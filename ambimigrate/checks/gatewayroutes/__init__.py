"""Rules about routes of the Gateway API that are there already."""

KINDS = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute")
