"""Another tool in the registry: MLflow's own page or client moves an alias, and the log of promotions hears nothing."""

from __future__ import annotations

from training.tracking import Tracking


def point(tracking: Tracking, alias: str, version: str) -> None:
    tracking.client.set_registered_model_alias(tracking.model_name, alias, version)
