"""Which id belongs to which lead, in the database: see features/identity.py for what a link means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType

import orjson
import sqlalchemy as sa

from features.events import HANDOFF, HANDOFF_ANSWERS, IDENTIFY, LOST, PURCHASED, SALES_CALL
from features.identity import ANONYMOUS_ID, Claim, Identity, Link
from features.store.schema import lead_aliases

_COLUMNS = "from_id, to_id, recorded_at"
# An id with one of these is a lead that somebody knows, not a mere visitor.
_KNOWN_BY = ", ".join(f"'{name}'" for name in (IDENTIFY, SALES_CALL, HANDOFF, *HANDOFF_ANSWERS, PURCHASED, LOST))


class Links:
    """The links known by a time and at a position of the log, both included; None for all."""

    def __init__(
        self, connection: sa.Connection, dialect: ModuleType, known_by: int | None = None, up_to: int | None = None
    ) -> None:
        self._connection, self._dialect = connection, dialect
        self._terms = [] if known_by is None else [f"recorded_at <= {int(known_by)}"]
        if up_to is not None:
            self._terms.append(f"position <= {int(up_to)}")

    def all(self) -> Identity:
        where = f"WHERE {' AND '.join(self._terms)}" if self._terms else ""
        rows = self._connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM lead_aliases {where}")  # noqa: S608
        return Identity(Link(*row) for row in rows)

    def around(self, lead_ids: Sequence[str]) -> Identity:
        """All links of the trees that these ids are in. One query where there are none."""
        beside = self._links(lead_ids, "from_id", "to_id")
        if not beside:
            return Identity()
        above = self.above(lead_ids)
        tops = [link.to_id for link in above]
        return Identity([*above, *self.below([*lead_ids, *tops])])

    def above(self, lead_ids: Sequence[str]) -> list[Link]:
        """The links from these ids to their leads."""
        return self._follow(lead_ids, lambda ids: self._links(ids, "from_id"), lambda link: link.to_id)

    def below(self, lead_ids: Sequence[str]) -> list[Link]:
        """The links from all aliases to these ids."""
        return self._follow(lead_ids, lambda ids: self._links(ids, "to_id"), lambda link: link.from_id)

    def from_any(self, lead_ids: Sequence[str]) -> list[Link]:
        """The links that start at these ids."""
        return self._links(lead_ids, "from_id")

    def _follow(
        self, lead_ids: Sequence[str], step: Callable[[Sequence[str]], list[Link]], end: Callable[[Link], str]
    ) -> list[Link]:
        # One short query for each level: a planner that guesses the rows of a recursive one may read all links.
        found: list[Link] = []
        seen = set(lead_ids)
        level = list(seen)
        while level:
            links = step(level)
            found += links
            level = list({end(link) for link in links} - seen)
            seen.update(level)
        return found

    def _links(self, lead_ids: Sequence[str], *columns: str) -> list[Link]:
        """The links that have one of these ids in one of these columns."""
        parts = [
            f"SELECT {_COLUMNS} FROM lead_aliases WHERE "  # noqa: S608
            + " AND ".join([f"{column} {self._dialect.GIVEN}", *self._terms])
            for column in columns
        ]
        given = {"leads": self._dialect.lead_list(lead_ids)}
        return [Link(*row) for row in self._connection.exec_driver_sql(" UNION ALL ".join(parts), given)]


def link_leads(connection: sa.Connection, dialect: ModuleType, claims: Sequence[Claim]) -> None:
    """Record what these claims say, in their order, in the transaction that appends their events.

    The first link of an id counts. A link that would close a circle is ignored, and so is one by which an anonymous
    visitor would take in a known lead: only a claim that merges does that.
    """
    links = Links(connection, dialect)
    linked = {link.from_id for link in links.from_any([claim.link.from_id for claim in claims])}
    claims = [claim for claim in claims if claim.link.from_id not in linked]
    if not claims:
        return
    starts = [claim.link.from_id for claim in claims]
    identity = Identity([*links.above([claim.link.to_id for claim in claims]), *links.below(starts)])
    known = _known_leads(connection, dialect, [claim.link.from_id for claim in claims if not claim.merges])
    rows = []
    for link, merges, position in claims:
        if (merges or link.from_id not in known) and identity.accepts(link):
            identity.add(link)
            rows.append(
                {"from_id": link.from_id, "to_id": link.to_id, "recorded_at": link.known_at, "position": position}
            )
    if rows:
        connection.execute(sa.insert(lead_aliases), rows)


def _known_leads(connection: sa.Connection, dialect: ModuleType, lead_ids: Sequence[str]) -> set[str]:
    """Those of the ids under which more is known than what an anonymous visitor does and says of itself."""
    if not lead_ids:
        return set()
    statement = (
        "SELECT lead_id, type, properties FROM events "  # noqa: S608
        f"WHERE lead_id {dialect.GIVEN} AND type IN ({_KNOWN_BY}) AND NOT bot"
    )
    rows = connection.exec_driver_sql(statement, {"leads": dialect.lead_list(lead_ids)})
    return {
        lead_id
        for lead_id, kind, properties in rows
        if kind != IDENTIFY or orjson.loads(properties).get(ANONYMOUS_ID) != lead_id
    }
