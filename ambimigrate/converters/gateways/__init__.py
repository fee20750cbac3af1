"""Istio Gateways and the VirtualServices bound to them as Gateways and routes of the Gateway API."""
