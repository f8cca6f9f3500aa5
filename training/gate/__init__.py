"""May a new model serve? Decided on the newest block: alone, against what serves, and against the best so far."""

from training.gate.duel import Rival
from training.gate.judge import judge
from training.gate.verdict import Check, Verdict

__all__ = ["Check", "Rival", "Verdict", "judge"]
