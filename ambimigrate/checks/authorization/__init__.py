"""Rules about AuthorizationPolicies."""

KINDS = ("AuthorizationPolicy",)
