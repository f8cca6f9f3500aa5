"""Requests that are sent again: the header Idempotency-Key, for every POST of the CRM.

The first request claims the key with a row of its own, does its work and stores its answer in the transaction of the
work. So there is an answer if and only if the work was done, whatever dies in between and whichever worker is asked.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from apiflask import APIBlueprint
from flask import Response, g, request
from pydantic import BaseModel, Field

from features.errors import StoreUnavailable
from features.events import DAY, SECOND
from features.store.schema import idempotency_keys as table
from features.store.transaction import Transaction, transaction
from serving.headers import dump
from serving.problems import problem
from serving.service import Service

HEADER, REPLAYED = "Idempotency-Key", "Idempotent-Replayed"
KEPT = 2 * DAY
# A request that has claimed a key and not answered after this long has died: the key can be claimed anew.
UNDER_WAY = 300 * SECOND
LONGEST = 255

View = TypeVar("View", bound=Callable[..., Any])


class IdempotencyHeader(BaseModel):
    """The header as the OpenAPI document shows it."""

    idempotency_key: str | None = Field(
        None,
        alias=HEADER,
        min_length=1,
        max_length=LONGEST,
        description="a text of your own, new for each request: sent again with it, a request is done once and "
        "answered as before",
    )


def takes_key(bp: APIBlueprint) -> Callable[[View], View]:
    """The view answers by ``once``."""

    def decorator(view: View) -> View:
        @wraps(view)
        def taking(*args: Any, headers_data: IdempotencyHeader, **kwargs: Any) -> Any:  # noqa: ARG001 - once reads it
            return view(*args, **kwargs)

        return cast("View", bp.input(IdempotencyHeader, location="headers")(taking))

    return decorator


@dataclass(frozen=True)
class Claim:
    """The right to answer the first request with this key."""

    key_id: str
    key: str
    mark: str

    @property
    def row(self) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.key_id == self.key_id, table.c.idempotency_key == self.key, table.c.claim == self.mark)


def once(service: Service, work: Callable[[Transaction], Any]) -> Response:
    """The answer to ``work``, done in one transaction; with an Idempotency-Key it is done once.

    Again with the same request: the stored answer. With another one: 422. While the first is under way: 409. Only what
    was done is stored: a request that was refused can be corrected and sent with the same key.
    """
    key = _given_key()
    if key is None:
        with transaction(service.store) as log:
            body = dump(work(log))
        return Response(body, mimetype="application/json")
    claim = Claim(g.key.key_id, key, secrets.token_hex(8))
    stored = _claim(service, claim, _request_hash())
    if stored is not None:
        return Response(stored, mimetype="application/json", headers={REPLAYED: "true"})
    try:
        with transaction(service.store) as log:
            body = dump(work(log))
            _finish(log, claim, body.decode())
    except BaseException:
        _release(service, claim)
        raise
    return Response(body, mimetype="application/json")


def _given_key() -> str | None:
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST or not key.isprintable():
        got = f"expected 1 to {LONGEST} printable characters in {HEADER}"
        raise problem(422, got, code="invalid", detail={"header": {HEADER: [got]}})
    return key


def _request_hash() -> str:
    digest = hashlib.sha256()
    for part in (request.method, request.full_path, request.mimetype):
        digest.update(part.encode() + b"\x00")
    digest.update(request.get_data())
    return digest.hexdigest()


def _claim(service: Service, claim: Claim, request_hash: str) -> str | None:
    """None when the work is ours to do, else the answer that is stored."""
    now = service.clock()
    mine = {
        "key_id": claim.key_id, "idempotency_key": claim.key, "request_hash": request_hash, "claim": claim.mark,
        "created_at": now,
    }  # fmt: skip
    this = sa.and_(table.c.key_id == claim.key_id, table.c.idempotency_key == claim.key)
    outdated = sa.or_(
        table.c.created_at < now - KEPT, sa.and_(table.c.answer.is_(None), table.c.created_at < now - UNDER_WAY)
    )
    with service.store.writing() as connection:
        connection.execute(table.delete().where(outdated))
        try:
            with connection.begin_nested():
                connection.execute(table.insert().values(mine))
        except sa.exc.IntegrityError:
            row = connection.execute(sa.select(table.c.request_hash, table.c.answer).where(this)).first()
        else:
            return None
    if row is not None and row.request_hash != request_hash:
        raise problem(
            422,
            f"this {HEADER} came with another request before; use a new one for each request",
            code="idempotency_key_reused",
        )
    if row is None or row.answer is None:
        raise problem(
            409,
            f"a request with this {HEADER} is under way; ask again in a moment",
            code="under_way",
            headers={"Retry-After": "1"},
        )
    return str(row.answer)


def _finish(log: Transaction, claim: Claim, answer: str) -> None:
    done = log.connection.execute(table.update().where(claim.row).values(answer=answer))
    if done.rowcount != 1:  # we were so slow that another took over: what we did is undone with this transaction
        raise problem(409, f"a request with this {HEADER} is under way; ask again in a moment", code="under_way",
                      headers={"Retry-After": "1"})  # fmt: skip


def _release(service: Service, claim: Claim) -> None:
    with suppress(StoreUnavailable), service.store.writing() as connection:
        connection.execute(table.delete().where(claim.row, table.c.answer.is_(None)))
