"""Rules about DestinationRules, and about how Services spread their load."""
