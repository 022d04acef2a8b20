"""Probes: typed read-only questions to a case that a hypothesis should survive. One module each."""
