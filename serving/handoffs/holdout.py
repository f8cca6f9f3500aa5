"""The random holdout: leads that are not handed over, so that what handoffs bring can be measured against them.

Drawn by a hash of the lead's id and a salt: a lead is in it or not for as long as salt and share stay, whoever asks,
and raising the share only adds leads.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Holdout:
    """``share``: 0 to 1 of all leads. Another ``salt`` draws other leads."""

    share: float = 0.0
    salt: str = ""

    def holds(self, lead_id: str) -> bool:
        """Whether this lead is not to be handed over."""
        text = f"{len(self.salt)}:{self.salt}{lead_id}".encode()
        drawn = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
        return drawn < self.share * 2**64
