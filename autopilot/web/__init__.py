"""The HTTP gateway: webhooks, the API and the read-only incident page."""
