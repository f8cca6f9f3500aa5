"""What the jobs leave behind in MLflow, and read back. The one package of training that knows MLflow.

The scorer's files lie under ``scorer/`` of a run, beside an ``MLmodel`` that names how to load them: text and JSON, no
pickle. That folder is the source of the registered version.
"""

from training.tracking.client import EXPERIMENT, MEASURED, SERVING, FilesMissing, Tracking
from training.tracking.datasets import Logged
from training.tracking.flavor import Example
from training.tracking.runs import Run

__all__ = ["EXPERIMENT", "MEASURED", "SERVING", "Example", "FilesMissing", "Logged", "Run", "Tracking"]
