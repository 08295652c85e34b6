"""The directory through Graph: applications, service principals, app role assignments, delegated grants.

What is new is not known everywhere at once: for `DELAY` seconds the rest of the directory and the login service refuse
it as if it were not there.
"""

from __future__ import annotations

import base64
import copy
import json
import re
import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sandbox.admin.people import APPLICATIONS, CLOUD_APPLICATIONS, GLOBAL, ROLE_NAMES, Admin
from sandbox.web import graph_error
from sandbox.world import World

GRAPH_APP = "00000003-0000-0000-c000-000000000000"
DELAY = 20.0  # seconds
_READ_LAG = 2.0  # seconds that a plain read misses what is new
_APP_ROLES = (
    "User.Read.All", "Sites.Selected", "Sites.Read.All", "PeopleSettings.Read.All", "MailboxSettings.Read",
    "Application.Read.All", "TeamsAppInstallation.ReadWriteSelfForUser.All",
)  # fmt: skip
_ROLE_IDS = {name: str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in _APP_ROLES}
_WRITABLE = {
    "displayName", "signInAudience", "web", "appRoles", "requiredResourceAccess", "keyCredentials", "tags", "notes",
    "description", "info", "api", "uniqueName",
}  # fmt: skip
_PROTECTED = "Authorization_RequestDenied"
_MOST_FEDERATED = 20


@dataclass(frozen=True)
class Call:
    """One request of somebody who is signed in."""

    method: str
    match: re.Match[str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    admin: Admin
    scopes: frozenset[str]

    def json(self) -> dict[str, Any]:
        """The body; {} for what is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


View = Callable[[Call], Awaitable[web.Response]]


def denied(message: str = "Insufficient privileges to complete the operation.") -> web.Response:
    """403 of the directory."""
    return graph_error(403, _PROTECTED, message=message)


def missing(what: str) -> web.Response:
    """404 of the directory."""
    text = f"Resource '{what}' does not exist or one of its queried reference-property objects are not present."
    return graph_error(404, "Request_ResourceNotFound", message=text)


def bad(message: str, code: str = "Request_BadRequest") -> web.Response:
    """400."""
    return graph_error(400, code, message=message)


class Directory:
    """One tenant's."""

    def __init__(self, world: World, tenant: str, name: str = "Fabrikam") -> None:
        self.world = world
        self.tenant = tenant
        self.name = name
        self.applications: dict[str, dict[str, Any]] = {}  # by object id
        self.deleted: dict[str, dict[str, Any]] = {}
        self.principals: dict[str, dict[str, Any]] = {}  # by object id
        self.assignments: list[dict[str, str]] = []
        self.grants: list[dict[str, str]] = []
        self.secrets: dict[str, dict[str, float]] = {}  # app id -> secret -> when it is known
        self.federated: dict[str, list[dict[str, Any]]] = {}  # object id -> credentials
        self.passwords_allowed = True  # by the tenant's policy
        graph = self._principal(GRAPH_APP, "Microsoft Graph")
        graph["appRoles"] = [
            {"id": _ROLE_IDS[name], "value": name, "allowedMemberTypes": ["Application"], "isEnabled": True}
            for name in _APP_ROLES
        ]
        graph["made"] = 0.0
        self.graph = graph

    def paths(self) -> tuple[tuple[str, str, frozenset[str], View], ...]:
        """Method, pattern, delegated permissions of which one is needed, and what answers."""
        apps = frozenset({"Application.ReadWrite.All", "Directory.AccessAsUser.All"})
        roles = frozenset({"AppRoleAssignment.ReadWrite.All"})
        grants = frozenset({"DelegatedPermissionGrant.ReadWrite.All", "Directory.AccessAsUser.All"})
        anyone: frozenset[str] = frozenset()
        one_app = r"/applications(?:/(?P<id>[^/()]+)|\((?P<key>appId|uniqueName)='(?P<value>[^']+)'\))"
        one_principal = r"/servicePrincipals(?:/(?P<id>[^/()]+)|\((?P<key>appId)='(?P<value>[^']+)'\))"
        return (
            ("GET", r"/me", anyone, self.me),
            ("GET", r"/organization", anyone, self.organization),
            ("GET", r"/me/transitiveMemberOf/microsoft\.graph\.directoryRole", anyone, self.my_roles),
            ("GET", one_app, apps, self.get_application),
            ("PATCH", one_app, apps, self.patch_application),
            ("DELETE", one_app, apps, self.delete_application),
            ("POST", one_app + "/addPassword", apps, self.add_password),
            ("POST", one_app + "/removePassword", apps, self.remove_password),
            ("GET", one_app + "/federatedIdentityCredentials", apps, self.list_federated),
            ("PATCH", one_app + r"/federatedIdentityCredentials\(name='(?P<name>[^']+)'\)", apps, self.put_federated),
            ("DELETE", r"/directory/deletedItems/(?P<id>[^/]+)", apps, self.purge),
            ("GET", one_principal, apps, self.get_principal),
            ("PATCH", one_principal, apps, self.patch_principal),
            ("GET", one_principal + "/appRoleAssignments", roles, self.list_assignments),
            ("POST", one_principal + "/appRoleAssignedTo", roles, self.assign),
            ("GET", r"/oauth2PermissionGrants", grants, self.list_grants),
            ("POST", r"/oauth2PermissionGrants", grants, self.grant),
        )

    # What the rest of the tenant asks

    def known(self, thing: Mapping[str, Any]) -> bool:
        """Whether everybody knows it by now."""
        return bool(self.world.now() >= thing["made"] + DELAY)

    def application_of(self, app_id: str) -> dict[str, Any] | None:
        """By its client id, whether or not it is known yet."""
        return next((one for one in self.applications.values() if one["appId"] == app_id), None)

    def principal_of(self, app_id: str) -> dict[str, Any] | None:
        """Likewise."""
        return next((one for one in self.principals.values() if one["appId"] == app_id), None)

    def roles(self, app_id: str) -> tuple[str, ...]:
        """Graph's application permissions that were granted."""
        principal = self.principal_of(app_id)
        names = {identity: name for name, identity in _ROLE_IDS.items()}
        return tuple(
            names[one["appRoleId"]]
            for one in self.assignments
            if principal is not None and one["principalId"] == principal["id"] and one["appRoleId"] in names
        )

    # Who is asking

    async def me(self, call: Call) -> web.Response:
        """GET /me"""
        admin = call.admin
        kind = "Guest" if admin.guest else "Member"
        return web.json_response(
            {"id": admin.id, "displayName": admin.name, "userPrincipalName": admin.upn, "userType": kind}
        )

    async def organization(self, _: Call) -> web.Response:
        """GET /organization"""
        domains = [{"name": "fabrikam.example", "isDefault": True, "isInitial": True}]
        one = {"id": self.tenant, "displayName": self.name, "verifiedDomains": domains}
        return web.json_response({"value": [one]})

    async def my_roles(self, call: Call) -> web.Response:
        """GET /me/transitiveMemberOf/microsoft.graph.directoryRole"""
        value = [{"roleTemplateId": one, "displayName": ROLE_NAMES[one]} for one in sorted(call.admin.roles)]
        return web.json_response({"value": value})

    # Applications

    def _find(self, call: Call) -> dict[str, Any] | None:
        if call.match["id"]:
            return self.applications.get(call.match["id"])
        key, value = call.match["key"], call.match["value"]
        return next((one for one in self.applications.values() if one.get(key) == value), None)

    async def get_application(self, call: Call) -> web.Response:
        """GET /applications(...): a moment after it was made still 404."""
        found = self._find(call)
        if found is None or self.world.now() < found["made"] + _READ_LAG:
            return missing(call.match["id"] or call.match["value"])
        return web.json_response(_public(found))

    async def patch_application(self, call: Call) -> web.Response:
        """PATCH /applications(...): with `Prefer: create-if-missing` by its unique name it is made."""
        body, found = call.json(), self._find(call)
        strange = sorted(set(body) - _WRITABLE)
        if strange:
            return bad(f"Property '{strange[0]}' is read-only or unknown.")
        if found is not None:
            if not call.admin.roles & {GLOBAL, APPLICATIONS, CLOUD_APPLICATIONS} and found["owner"] != call.admin.id:
                return denied()
            return self._change(found, body)
        if call.headers.get("Prefer") != "create-if-missing" or call.match["key"] != "uniqueName":
            return missing(call.match["id"] or call.match["value"])
        return denied() if call.admin.guest else self._make(call.match["value"], body, call.admin.id)

    def _make(self, name: str, body: Mapping[str, Any], owner: str) -> web.Response:
        """A new application."""
        if not body.get("displayName"):
            return bad("A value is required for property 'displayName' of resource 'Application'.")
        if any(one.get("uniqueName") == name for one in self.deleted.values()):
            return bad("Another object with the same value for property uniqueName already exists.")
        made: dict[str, Any] = {
            "id": str(uuid.uuid4()), "appId": str(uuid.uuid4()), "uniqueName": name, "signInAudience": "AzureADMyOrg",
            "web": {"redirectUris": []}, "appRoles": [], "requiredResourceAccess": [], "keyCredentials": [],
            "passwordCredentials": [], "tags": [], "owner": owner, "made": self.world.now(),
        }  # fmt: skip
        refusal = self._change(made, body)
        if refusal.status >= 400:
            return refusal
        self.applications[made["id"]] = made
        return web.json_response(_public(made), status=201)

    def _change(self, application: dict[str, Any], body: Mapping[str, Any]) -> web.Response:
        """What is named is replaced; a key that was there is told by its id, without the key itself."""
        problem = _faulty(body)
        if problem:
            return bad(problem)
        held = {one["keyId"]: one for one in application["keyCredentials"]}
        application.update(copy.deepcopy(dict(body)))
        keys = []
        for key in application["keyCredentials"]:
            if key.get("keyId") in held:
                keys.append(held[key["keyId"]])
            elif key.get("key"):
                certificate = x509.load_der_x509_certificate(base64.b64decode(key["key"]))
                thumbprint = base64.b64encode(certificate.fingerprint(hashes.SHA1())).decode()  # noqa: S303
                made = {"keyId": str(uuid.uuid4()), "customKeyIdentifier": thumbprint, "made": self.world.now()}
                keys.append({**key, **made})
        application["keyCredentials"] = keys
        return web.Response(status=204)

    async def delete_application(self, call: Call) -> web.Response:
        """DELETE /applications/{id}: it can be restored for thirty days, and keeps its unique name."""
        found = self._find(call)
        if found is None:
            return missing(call.match["id"] or call.match["value"])
        self.deleted[found["id"]] = self.applications.pop(found["id"])
        principal = self.principal_of(found["appId"])
        if principal is not None:
            del self.principals[principal["id"]]
            self.assignments = [one for one in self.assignments if one["principalId"] != principal["id"]]
            self.grants = [one for one in self.grants if one["clientId"] != principal["id"]]
        return web.Response(status=204)

    async def purge(self, call: Call) -> web.Response:
        """DELETE /directory/deletedItems/{id}"""
        if self.deleted.pop(call.match["id"], None) is None:
            return missing(call.match["id"])
        return web.Response(status=204)

    async def add_password(self, call: Call) -> web.Response:
        """POST /applications/{id}/addPassword: the only moment at which the secret shows."""
        found = self._find(call)
        if found is None:
            return missing(call.match["id"] or call.match["value"])
        if not self.passwords_allowed:
            return bad("Credential type not allowed as per assigned policy.", "CredentialTypeNotAllowedAsPerAppPolicy")
        asked = call.json().get("passwordCredential", {})
        text = secrets.token_urlsafe(30)
        self.secrets.setdefault(found["appId"], {})[text] = self.world.now() + DELAY
        end = asked.get("endDateTime") or (datetime.now(UTC) + timedelta(days=730)).isoformat()
        kept = {
            "displayName": asked.get("displayName"),
            "hint": text[:3],
            "endDateTime": end,
            "keyId": str(uuid.uuid4()),
        }
        found["passwordCredentials"].append(kept)
        return web.json_response({**kept, "secretText": text})

    async def remove_password(self, call: Call) -> web.Response:
        """POST /applications/{id}/removePassword"""
        found, wanted = self._find(call), call.json().get("keyId")
        if found is None:
            return missing(call.match["id"] or call.match["value"])
        held = found["passwordCredentials"]
        if all(one["keyId"] != wanted for one in held):
            return bad("No password credential found with keyId.")
        found["passwordCredentials"] = [one for one in held if one["keyId"] != wanted]
        return web.Response(status=204)

    async def list_federated(self, call: Call) -> web.Response:
        """GET .../federatedIdentityCredentials"""
        found = self._find(call)
        if found is None:
            return missing(call.match["id"] or call.match["value"])
        return web.json_response({"value": self.federated.get(found["id"], [])})

    async def put_federated(self, call: Call) -> web.Response:
        """PATCH .../federatedIdentityCredentials(name='...') with `Prefer: create-if-missing`"""
        found, body = self._find(call), call.json()
        if found is None:
            return missing(call.match["id"] or call.match["value"])
        held = self.federated.setdefault(found["id"], [])
        same = next((one for one in held if one["name"] == call.match["name"]), None)
        if same is None and call.headers.get("Prefer") != "create-if-missing":
            return missing(call.match["name"])
        if not body.get("issuer") or not body.get("subject") or len(body.get("audiences", ())) != 1:
            return bad("issuer, subject and one audience are required.")
        pair = (body["issuer"], body["subject"])
        if any((one["issuer"], one["subject"]) == pair for one in held if one is not same):
            return graph_error(
                409, "Request_MultipleObjectsWithSameKeyValue", message="FederatedIdentityCredential already exists."
            )
        if same is not None:
            same.update(body)
            return web.Response(status=204)
        if len(held) >= _MOST_FEDERATED:
            return bad("Maximum of 20 federated identity credentials.")
        held.append({"id": str(uuid.uuid4()), "name": call.match["name"], **body})
        return web.json_response(held[-1], status=201)

    # Service principals

    def _principal(self, app_id: str, name: str) -> dict[str, Any]:
        made: dict[str, Any] = {
            "id": str(uuid.uuid4()), "appId": app_id, "displayName": name, "appRoles": [],
            "appRoleAssignmentRequired": False, "made": self.world.now(),
        }  # fmt: skip
        self.principals[made["id"]] = made
        return made

    def _found_principal(self, call: Call) -> dict[str, Any] | None:
        if call.match["id"]:
            return self.principals.get(call.match["id"])
        return self.principal_of(call.match["value"])

    async def get_principal(self, call: Call) -> web.Response:
        """GET /servicePrincipals(...)"""
        found = self._found_principal(call)
        if found is None or self.world.now() < found["made"] + _READ_LAG:
            return missing(call.match["id"] or call.match["value"])
        application = self.application_of(found["appId"])
        shown = {**found, "appRoles": application["appRoles"] if application else found["appRoles"]}
        return web.json_response({name: value for name, value in shown.items() if name != "made"})

    async def patch_principal(self, call: Call) -> web.Response:
        """PATCH /servicePrincipals(appId='...')"""
        found = self._found_principal(call)
        if found is not None:
            if found is self.graph:
                return denied()
            found.update(call.json())
            return web.Response(status=204)
        app_id = call.match["value"]
        if call.headers.get("Prefer") != "create-if-missing" or not app_id:
            return missing(call.match["id"] or app_id)
        application = self.application_of(app_id)
        if application is None or not self.known(application):
            text = f"The appId '{app_id}' of the service principal does not reference a valid application object."
            return bad(text)
        made = self._principal(app_id, application["displayName"])
        made.update(call.json())
        return web.json_response({name: value for name, value in made.items() if name != "made"}, status=201)

    async def list_assignments(self, call: Call) -> web.Response:
        """GET /servicePrincipals/{id}/appRoleAssignments"""
        found = self._found_principal(call)
        if found is None:
            return missing(call.match["id"] or call.match["value"])
        return web.json_response({"value": [one for one in self.assignments if one["principalId"] == found["id"]]})

    async def assign(self, call: Call) -> web.Response:
        """POST /servicePrincipals/{resource}/appRoleAssignedTo"""
        resource, body = self._found_principal(call), call.json()
        principal = self.principals.get(str(body.get("principalId")))
        if resource is None or body.get("resourceId") != resource["id"]:
            return missing(call.match["id"] or call.match["value"])
        if principal is None or not self.known(principal):
            return missing(str(body.get("principalId")))
        if body.get("appRoleId") not in {one["id"] for one in resource["appRoles"]}:
            return bad("Permission being assigned was not found on application.")
        if resource is self.graph and not call.admin.may_grant_graph:
            return denied()
        one = {name: str(body[name]) for name in ("principalId", "resourceId", "appRoleId")}
        if any({**old, "id": ""} == {**one, "id": ""} for old in self.assignments):
            return bad("Permission being assigned already exists on the object")
        self.assignments.append({**one, "id": secrets.token_urlsafe(16)})
        return web.json_response(self.assignments[-1], status=201)

    async def list_grants(self, call: Call) -> web.Response:
        """GET /oauth2PermissionGrants?$filter=clientId eq '...'"""
        wanted = re.fullmatch(r"clientId eq '([^']+)'", unquote(call.query.get("$filter", "")))
        if wanted is None:
            return graph_error(400, "Request_UnsupportedQuery")
        return web.json_response({"value": [one for one in self.grants if one["clientId"] == wanted[1]]})

    async def grant(self, call: Call) -> web.Response:
        """POST /oauth2PermissionGrants"""
        body = call.json()
        principal = self.principals.get(str(body.get("clientId")))
        if principal is None or not self.known(principal) or body.get("resourceId") not in self.principals:
            return graph_error(404, "Directory_ObjectNotFound", message="Unable to find target object.")
        if not call.admin.may_consent:
            return denied()
        if body.get("consentType") != "AllPrincipals" or not body.get("scope"):
            return bad("Invalid consentType or scope.")
        if any((one["clientId"], one["resourceId"]) == (body["clientId"], body["resourceId"]) for one in self.grants):
            message = "Permission entry already exists."
            return graph_error(409, "Request_MultipleObjectsWithSameKeyValue", message=message)
        self.grants.append({name: str(body[name]) for name in ("clientId", "resourceId", "consentType", "scope")})
        return web.json_response(self.grants[-1], status=201)


def _public(application: Mapping[str, Any]) -> dict[str, Any]:
    """As Graph shows it: never a key."""
    shown = {name: value for name, value in application.items() if name != "made"}
    keys = [{name: value for name, value in one.items() if name != "made"} for one in application["keyCredentials"]]
    return {**shown, "keyCredentials": [{**one, "key": None} for one in keys]}


def _faulty(body: Mapping[str, Any]) -> str:
    """What is wrong with an application's properties."""
    values = [one.get("value") for one in body.get("appRoles", ())]
    if len(set(values)) < len(values):
        return "Property value cannot have duplicate value for appRoles.value."
    for address in body.get("web", {}).get("redirectUris", ()):
        if not str(address).startswith(("https://", "http://localhost")):
            return "Reply URL must start with https or be http://localhost."
    for key in body.get("keyCredentials", ()):
        if key.get("type") != "AsymmetricX509Cert" or key.get("usage") != "Verify":
            return "Key credential type or usage is not valid."
    if "passwordCredentials" in body:
        return "passwordCredentials cannot be set by PATCH."
    return ""
