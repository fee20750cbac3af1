"""Rules about routes of the Gateway API that are there already."""
