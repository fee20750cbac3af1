"""Rules about waypoints: the labels that ask for one, and the Gateways that are one."""
