"""May a new model serve? Decided on the newest block: alone, against what serves, and against the best so far."""

from training.gate.duel import Rival
from training.gate.judge import judge
from training.gate.rivals import Rivals, find_rivals
from training.gate.verdict import Check, Verdict

__all__ = ["Check", "Rival", "Rivals", "Verdict", "find_rivals", "judge"]
