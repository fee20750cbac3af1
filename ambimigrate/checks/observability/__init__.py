"""Rules about metrics: alerts, dashboards, autoscalers and releases that ask for what sidecars reported."""
