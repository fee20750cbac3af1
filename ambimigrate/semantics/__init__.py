"""What sidecars, ztunnel and waypoints decide: small evaluators, independent of the converters."""
