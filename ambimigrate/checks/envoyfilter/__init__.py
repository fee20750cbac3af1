"""Rules about EnvoyFilters."""
