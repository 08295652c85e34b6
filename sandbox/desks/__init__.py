"""Helpdesk systems as strict servers on loopback: they refuse what the documents of the real ones refuse.

Each keeps tickets of a person's case and can be told what an agent does with one. `lag`: seconds until its search finds
what is new. Request Tracker is here too, for what needs no real one; the tests run the real one beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.desks.desk import Desk
from sandbox.desks.freshservice import Freshservice
from sandbox.desks.jira import Jira
from sandbox.desks.rt import RequestTracker
from sandbox.desks.servicenow import ServiceNow
from sandbox.desks.zammad import Zammad
from sandbox.desks.zendesk import Zendesk

DESKS: Mapping[str, type[Desk]] = {
    "servicenow": ServiceNow,
    "jira": Jira,
    "zendesk": Zendesk,
    "freshservice": Freshservice,
    "zammad": Zammad,
    "rt": RequestTracker,
}
