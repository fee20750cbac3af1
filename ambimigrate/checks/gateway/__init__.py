"""Rules about gateways: egress chains, ingress in front of waypoints, the pods of gateways."""
