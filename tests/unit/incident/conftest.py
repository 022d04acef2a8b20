"""Property tests judge rules, not the speed of a busy machine."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "rules", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("rules")
