"""The pages for people: the call list and one lead. Server-rendered, no script, behind a sign-in."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from features.errors import InputError, ModelUnavailable, UnknownLead
from features.events import DAY, HANDOFF, HANDOFF_SCORED, NEED_DECLARED, parse_time, to_datetime
from features.history import History
from serving import answers
from serving.access import (
    check_form,
    close_session,
    current_key,
    form_token,
    local_path,
    open_session,
    refuse_after,
    signed_in,
)
from serving.answers import Curve
from serving.audit.requests import concerns
from serving.call_list import shown_traits
from serving.change.compare import compare
from serving.chart import Chart, draw, short_date
from serving.dossier.assemble import Dossiers, named
from serving.dossier.bars import week_bars
from serving.due import due_counts, due_word
from serving.handoffs.latest import REASONS, latest_handoff
from serving.handoffs.windows import held_out, open_windows
from serving.keys import Key
from serving.scoring import Answer
from serving.service import Service

PAGE_ROWS = 50
MAX_ROWS = 1_000
TIMELINE = 200  # latest events of a lead that are shown
_OF_A_HANDOFF = ("number", "owner", "call_on", "window_start", "window_end", "held_out")


def pages(service: Service, dossiers: Dossiers) -> APIBlueprint:
    bp = APIBlueprint("pages", __name__, enable_openapi=False)
    bp.add_app_template_filter(_day, "day")
    bp.add_app_template_filter(_percent, "percent")
    bp.add_app_template_filter(_moment, "moment")
    bp.add_app_template_filter(_number, "number")
    bp.add_app_template_filter(_cost, "cost")
    bp.add_app_template_global(form_token, "form_token")
    bp.add_app_template_global(_span, "span")

    @bp.get("/")
    @signed_in(service)
    def call_list() -> ResponseReturnValue:
        owner = request.args.get("owner") or None
        limit = min(max(request.args.get("limit", PAGE_ROWS, type=int), 1), MAX_ROWS)
        try:
            found = service.call_list.read(owner, limit, summary=True)
        except ModelUnavailable as error:
            return render_template("no_model.html", reason=str(error), n_leads=len(service.store.lead_ids()))
        today = to_datetime(found.as_of).date()
        concerns(lead["lead_id"] for lead in found.leads)
        return render_template(
            "call_list.html",
            listing=found,
            rows=_rows(service, found.leads, today),
            n_leads=None if found.leads else len(service.store.lead_ids()),
            counts=due_counts(found.call_dates, today),
            owner=owner,
            more=min(limit + PAGE_ROWS, MAX_ROWS) if limit < min(found.total, MAX_ROWS) else None,
            horizons=service.settings.horizons,
        )

    @bp.get("/leads/<lead:lead_id>")
    @signed_in(service)
    def lead(lead_id: str) -> ResponseReturnValue:
        now = service.clock()
        if "\x00" in lead_id:  # which no text in PostgreSQL can hold
            raise UnknownLead(lead_id)
        events = service.store.events([lead_id], known_by=now)
        if events.num_rows == 0:
            raise UnknownLead(lead_id)
        if events["lead_id"][0].as_py() != lead_id:  # an alias by now
            return redirect(url_for("pages.lead", lead_id=events["lead_id"][0].as_py()))
        served, changed, missing = None, None, None
        try:
            served = service.models.current()
            changed = compare(service.store, service.models, lead_id, now - DAY, now)
        except ModelUnavailable as error:
            missing = str(error)
        told = dossiers.of(lead_id, now, served, curve=True)
        concerns(named(told))
        answer = told["score"]
        today = to_datetime(now).date()
        rows = sorted(events.to_pylist(), key=_log_order, reverse=True)
        return render_template(
            "lead.html",
            lead_id=lead_id,
            lead=None if answer is None else _rows(service, [answer], today)[0],
            missing=missing,
            changed=changed,
            chart=None if answer is None else _chart(answer, now),
            dossier=told,
            bars=week_bars(told["journey"]["weeks"]),
            traits=shown_traits(History.from_table(events), now).get(lead_id, {}),
            deadline=_deadline(rows),
            events=[_event(row) for row in rows[:TIMELINE]],
            n_events=len(rows),
            as_of=now,
            handoff=latest_handoff(service.store, lead_id),
            may_answer=g.key.allows("write"),
            reject_reasons=REASONS,
        )

    _add_sign_in(bp, service)
    return bp


def _add_sign_in(bp: APIBlueprint, service: Service) -> None:
    @bp.get("/login")
    def login() -> ResponseReturnValue:
        token = request.args.get("token")
        wrong = None
        if token and request.method == "GET":  # a look ahead with HEAD does not use the link up
            key = _key_of_link(service, token)
            if key is not None:
                open_session(service, key)
                return redirect(local_path(request.args.get("next")))
            wrong = "This link is not valid any more. Make a new one, or paste an API key."
        elif current_key(service) is not None:
            return redirect(local_path(request.args.get("next")))
        return render_template(
            "login.html", wrong=wrong, next=local_path(request.args.get("next"))
        ), 401 if wrong else 200

    @bp.post("/login")
    def sign_in() -> ResponseReturnValue:
        check_form()
        _limit_attempts(service)
        target = local_path(request.form.get("next"))
        key = service.keys.verify(request.form.get("key", "").strip())
        if key is None or not key.allows("read"):
            wrong = "That is not an active API key." if key is None else "That key lacks the scope read."
            return render_template("login.html", wrong=wrong, next=target), 401
        open_session(service, key)
        g.key, g.via = key, "session"
        return redirect(target, 303)

    @bp.post("/logout")
    def sign_out() -> ResponseReturnValue:
        check_form()
        g.key, g.via = current_key(service), "session"
        close_session(service)
        return redirect(url_for("pages.login"), 303)


def _key_of_link(service: Service, token: str) -> Key | None:
    """The key that a sign-in link names, the first time that it is used."""
    _limit_attempts(service)
    now = service.clock()
    link = service.sign_in.read(token, now)
    key = None if link is None else service.keys.find(link.key_id)
    if link is None or key is None or not (key.active(now) and key.allows("read")):
        return None
    if not service.sessions.redeem(link.nonce, link.until):
        return None
    g.key, g.via = key, "session"
    return key


def _limit_attempts(service: Service) -> None:
    refuse_after(service.limits.take(request.remote_addr or "", "sign_in", service.clock()))


def _rows(service: Service, leads: list[Answer], today: date) -> list[dict[str, Any]]:
    """Answers with what a page shows of them besides."""
    ids = [lead["lead_id"] for lead in leads]
    untold = held_out(service.settings, open_windows(service.store, ids), ids)
    return [
        {
            **lead,
            "due": due_word(_date(lead["call_on"]), today, held_out=lead["lead_id"] in untold),
            "held_out": lead["lead_id"] in untold,
            "chances": [(h, lead.get(f"p_{h}")) for h in service.settings.horizons],
        }
        for lead in leads
    ]


def _chart(answer: Answer, as_of: int) -> Chart | None:
    if answer["status"] != answers.OPEN:
        return None
    horizons = {int(name[2:]): value for name, value in answer.items() if name[:2] == "p_" and name[2:].isdigit()}
    start, end = _date(answer["window_start"]), _date(answer["window_end"])
    return draw(
        Curve(**answer["curve"]),
        to_datetime(as_of).date(),
        days=max(horizons),
        horizons=horizons,
        window=(start, end) if start and end else None,
        call_on=_date(answer["call_on"]),
    )


def _log_order(row: dict[str, Any]) -> tuple[int, int, str]:
    """The order of a History, so that the page and the features take the same event for the latest."""
    return row["occurred_at"], row["recorded_at"], row["event_id"]


def _deadline(rows: list[dict[str, Any]]) -> date | None:
    """The declared deadline, of the latest declaration that can be read; rows come latest first."""
    for row in rows:
        if row["type"] == NEED_DECLARED and not row["bot"]:
            with suppress(InputError):
                return to_datetime(parse_time(orjson.loads(row["properties"]).get("need_by"))).date()
    return None


def _event(row: dict[str, Any]) -> dict[str, Any]:
    properties = orjson.loads(row["properties"])
    if row["type"] in (HANDOFF, HANDOFF_SCORED) and "window_coverage" in properties:
        # of the score of then the dates are enough
        properties = {name: properties.get(name) for name in _OF_A_HANDOFF}
    return {
        "at": row["occurred_at"],
        "type": row["type"].replace("_", " "),
        "kind": row["type"],
        "channel": row["channel"],
        "campaign": row["campaign"],
        "bot": row["bot"],
        "text": ", ".join(
            f"{name}: {_text(value)}"
            for name, value in properties.items()
            if value is not None and not name.startswith("_")
        ),
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _day(value: str | date | None) -> str:
    if value is None:
        return "none"
    day = value if isinstance(value, date) else date.fromisoformat(value[:10])
    return f"{short_date(day)} {day.year}"


def _span(start: str, end: str) -> str:
    """Two dates; the year of the first only where they differ."""
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    return f"{short_date(first) if first.year == last.year else _day(first)} \N{EN DASH} {_day(last)}"


def _percent(value: float | None) -> str:
    if value is None:
        return "none"
    return "<1 %" if 0 < value < 0.005 else f"{100 * value:.0f} %"


def _number(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, (int, float)) else str(value)


def _cost(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _moment(micros: int) -> str:
    moment: datetime = to_datetime(micros)
    return f"{short_date(moment.date())} {moment.year}, {moment:%H:%M} UTC"
