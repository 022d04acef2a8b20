"""The audit record: an append-only log of queries, model calls, decisions and actions."""
