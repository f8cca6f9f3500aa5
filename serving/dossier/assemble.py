"""The dossier of a lead, put together from its parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.events import to_iso
from features.settings import Settings
from features.store import Store
from model.curves import Float
from serving import answers
from serving.answers import unscored
from serving.dossier.account import colleagues
from serving.dossier.comparable import comparable
from serving.dossier.deadline import deadline
from serving.dossier.handoff import handoff
from serving.dossier.interest import asked, read, section_weights
from serving.dossier.journey import calls, journey
from serving.dossier.known import Answer, Known, look_up
from serving.dossier.won_deals import Prepared
from serving.registry import Served
from serving.scoring import ONLY_BOTS, score_history


class Dossiers:
    """Of one process. Safe to share between threads."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._prepared = Prepared(store, settings)

    def of(self, lead_id: str, as_of: int, served: Served | None, *, curve: bool = False) -> Answer:
        """What the API answers: exactly what was known at ``as_of``. Without a model: without what takes one.

        UnknownLead, ErasedLead when nothing was known of it. ``curve``: the score with its whole curve.
        """
        known = look_up(self._store, self._settings, lead_id, as_of)
        score = None if served is None else _score(known, lead_id, served, curve=curve)
        is_open = score is not None and score["status"] == answers.OPEN
        matrix = _matrix(known, served) if served is not None and is_open else None
        return {
            "lead_id": known.lead_id,
            "as_of": to_iso(as_of),
            "score": score,
            "handoff": handoff(self._store, known),
            "deadline": deadline(known, served, matrix),
            "read": read(known, _weights(known, served, matrix)),
            "asked": asked(known),
            "journey": journey(known),
            "calls": calls(known),
            "colleagues": colleagues(known),
            "comparable": comparable(known, served, matrix, self._prepared),
        }


def named(answer: Answer) -> Iterator[str]:
    """The leads that a dossier tells of."""
    yield answer["lead_id"]
    yield from (row["lead_id"] for row in answer["colleagues"]["leads"])
    yield from (row["lead_id"] for row in answer["comparable"]["deals"])


def _score(known: Known, asked_id: str, served: Served, *, curve: bool) -> Answer:
    """As the score endpoint answers."""
    if known.lead_id not in known.history.lead_index:
        return unscored(asked_id, to_iso(known.as_of), ONLY_BOTS, served.scorer.horizons, served.version)
    score = score_history(known.history, [known.lead_id], known.as_of, served, curve=curve)[0]
    return score if asked_id == known.lead_id else {**score, "lead_id": asked_id, "merged_into": known.lead_id}


def _matrix(known: Known, served: Served) -> Float:
    from features.builder import Requests, build_matrix  # noqa: PLC0415 - compiled: a start should not wait for it

    at = np.full(1, known.as_of, dtype=np.int64)
    return build_matrix(known.history, Requests([known.lead_id], at), served.scorer.catalogue)


def _weights(known: Known, served: Served | None, matrix: Float | None) -> dict[str, float]:
    from model.reasons import contributions  # noqa: PLC0415 - as above

    if served is None or matrix is None:
        return {}
    scorer, at = served.scorer, np.full(1, known.as_of, dtype=np.int64)
    return section_weights(scorer.catalogue, contributions(scorer.hazard, matrix, at, scorer.ready_horizon)[0])
