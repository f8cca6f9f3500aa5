"""Measurements against peers and limits; not part of the product."""
