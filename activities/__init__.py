"""Temporal's side of the ports: each activity translates between one port and the domain, nothing else."""
