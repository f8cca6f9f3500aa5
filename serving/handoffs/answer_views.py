"""POST /v1/handoffs/{handoff_id}/accept and /reject, and the same from the page of a lead."""

from __future__ import annotations

from typing import Annotated, Literal

from apiflask import APIBlueprint
from flask import Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from features.handoff_answers import Reason
from features.store.transaction import transaction
from serving.access import SECURITY, charge, check_form, needs, signed_in
from serving.audit.requests import concerns
from serving.crm.idempotency import once, takes_key
from serving.handoffs import answering
from serving.handoffs.answering import ACCEPTED, Said
from serving.handoffs.judge import REJECTED
from serving.payloads import Name, Strict
from serving.problems import field_errors, invalid, problem
from serving.service import Service

WRITE = [400, 401, 403, 404, 409, 410, 413, 415, 429, 503]


def _plain(value: str) -> str:
    if any(ord(character) < 32 and character not in "\n\r\t" for character in value):
        raise ValueError("expected text without control characters other than line breaks and tabs")
    return value


Note = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_plain)]


class Acceptance(Strict):
    """Sales takes the lead."""

    by: Name = Field(description="the salesperson")
    note: Note | None = None

    def said(self) -> Said:
        return Said(ACCEPTED, self.by, None, self.note)


class Rejection(Strict):
    """Sales sends the lead back to marketing."""

    by: Name = Field(description="the salesperson")
    reason: Reason
    note: Note | None = None

    def said(self) -> Said:
        return Said(REJECTED, self.by, self.reason, self.note)


class Answered(BaseModel):
    """What is on record of the handoff now."""

    model_config = ConfigDict(extra="forbid")

    handoff_id: str
    lead_id: str
    answer: Literal["accepted", "rejected"]
    at: str
    by: str
    reason: str | None
    note: str | None
    status: Literal["recorded", "duplicate"] = Field(description="duplicate: it was on record already")


def takes_answers(bp: APIBlueprint, service: Service) -> None:
    """Add the endpoints by which sales answers handoffs."""
    writes, idempotent = needs(service, "write"), takes_key(bp)

    @bp.post("/handoffs/<handoff_id>/accept")
    @writes
    @bp.doc(responses=WRITE, security=SECURITY, operation_id="accept_handoff")
    @idempotent
    @bp.input(Acceptance)
    @bp.output(Answered)
    def accept_handoff(handoff_id: str, json_data: Acceptance) -> Response:
        """Accept a handoff

        Sales takes the lead. A handoff is answered once; the same again changes nothing.
        """
        return _answered(service, handoff_id, json_data.said())

    @bp.post("/handoffs/<handoff_id>/reject")
    @writes
    @bp.doc(responses=WRITE, security=SECURITY, operation_id="reject_handoff")
    @idempotent
    @bp.input(Rejection)
    @bp.output(Answered)
    def reject_handoff(handoff_id: str, json_data: Rejection) -> Response:
        """Reject a handoff, with the reason

        The lead goes back to marketing: its window closes, and opens again only after the lead has engaged anew. The
        next model learns from it.
        """
        return _answered(service, handoff_id, json_data.said())


def handoff_forms(service: Service) -> APIBlueprint:
    """What the buttons on the page of a lead do."""
    bp = APIBlueprint("handoff_forms", __name__, enable_openapi=False)

    @bp.post("/handoffs/<handoff_id>/answer")
    @signed_in(service)
    def answer_form(handoff_id: str) -> ResponseReturnValue:
        check_form()
        if not g.key.allows("write"):
            raise problem(403, "expected a sign-in with a key of the scope write; ask for one, or sign in with it")
        charge(service, "write")
        lead_id = _concerned(service, handoff_id)
        said = _from_form()
        with transaction(service.store) as log:
            answering.answer(log, handoff_id, said, service.clock())
        return redirect(url_for("pages.lead", lead_id=lead_id), 303)

    return bp


def _answered(service: Service, handoff_id: str, said: Said) -> Response:
    _concerned(service, handoff_id)
    return once(service, lambda log: answering.answer(log, handoff_id, said, service.clock()))


def _concerned(service: Service, handoff_id: str) -> str:
    """The lead of the handoff, noted for the audit log; 404 and 410 where there is none."""
    with service.store.reading() as connection:
        lead_id = answering.lead_handed_over(connection, handoff_id)
    concerns([lead_id])
    return lead_id


def _from_form() -> Said:
    given = {name: text.strip() for name, text in request.form.items() if text.strip() and name != "form_token"}
    model = Acceptance if given.pop("answer", "") == ACCEPTED else Rejection
    if model is Acceptance:
        given.pop("reason", None)  # of the other button
    try:
        return model.model_validate(given).said()
    except ValidationError as error:
        raise invalid("form", field_errors(error)) from None
