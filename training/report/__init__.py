"""The report of a training: one HTML file that asks nothing of the network."""

from training.report.page import render

__all__ = ["render"]
