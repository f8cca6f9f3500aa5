"""Watching the serving model: ``python -m training.monitor``."""
