"""Who is who in a mesh: hosts and Services, selectors and workloads, injection, gateways, waypoints, mesh configuration."""
