"""Rules about AuthorizationPolicies."""
