"""The Flask application, composed in one place. Nothing is created at import, no thread is started here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix

from features.settings import Settings
from features.store import Erasures, Store
from serving import headers, logs, metrics, problems
from serving.access import SCHEMES, Sessions
from serving.addresses import LeadAlone, LeadId
from serving.api import api, health
from serving.audiences.api import audiences
from serving.audiences.pages import audience_pages
from serving.audit import requests as audited
from serving.audit.log import Audit
from serving.audit.views import audit
from serving.call_list import CallList
from serving.call_plan.pages import call_plan_pages
from serving.call_plan.views import call_plans
from serving.change.views import change
from serving.crm.hubspot_webhook import SCHEME as HUBSPOT
from serving.crm.hubspot_webhook import hubspot_webhook
from serving.crm.import_views import imports
from serving.crm.views import crm
from serving.documentation import bodies_are_required, documentation
from serving.dossier.assemble import Dossiers
from serving.dossier.views import dossier
from serving.front import Front
from serving.handoffs.answer_views import handoff_forms
from serving.handoffs.api import handoffs
from serving.intake.views import intake, rejected_events
from serving.kept_scores import KeptScores
from serving.keys import Keys
from serving.measurement.api import reports
from serving.measurement.inputs import Inputs
from serving.measurement.pages import report_pages
from serving.measurement.reports import Reports
from serving.metrics import Metrics
from serving.monitor.api import monitor
from serving.monitor.pages import monitor_pages
from serving.pages import pages
from serving.privacy.views import privacy
from serving.problems import Error
from serving.rate_limits import RateLimits
from serving.registry import ModelSource
from serving.service import Service
from serving.sessions import SESSION_SECONDS, SessionStore
from serving.sign_in import SignIn, signing_secret
from serving.webhooks.api import webhooks

MAX_BODY = 8 * 2**20  # bytes: 500 histories of a hundred events each

DESCRIPTION = """When to reach out to each lead: purchase window, readiness, call date, reasons, and a ranked call list.

Make a key with `python -m serving.keys create --name NAME` and send it as `Authorization: Bearer lt_...`.
Times are ISO 8601; without a zone they mean UTC. Every error has the same shape: `code`, `message`, `detail`."""


def create_app(settings: Settings, store: Store, models: ModelSource, clock: Callable[[], int]) -> APIFlask:
    """``clock`` gives microseconds since 1970 UTC. The service's parts are in ``app.extensions["leadtime"]``."""
    secret = signing_secret(store, clock())
    service = Service(
        settings=settings,
        store=store,
        models=models,
        clock=clock,
        keys=Keys(store, clock),
        sign_in=SignIn(secret),
        call_list=CallList(store, models, clock),
        kept_scores=KeptScores(store),
        sessions=SessionStore(store),
        limits=RateLimits(settings.limits),
        audit=Audit(store),
        erasures=Erasures(store),
    )
    inputs = Inputs(store, settings)
    made = Reports(inputs, settings)
    dossiers = Dossiers(store, settings)
    app = APIFlask(__name__, title="leadtime", version="1", docs_path=None)
    app.session_interface = Sessions()
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME="leadtime_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=SESSION_SECONDS),
        MAX_CONTENT_LENGTH=MAX_BODY,
        DESCRIPTION=DESCRIPTION,
        SECURITY_SCHEMES={**SCHEMES, "hubspot": HUBSPOT},
        HTTP_ERROR_SCHEMA=Error.model_json_schema(),
        VALIDATION_ERROR_SCHEMA=Error.model_json_schema(),
        VALIDATION_ERROR_DESCRIPTION="A field is wrong or unknown",
        AUTO_404_RESPONSE=False,
    )
    app.spec_processor(bodies_are_required)
    app.extensions["leadtime"] = service
    # Slashes in a lead's id are part of it; merging them would answer with the score of another lead.
    app.url_map.merge_slashes = False
    app.url_map.converters |= {"lead": LeadId, "lead_alone": LeadAlone}
    problems.register(app)
    headers.register(app)
    measured = Metrics(service)
    store.on_append = measured.count
    logs.register(app)  # what is registered first runs last: an answer is logged and measured as it leaves
    metrics.register(app, measured)
    audited.register(app, service)
    app.wsgi_app = Front(app.wsgi_app, service, measured)  # type: ignore[method-assign]
    if settings.proxies:
        n = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]
    for blueprint in (
        api(service),
        intake(service),
        rejected_events(service),
        crm(service),
        imports(service),
        hubspot_webhook(service),
        handoffs(service),
        change(service),
        dossier(service, dossiers),
        call_plans(service),
        reports(service, made),
        monitor(service),
        audiences(service, inputs),
        webhooks(service),
        audit(service),
        privacy(service),
        health(service),
        metrics.metrics(service, measured),
        pages(service, dossiers),
        call_plan_pages(service),
        handoff_forms(service),
        report_pages(service, made),
        monitor_pages(service),
        audience_pages(service, inputs),
        documentation(),
    ):
        app.register_blueprint(blueprint)
    return app
