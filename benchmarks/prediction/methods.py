"""All methods by name, in the order of the tables: leadtime, its peers, its ablations."""

from __future__ import annotations

from benchmarks.prediction.fold import Method
from benchmarks.prediction.peers import PEERS
from benchmarks.prediction.product import ABLATIONS, NAME, leadtime

METHODS: dict[str, Method] = {NAME: leadtime, **PEERS, **ABLATIONS}
GROUPS: dict[str, tuple[str, ...]] = {"peers": tuple(PEERS), "ablations": tuple(ABLATIONS)}
