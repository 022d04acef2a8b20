"""Playbooks, schedules, people and owners as teams write them down in YAML."""
