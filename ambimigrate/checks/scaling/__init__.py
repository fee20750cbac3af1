"""Rules about autoscalers: what they measure changes with the sidecars."""
