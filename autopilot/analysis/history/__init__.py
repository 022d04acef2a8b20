"""History: what came back."""
