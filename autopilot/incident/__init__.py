"""Domain models and pure rules: no I/O, no clock, no third-party SDK."""
