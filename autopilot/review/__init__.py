"""The post-incident review: what happened, why, who decided, whether it helped, what to do better."""

from autopilot.review.writer import ReviewWriter

__all__ = ["ReviewWriter"]
