"""What the configured product must be allowed in other systems, put together from what its parts state."""
