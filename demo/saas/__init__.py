"""Local stand-ins for the vendors around the simulated company; each speaks its vendor's real wire format."""
