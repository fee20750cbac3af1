"""Benchmarks: whole processes of ours against plain programs on the same input, in the same session."""
