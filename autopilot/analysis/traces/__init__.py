"""Traces: where time and errors begin."""
