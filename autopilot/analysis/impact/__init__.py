"""Impact: who was hit."""
