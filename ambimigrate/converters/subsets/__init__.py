"""Subsets to Services of their own, and the DestinationRules of both."""
