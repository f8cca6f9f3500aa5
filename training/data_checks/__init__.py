"""Is there something wrong with the data? Asked before anything is learned from them."""

from training.data_checks.finding import Finding, refuse, told
from training.data_checks.run import NAMES, check_data, checked

__all__ = ["NAMES", "Finding", "check_data", "checked", "refuse", "told"]
