import sys; sys.path[:0]=["/work/wt/crm/tests","/work/wt/crm"]
import schemathesis, tempfile
from crm_client import NoModel
from serving_world import NOW, Clock
from features.store import Store
from features.settings import Settings, CrmSettings
from serving.app import create_app
from serving.keys import Keys
from hypothesis import settings, HealthCheck
d=tempfile.mkdtemp()
url=f"sqlite:///{d}/x.db"
store=Store.open(url, migrate=True)
app=create_app(Settings(database_url=url, crm=CrmSettings(hubspot_secret="x")), store, NoModel(), Clock())
key=Keys(store).create("t",["read","write"],NOW)[1]
from features.events import *
store.append(events_table([Event(event_id="v", lead_id="L1", type="page_view", occurred_at=NOW - DAY, recorded_at=NOW - DAY)]))
schema=schemathesis.openapi.from_wsgi("/openapi.json", app)
schema=schema.include(tag=["CRM","CRM exports","HubSpot"])
import pytest
@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_api(case):
    case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, excluded_checks=[schemathesis.checks.CHECKS.get_one("positive_data_acceptance")])
