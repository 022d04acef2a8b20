"""Logs: templates, failures and exceptions."""
