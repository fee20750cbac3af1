"""Rules about EnvoyFilters."""

KINDS = ("EnvoyFilter",)
