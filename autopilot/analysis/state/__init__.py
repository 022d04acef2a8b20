"""State: rules over what was observed of resources."""
