"""ServiceNow, by its Table API, or by an import set where the address names one.

Sources: ServiceNow's documents of the Table, Attachment and Import Set API (servicenow.com/docs, api-reference):
a record is created by `POST /api/now/table/{table}` (201); `correlation_id` is empty as it comes and not unique; an
attachment needs a Content-Type; 429 comes with `Retry-After` and `X-RateLimit-Reset`. The states' numbers are those
that incidents come with; PHOTOSYNC_TICKET_STATES maps others.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from bot.errors import Malformed, NotFound, Refused
from bot.http_client import Bearer, HttpClient
from bot.settings import Settings
from bot.tickets.interface import Abilities, Examination, Reading, Reference, Remark, TicketSystem
from bot.tickets.rest import SYSTEM, Rest, basic, identity, member, merged, objects, report_dropped, safe_url, segment
from bot.tickets.ticket import EVIDENCE, Ticket
from dialogs.model import TicketState

log = logging.getLogger(__name__)

_PATH = re.compile(r"/api/now(?:/v\d+)?/(?P<kind>table|import)/(?P<name>[a-z0-9_]+)", re.IGNORECASE)
_SYS_ID = re.compile(r"[0-9a-f]{32}")
_SUBJECT_LENGTH = 160  # of `short_description`
_UNSAFE = str.maketrans("", "", "^=\n\r")  # what would end a value in an encoded query


class ServiceNow(TicketSystem):
    """Incidents, or the table that PHOTOSYNC_TICKET_URL names (`.../api/now/table/NAME`)."""

    abilities = Abilities(batch=100)
    usual_states: ClassVar[Mapping[str, TicketState]] = {
        "2": TicketState.WORKING,
        "3": TicketState.WAITING,
        "6": TicketState.SOLVED,
        "7": TicketState.CLOSED,
        "8": TicketState.CLOSED,
    }

    def __init__(self, settings: Settings, http: HttpClient, bearer: Bearer | None = None) -> None:
        """`bearer` signs in by Entra ID's tokens, in place of the secret."""
        parts = urlsplit(settings.ticket_url)
        named = _PATH.search(parts.path)
        secret = settings.ticket_secret.reveal()
        headers = basic(settings.ticket_user, secret) if settings.ticket_user else {"Authorization": f"Bearer {secret}"}
        if bearer is not None:
            headers = {}
        prefix = parts.path[: named.start()] if named else parts.path
        self._rest = Rest(http, f"{parts.scheme}://{parts.netloc}{prefix}", headers, bearer)
        self._import = named["name"] if named and named["kind"].lower() == "import" else ""
        self._table = named["name"] if named and not self._import else "incident"
        self._fields = settings.ticket_fields

    async def find(self, ticket: Ticket) -> Reference | None:
        """By `correlation_id`, which the database looks up: a new record is found at once."""
        query = {
            "sysparm_query": f"correlation_id={ticket.key}",
            "sysparm_fields": "sys_id,number",
            "sysparm_limit": "2",
        }
        found = objects(member(await self._rest.json("GET", self._records(), query=query), "result"))
        if len(found) > 1:
            log.error("two records have the correlation_id of one case: a rule there copies it")
        return self._reference(found[0]) if found else None

    async def create(self, ticket: Ticket) -> Reference:
        caller = await self._caller(ticket.caller)
        document = merged(
            {
                "short_description": ticket.subject[:_SUBJECT_LENGTH],
                "description": ticket.text,
                **({"caller_id": caller} if caller else {}),
                "contact_type": "chat",
                "correlation_id": ticket.key,
                "correlation_display": "Photosync",
            },
            self._fields,
        )
        if self._import:
            return await self._imported(document)
        fields = ",".join(dict.fromkeys(("sys_id", "number", *document)))
        query = {"sysparm_fields": fields, "sysparm_exclude_reference_link": "true"}
        made = member(await self._rest.json("POST", self._records(), query=query, document=document), "result")
        reference = self._reference(made)
        report_dropped("ServiceNow", self._fields, made)
        return reference

    async def _imported(self, document: dict[str, Any]) -> Reference:
        """Through a staging table, whose transform map coalesces on `correlation_id`: there the key is unique."""
        answer = await self._rest.json("POST", f"/api/now/import/{segment(self._import)}", document=document)
        (row,) = objects(member(answer, "result"))[:1] or [{}]
        if row.get("status") not in ("inserted", "updated", "ignored"):
            raise Refused(SYSTEM, "the import set answers with an error: see its transform map")
        return Reference(identity(row, "sys_id"), identity(row, "display_value"))

    async def attach(self, reference: Reference, ticket: Ticket) -> None:
        query = {
            "sysparm_query": f"table_sys_id={reference.id}^file_name={EVIDENCE}",
            "sysparm_fields": "sys_id",
            "sysparm_limit": "1",
        }
        if objects(member(await self._rest.json("GET", "/api/now/attachment", query=query), "result")):
            return
        where = {"table_name": self._table, "table_sys_id": reference.id, "file_name": EVIDENCE}
        typed = {"Content-Type": "application/json"}
        await self._rest.json("POST", "/api/now/attachment/file", query=where, body=ticket.evidence, headers=typed)

    async def comment(self, reference: Reference, ticket: Ticket) -> None:
        path = f"{self._records()}/{segment(reference.id)}"
        await self._rest.json("PATCH", path, query={"sysparm_fields": "sys_id"}, document={"work_notes": ticket.note})

    async def remarks(self, reference: Reference) -> tuple[Remark, ...]:
        """The newest of the journal. `comments` is what the caller may read; who wrote as the caller is the caller."""
        fields = {"sysparm_fields": "caller_id.user_name", "sysparm_exclude_reference_link": "true"}
        record = member(
            await self._rest.json("GET", f"{self._records()}/{segment(reference.id)}", query=fields), "result"
        )
        caller = record.get("caller_id.user_name") if isinstance(record, dict) else ""
        query = {
            "sysparm_query": f"element_id={reference.id}^elementINcomments,work_notes^ORDERBYDESCsys_created_on",
            "sysparm_fields": "sys_id,element,value,sys_created_by",
            "sysparm_limit": "500",
        }
        found = objects(member(await self._rest.json("GET", "/api/now/table/sys_journal_field", query=query), "result"))
        return tuple(
            Remark(
                identity(one, "sys_id"),
                str(one.get("value") or ""),
                one.get("element") == "comments" and one.get("sys_created_by") != caller,
            )
            for one in reversed(found)
        )

    async def readings(self, ids: Sequence[str]) -> Mapping[str, Reading]:
        query = {
            "sysparm_query": f"sys_idIN{','.join(ids)}",
            "sysparm_fields": "sys_id,state,sys_updated_on",
            "sysparm_limit": str(len(ids)),
        }
        found = objects(member(await self._rest.json("GET", self._records(), query=query), "result"))
        return {
            identity(one, "sys_id"): Reading(str(one.get("state", "")), str(one.get("sys_updated_on", "")))
            for one in found
        }

    async def examine(self) -> Examination:
        query = {"sysparm_limit": "1", "sysparm_fields": "sys_id,correlation_id"}
        try:
            member(await self._rest.json("GET", self._records(), query=query), "result")
        except NotFound:
            return Examination(False, f"there is no table {self._table}", "Correct the table in PHOTOSYNC_TICKET_URL.")
        group = str(self._fields.get("assignment_group") or "")
        if not group:
            return Examination(True, f"table {self._table} can be read")
        field = "sys_id" if _SYS_ID.fullmatch(group) else "name"
        named = {
            "sysparm_query": f"{field}={group.translate(_UNSAFE)}",
            "sysparm_fields": "sys_id",
            "sysparm_limit": "2",
        }
        found = objects(member(await self._rest.json("GET", "/api/now/table/sys_user_group", query=named), "result"))
        if len(found) != 1:
            return Examination(False, "no single group is the assignment_group", _GROUP_FIX)
        if field == "name":
            return Examination(
                False, f"assignment_group has to be a sys_id: {identity(found[0], 'sys_id')}", _GROUP_FIX
            )
        return Examination(True, f"table {self._table} can be read, and the group is there")

    async def _caller(self, address: str) -> str:
        """The one active person of that user name or mail; "" for none or several."""
        if not address:
            return ""
        safe = address.translate(_UNSAFE)
        query = {
            "sysparm_query": f"user_name={safe}^ORemail={safe}^active=true",
            "sysparm_fields": "sys_id",
            "sysparm_limit": "2",
        }
        found = objects(member(await self._rest.json("GET", "/api/now/table/sys_user", query=query), "result"))
        return identity(found[0], "sys_id") if len(found) == 1 else ""

    def _records(self) -> str:
        return f"/api/now/table/{self._table}"

    def _reference(self, record: Any) -> Reference:
        if not isinstance(record, dict):
            raise Malformed(SYSTEM, "not a record")
        sys_id = identity(record, "sys_id")
        url = f"{self._rest.base}/sp?id=ticket&table={self._table}&sys_id={segment(sys_id)}"
        return Reference(sys_id, identity(record, "number"), safe_url(url))


_GROUP_FIX = "Put the sys_id of a group into assignment_group of PHOTOSYNC_TICKET_FIELDS."
