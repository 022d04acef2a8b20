"""Orchestration only: everything that happens outside a workflow is an activity."""
