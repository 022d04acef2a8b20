"""Metrics: series, what changed in them, what they run into, and where."""
