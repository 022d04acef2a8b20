"""History: what came back, and what people wrote down about it."""
