"""Ranking: one list of suspects out of everything that was found."""
