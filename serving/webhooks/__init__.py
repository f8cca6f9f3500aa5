"""Webhooks: what happens is told to the endpoints of others, signed, as Standard Webhooks 1.0.0 say."""
