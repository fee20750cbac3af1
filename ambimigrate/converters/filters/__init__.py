"""EnvoyFilters: which patches a waypoint can take over, and what to do about the others."""
