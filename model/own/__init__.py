"""Estimators of others in the place of PurchaseHazard: docs/own-features-and-models.md, docs/adr/0013."""

from model.own.adapted import Adapted
from model.own.named import import_named, make

__all__ = ["Adapted", "import_named", "make"]
