"""What each worker process runs: settings, store, model and clock of the real world, put together."""

from __future__ import annotations

import logging
import time
from multiprocessing.util import Finalize

from apiflask import APIFlask

from features.settings import load_settings
from features.store import Store
from serving import logs
from serving.app import create_app
from serving.background.background import Background
from serving.housekeeping import Housekeeping
from serving.registry import Registry


def now() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def application() -> APIFlask:
    """The application with its background work started: it answers at once and loads the model meanwhile."""
    logs.configure()
    settings = load_settings()
    store = Store.open(settings.database_url)
    models = Registry(
        settings.model_name,
        settings.model_alias,
        settings.mlflow_tracking_uri,
        trusted=settings.estimator.trusts,
        costs=settings.costs,
    )
    app = create_app(settings, store, models, now)
    background = Background(store, models, now, settings)
    models.start()
    background.start()
    housekeeping = Housekeeping(app.extensions["leadtime"])
    housekeeping.start()

    def stop() -> None:
        background.stop()  # else other processes would wait until its leases have expired
        models.stop()
        housekeeping.stop()
        store.close()
        logging.shutdown()  # writes the lines that wait

    # Workers are processes of multiprocessing, which end without what is registered with atexit.
    Finalize(None, stop, exitpriority=100)
    return app
