"""The product: everything but Temporal."""
