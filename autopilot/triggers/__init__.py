"""Inbound alert formats: verify the sender, parse, normalise to `Alert`. One module per system."""
