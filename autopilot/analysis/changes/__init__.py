"""Changes: what they edit, and how they meet what went wrong."""
