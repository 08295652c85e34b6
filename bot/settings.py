"""Every setting, read once from a mapping, checked together, frozen.

One more setting is one field of `Settings` with its `_Setting`: the README's table is written from these by
`tools/readme.py`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any

from bot import setting_values as values
from bot.clouds import CLOUDS
from bot.errors import SettingsError
from bot.setting_values import Host, Secret, Wrong

APP_TYPES = ("SingleTenant", "UserAssignedMSI")
TICKET_SYSTEMS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "webhook": (),
    "servicenow": (),
    "jira": ("serviceDeskId", "requestTypeId"),
    "zendesk": (),
    "freshservice": (),
    "zammad": ("group",),
    "rt": ("Queue",),
    "mail": ("to", "from"),
    "teams": ("channel",),
}
"""The names that each needs in PHOTOSYNC_TICKET_FIELDS."""
_TICKET_PROOF: Mapping[str, tuple[str, ...]] = {
    "mail": (),
    "teams": (),
    "servicenow": ("PHOTOSYNC_TICKET_SECRET|PHOTOSYNC_TICKET_SCOPE",),
}
"""What those need that do not simply need a secret."""
_BOTS_PROOF = (
    "MicrosoftAppPassword|MicrosoftAppCertificate|PHOTOSYNC_VAULT_CERTIFICATE|PHOTOSYNC_ASSERTION_IDENTITY"
    "|AZURE_FEDERATED_TOKEN_FILE"
)
_GRAPH_PROOF = "PHOTOSYNC_GRAPH_CLIENT_SECRET|PHOTOSYNC_GRAPH_CLIENT_CERTIFICATE"
_CERTIFICATES = ("app_certificate", "graph_client_certificate")
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
_ELSEWHERE = ("PHOTOSYNC_CHROMIUM",)  # of `locales preview`: no setting of the bot
_OURS = re.compile(r"(PHOTO_?SYNC|MICROSOFT_?APP)_?", re.IGNORECASE)
_ALIKE = 0.85  # from 0 to 1


class Use(Enum):
    """What settings are read for: each use needs others."""

    PACKAGE = "the app package: only the bot's id"
    STORE = "the database"
    GRAPH = "Microsoft Graph"
    SERVE = "the bot"


@dataclass(frozen=True)
class _Setting:
    """How one setting is named outside, read, and documented, and what it asks of the others."""

    name: str
    read: Callable[[str], Any]
    meaning: str
    default: str = "–"
    required: frozenset[Use] = frozenset()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By value, or `*` for any that is given: names of which each has to be given too; `A|B`: one of the two."""
    excludes: str = ""  # a name that must not be given beside it


def _setting(name: str, read: Callable[[str], Any], meaning: str, *, value: Any, **more: Any) -> Any:
    metadata = {"setting": _Setting(name, read, meaning, **more)}
    return field(default_factory=dict, metadata=metadata) if value == {} else field(default=value, metadata=metadata)


def _of_cloud(name: str, read: Callable[[str], Any], meaning: str) -> Any:
    return _setting(name, read, meaning, value="", default="of the cloud")


@dataclass(frozen=True)
class Settings:
    """All of them; build with `read`. Empty strings mean "not set" where that is allowed."""

    app_id: str = _setting(
        "MicrosoftAppId",
        values.guid,
        "the application id of the bot's registration; `serve` needs it",
        value="",
        required=frozenset({Use.PACKAGE, Use.GRAPH, Use.SERVE}),
    )
    app_password: Secret = _setting(
        "MicrosoftAppPassword", values.client_secret, "its client secret (`SingleTenant`)", value=Secret()
    )
    app_certificate: Path | None = _setting(
        "MicrosoftAppCertificate",
        values.file,
        "PEM or PFX file with key and certificate, in place of the password",
        value=None,
        excludes="MicrosoftAppPassword",
    )
    app_certificate_password: Secret = _setting(
        "MicrosoftAppCertificatePassword",
        Secret,
        "the password of that file's private key, if it has one",
        value=Secret(),
        needs={"*": ("MicrosoftAppCertificate|PHOTOSYNC_VAULT_CERTIFICATE",)},
    )
    vault_certificate: str = _setting(
        "PHOTOSYNC_VAULT_CERTIFICATE",
        values.vault_secret,
        "the certificate in Key Vault, in place of the file: `https://VAULT/secrets/NAME`; read again every hour",
        value="",
        excludes="MicrosoftAppCertificate",
    )
    vault_identity: str = _setting(
        "PHOTOSYNC_VAULT_IDENTITY",
        values.identity,
        "the managed identity that reads Key Vault: a client id, or `system`",
        value="",
        default="`PHOTOSYNC_ASSERTION_IDENTITY`, or `system`",
        needs={"*": ("PHOTOSYNC_VAULT_CERTIFICATE",)},
    )
    federated_token_file: Path | None = _setting(
        "AZURE_FEDERATED_TOKEN_FILE",
        values.file,
        "a token of the platform in place of a secret (Kubernetes sets it by itself): the application trusts it by a "
        "federated credential",
        value=None,
    )
    assertion_identity: str = _setting(
        "PHOTOSYNC_ASSERTION_IDENTITY",
        values.identity,
        "a managed identity in place of a secret, which the application trusts likewise: a client id, or `system`",
        value="",
    )
    app_tenant_id: str = _setting(
        "MicrosoftAppTenantId",
        values.tenant,
        "the tenant it is registered in",
        value="",
        required=frozenset({Use.GRAPH, Use.SERVE}),
    )
    app_type: str = _setting(
        "MicrosoftAppType",
        values.choice(*APP_TYPES),
        "`SingleTenant`, with a password, a certificate or what stands for them, or `UserAssignedMSI`",
        value="SingleTenant",
        default="`SingleTenant`",
        needs={"SingleTenant": (_BOTS_PROOF,)},
    )
    host: str = _setting(
        "PHOTOSYNC_HOST", values.listening_host, "the address it listens on", value="127.0.0.1", default="`127.0.0.1`"
    )
    port: int = _setting("PHOTOSYNC_PORT", values.port, "the port it listens on", value=3978, default="`3978`")
    operator_host: str = _setting(
        "PHOTOSYNC_OPERATOR_HOST",
        values.listening_host,
        "the address of the operators' port",
        value="127.0.0.1",
        default="`127.0.0.1`",
    )
    operator_port: int | None = _setting(
        "PHOTOSYNC_OPERATOR_PORT",
        values.port,
        "a second port: with it, `/metrics` and the details of `/readyz` are answered there only",
        value=None,
    )
    cloud: str = _setting(
        "PHOTOSYNC_CLOUD",
        values.choice(*CLOUDS),
        "`public`, `gcc-high`, `dod` or `china`: sets the addresses below",
        value="public",
        default="`public`",
    )
    graph_url: str = _of_cloud(
        "PHOTOSYNC_GRAPH_URL", values.https, "Microsoft Graph, e.g. `https://graph.microsoft.com`"
    )
    login_url: str = _of_cloud(
        "PHOTOSYNC_LOGIN_URL", values.https, "where tokens come from, e.g. `https://login.microsoftonline.com`"
    )
    azure_url: str = _of_cloud("PHOTOSYNC_AZURE_URL", values.https, "Azure Resource Manager, which only `setup` calls")
    channel_keys_url: str = _of_cloud(
        "PHOTOSYNC_CHANNEL_KEYS_URL", values.https, "OpenID metadata of the Bot Connector's signing keys"
    )
    channel_issuer: str = _of_cloud(
        "PHOTOSYNC_CHANNEL_ISSUER", values.issuer, "issuer of the tokens that the Bot Connector sends"
    )
    channel_scope: str = _of_cloud(
        "PHOTOSYNC_CHANNEL_SCOPE", values.text, "scope of the tokens that the bot sends to the Bot Connector"
    )
    service_hosts: tuple[Host, ...] = _of_cloud(
        "PHOTOSYNC_SERVICE_HOSTS",
        values.hosts,
        "hosts a `serviceUrl` may name, separated by commas; a leading `*.` and a `:port` are allowed; https only",
    )
    download_hosts: tuple[Host, ...] = _of_cloud(
        "PHOTOSYNC_DOWNLOAD_HOSTS",
        values.hosts,
        "hosts that Graph's redirects and download addresses may lead to; fetched without a token; https only",
    )
    graph_client_id: str = _setting(
        "PHOTOSYNC_GRAPH_CLIENT_ID",
        values.guid,
        "a separate application for Graph",
        value="",
        default="the bot's own",
        needs={"*": (_GRAPH_PROOF, "PHOTOSYNC_GRAPH_TENANT_ID|MicrosoftAppTenantId")},
    )
    graph_client_secret: Secret = _setting(
        "PHOTOSYNC_GRAPH_CLIENT_SECRET",
        values.client_secret,
        "its client secret",
        value=Secret(),
        default="the bot's own",
        needs={"*": ("PHOTOSYNC_GRAPH_CLIENT_ID",)},
    )
    graph_client_certificate: Path | None = _setting(
        "PHOTOSYNC_GRAPH_CLIENT_CERTIFICATE",
        values.file,
        "PEM or PFX file with its key and certificate, in place of the secret",
        value=None,
        needs={"*": ("PHOTOSYNC_GRAPH_CLIENT_ID",)},
        excludes="PHOTOSYNC_GRAPH_CLIENT_SECRET",
    )
    graph_client_certificate_password: Secret = _setting(
        "PHOTOSYNC_GRAPH_CLIENT_CERTIFICATE_PASSWORD",
        Secret,
        "the password of that file's private key, if it has one",
        value=Secret(),
        needs={"*": ("PHOTOSYNC_GRAPH_CLIENT_CERTIFICATE",)},
    )
    graph_identity: str = _setting(
        "PHOTOSYNC_GRAPH_IDENTITY",
        values.identity,
        "a managed identity that reads Graph, in place of an application: a client id, or `system`",
        value="",
        excludes="PHOTOSYNC_GRAPH_CLIENT_ID",
    )
    graph_tenant_id: str = _setting(
        "PHOTOSYNC_GRAPH_TENANT_ID", values.tenant, "its tenant", value="", default="the bot's own"
    )
    my_site_host: str = _setting(
        "PHOTOSYNC_MY_SITE_HOST",
        values.host_name,
        "e.g. `contoso-my.sharepoint.com`, where neither the person's `mySite` nor `/sites/root` is readable",
        value="",
        default="the person's own `mySite`, else found through `/sites/root`",
    )
    ticket_system: str = _setting(
        "PHOTOSYNC_TICKET_SYSTEM",
        values.choice(*TICKET_SYSTEMS),
        "`none`, `webhook`, `servicenow`, `jira`, `zendesk`, `freshservice`, `zammad`, `rt`, `mail` or `teams` "
        "([docs/tickets.md](docs/tickets.md))",
        value="none",
        default="`none`",
        needs={
            name: (
                *(() if name == "teams" else ("PHOTOSYNC_TICKET_URL",)),
                *_TICKET_PROOF.get(name, ("PHOTOSYNC_TICKET_SECRET",)),
                *(("PHOTOSYNC_TICKET_FIELDS",) if fields else ()),
            )
            for name, fields in TICKET_SYSTEMS.items()
            if name != "none"
        },
    )
    ticket_url: str = _setting(
        "PHOTOSYNC_TICKET_URL",
        values.ticket_address,
        "the system's base address; for `mail` `smtp://HOST:PORT` or `smtps://HOST:PORT`",
        value="",
    )
    ticket_user: str = _setting(
        "PHOTOSYNC_TICKET_USER",
        values.text,
        "who we are there; without it the secret is a token",
        value="",
        needs={"*": ("PHOTOSYNC_TICKET_SECRET",)},
    )
    ticket_secret: Secret = _setting(
        "PHOTOSYNC_TICKET_SECRET",
        Secret,
        "the password or token; for `webhook` what signs: a Standard Webhooks secret, `whsec_...`",
        value=Secret(),
    )
    ticket_scope: str = _setting(
        "PHOTOSYNC_TICKET_SCOPE",
        values.text,
        "for `servicenow`: the scope of Entra ID's token by which it lets the bot's application in, without a secret",
        value="",
        excludes="PHOTOSYNC_TICKET_SECRET",
    )
    ticket_fields: Mapping[str, Any] = _setting(
        "PHOTOSYNC_TICKET_FIELDS",
        values.json_object,
        "a JSON object of the system's own names and values, laid over what is created",
        value={},
        default="`{}`",
    )
    ticket_states: Mapping[str, str] = _setting(
        "PHOTOSYNC_TICKET_STATES",
        values.states,
        "a JSON object from the system's states to `working`, `waiting`, `solved` or `closed`",
        value={},
        default="the system's usual ones",
    )
    ticket_language: str = _setting(
        "PHOTOSYNC_TICKET_LANGUAGE", values.language, "the language that agents read", value="en", default="`en`"
    )
    ticket_poll: tuple[float, ...] = _setting(
        "PHOTOSYNC_TICKET_POLL",
        values.durations,
        "when the state of an open ticket is read back; the last repeats",
        value=(900.0, 3600.0, 21600.0),
        default="`15m,1h,6h`",
    )
    ticket_wake_secret: Secret = _setting(
        "PHOTOSYNC_TICKET_WAKE_SECRET",
        Secret,
        "with it `POST /api/tickets/{system}`, signed as that system signs, has states read at once",
        value=Secret(),
        needs={"*": ("PHOTOSYNC_TICKET_SYSTEM",)},
    )
    ticket_solve: bool = _setting(
        "PHOTOSYNC_TICKET_SOLVE",
        values.yes_or_no,
        "`yes`: a ticket whose photo has arrived by itself is solved, where the system allows",
        value=False,
        default="`no`",
    )
    helpdesk_contact: str = _setting(
        "PHOTOSYNC_HELPDESK_CONTACT",
        values.text,
        "how people reach the helpdesk, shown as it is where there is no ticket system",
        value="",
    )
    app_name: str = _setting(
        "PHOTOSYNC_APP_NAME",
        values.one_line,
        "what the app is called in Teams, at most 30 letters; for the app package and `setup`",
        value="",
        default="`Photosync`",
    )
    app_developer: str = _setting(
        "PHOTOSYNC_APP_DEVELOPER",
        values.one_line,
        "whose app it is, as Teams shows it, at most 32 letters",
        value="Photosync",
        default="`Photosync`",
    )
    app_color: str = _setting(
        "PHOTOSYNC_APP_COLOR", values.color, "the app's accent colour", value="#4B53BC", default="`#4B53BC`"
    )
    app_icon: Path | None = _setting(
        "PHOTOSYNC_APP_ICON",
        values.file,
        "its icon: a PNG file of 192 x 192 pixels",
        value=None,
        default="the packaged one",
    )
    app_icon_outline: Path | None = _setting(
        "PHOTOSYNC_APP_ICON_OUTLINE",
        values.file,
        "its small icon: a PNG file of 32 x 32 pixels, white on transparent",
        value=None,
        default="the packaged one",
    )
    database_url: Secret = _setting(
        "PHOTOSYNC_DATABASE_URL",
        values.database,
        "where people and cases are kept: `sqlite:///FILE` or `postgresql://user:password@host/name`",
        value=Secret("sqlite:///photosync.db"),
        default="`sqlite:///photosync.db`",
    )
    follow_ups: tuple[float, ...] = _setting(
        "PHOTOSYNC_FOLLOW_UPS",
        values.durations,
        "when to check again after the walk (`s`, `m`, `h`, `d`)",
        value=(120.0, 900.0, 3600.0, 21600.0, 86400.0, 259200.0),
        default="`2m,15m,1h,6h,24h,72h`",
    )
    retention: float = _setting(
        "PHOTOSYNC_RETENTION",
        values.duration,
        "ended cases older than this are deleted",
        value=90 * 86400.0,
        default="`90d`",
    )
    locales_dir: Path | None = _setting(
        "PHOTOSYNC_LOCALES_DIR",
        values.folder,
        "a folder of PO files laid over the packaged ones",
        value=None,
        default="the packaged `locales/`",
    )
    keep_unknown: Path | None = _setting(
        "PHOTOSYNC_KEEP_UNKNOWN",
        values.new_file,
        "a file for sentences that were not understood, without names, numbers and addresses, for as long as the "
        "retention; `photosync locales unknown` shows them",
        value=None,
        default="they are not kept",
    )
    topics_dir: Path | None = _setting(
        "PHOTOSYNC_TOPICS_DIR",
        values.folder,
        "a folder of topic files laid over the packaged ones: another link, picture or text, a step more or fewer",
        value=None,
        default="the packaged topics",
    )
    pilot: tuple[str, ...] = _setting(
        "PHOTOSYNC_PILOT",
        values.guids,
        "object ids of people or groups: only they see topic files that say `draft = true`, and only they are written "
        "to in languages whose file says `X-Photosync-Draft: yes`",
        value=(),
        default="nobody",
    )
    page_url: str = _setting(
        "PHOTOSYNC_PAGE_URL",
        values.origin,
        "the bot's public https address: with it `/helpdesk` (sign-in, app role `Photosync.Helpdesk`), `/privacy` and "
        "`/terms` are there, and named in the app package",
        value="",
        default="there are no pages",
    )
    page_people: bool = _setting(
        "PHOTOSYNC_PAGE_PEOPLE",
        values.yes_or_no,
        "`yes`: the helpdesk's page names people, and `scan` keeps whom it found affected for it",
        value=False,
        default="`no`",
        needs={"True": ("PHOTOSYNC_PAGE_URL",)},
    )
    turns_at_once: int = _setting(
        "PHOTOSYNC_TURNS_AT_ONCE",
        values.at_least_one,
        "turns worked on at the same time; beyond that the channel is answered 503 and delivers again",
        value=256,
        default="`256`",
    )
    messages_per_second: int = _setting(
        "PHOTOSYNC_MESSAGES_PER_SECOND",
        values.count,
        "messages sent to the tenant in a second, of which Teams takes 50; `0`: as many as there are",
        value=40,
        default="`40`",
    )
    log_level: str = _setting(
        "PHOTOSYNC_LOG_LEVEL",
        values.choice("DEBUG", "INFO", "WARNING", "ERROR"),
        "`DEBUG`, `INFO`, `WARNING` or `ERROR`",
        value="INFO",
        default="`INFO`",
    )
    log_format: str = _setting(
        "PHOTOSYNC_LOG_FORMAT", values.choice("json", "text"), "`json` or `text`", value="json", default="`json`"
    )
    otlp_endpoint: str = _setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        values.collector,
        "an OpenTelemetry collector (OTLP over HTTP), such as `http://localhost:4318`: traces and metrics go there; "
        "needs the extra `otel`",
        value="",
    )
    otlp_headers: Secret = _setting(
        "OTEL_EXPORTER_OTLP_HEADERS",
        values.header_pairs,
        "by what it knows who we are, `name=value,name=value`",
        value=Secret(),
        needs={"*": ("OTEL_EXPORTER_OTLP_ENDPOINT",)},
    )
    ssl_cert_file: Path | None = _setting(
        "SSL_CERT_FILE",
        values.authorities,
        "certificate authorities for every outgoing call, the login call included",
        value=None,
        default="the system's",
    )
    requests_ca_bundle: Path | None = _setting(
        "REQUESTS_CA_BUNDLE",
        values.authorities,
        "more certificate authorities, for every outgoing call too",
        value=None,
    )

    @property
    def service_host(self) -> str:
        """The first of `service_hosts` that is one host; "" where each is many."""
        return next((one.pattern for one in self.service_hosts if "*" not in one.pattern), "")

    @property
    def effective_graph_tenant_id(self) -> str:
        return self.graph_tenant_id or self.app_tenant_id


def table() -> tuple[_Setting, ...]:
    """Every setting in the order of the documentation."""
    return tuple(one.metadata["setting"] for one in fields(Settings))


def read(environ: Mapping[str, str], use: Use = Use.SERVE) -> Settings:
    """Settings from an environment; blank values count as not set.

    Raises `SettingsError` with one line for each wrong or missing setting, and for each name that is only nearly one.
    """
    known: dict[str, Any] = {}
    problems: list[str] = []
    given = {name for name, value in environ.items() if value.strip()}
    for one in fields(Settings):
        setting: _Setting = one.metadata["setting"]
        if setting.name not in given:
            continue
        try:
            known[one.name] = setting.read(environ[setting.name].strip())
        except Wrong as wrong:
            problems.append(f"{setting.name} {wrong}")
        except (OSError, ValueError):
            problems.append(f"{setting.name} names something that cannot be read")
    problems += _wrong_certificates(known)
    problems += _wrong_ticket(known)
    problems += _missing(known, given, use)
    port = known.get("port", 3978)
    if port and known.get("operator_port") == port:
        problems.append("PHOTOSYNC_OPERATOR_PORT must be another port than PHOTOSYNC_PORT")
    if use in (Use.GRAPH, Use.SERVE):
        problems += _wrong_proxies(environ)
    if problems:
        raise SettingsError((*problems, *misspelt(environ)))
    return Settings(**_with_cloud(known))


def misspelt(environ: Mapping[str, str]) -> tuple[str, ...]:
    """A line for each name that looks like a setting and is none, with the nearest that is one."""
    names = [setting.name for setting in table()]
    by_upper = {name.upper(): name for name in names}
    found = []
    for name in sorted(environ.keys() - {*names, *_ELSEWHERE}):
        near = difflib.get_close_matches(name.upper(), by_upper, 1, _ALIKE) if "_" in name or _OURS.match(name) else []
        if near and (_OURS.match(name) or _OURS.match(near[0])):
            found.append(f"{name} is no setting and is not used; did you mean {by_upper[near[0]]}?")
        elif _OURS.match(name):
            near = difflib.get_close_matches(name.upper(), by_upper, 1, 0)
            found.append(f"{name} is no setting and is not used; the nearest is {by_upper[near[0]]}")
    return tuple(found)


def _with_cloud(known: dict[str, Any]) -> dict[str, Any]:
    cloud = CLOUDS[known.get("cloud", "public")]
    ours = {one.name for one in fields(Settings)}
    for one in fields(cloud):
        if one.name not in ours:
            continue
        default = getattr(cloud, one.name)
        if isinstance(default, tuple):
            default = tuple(Host(pattern) for pattern in default)
        known.setdefault(one.name, default)
    return known


def _missing(known: Mapping[str, Any], given: set[str], use: Use) -> Iterator[str]:
    """What the table asks for. An application of its own for Graph makes the bot's registration needless there."""
    registered = use is Use.SERVE or (use is Use.GRAPH and "PHOTOSYNC_GRAPH_CLIENT_ID" not in given)
    for one in fields(Settings):
        setting: _Setting = one.metadata["setting"]
        name = setting.name
        if use in setting.required and name not in given and (registered or use is Use.PACKAGE):
            yield f"{name} is missing: {setting.meaning}"
        if use in (Use.PACKAGE, Use.STORE) or (name.startswith("Microsoft") and not registered):
            continue
        value = str(known.get(one.name, one.default))
        for need in setting.needs.get(value, setting.needs.get("*", ()) if name in given else ()):
            names = need.split("|")
            if given.isdisjoint(names):
                because = name if "*" in setting.needs else f"{name} {value}"
                yield f"{names[0]} is missing: {because} needs it" + "".join(f", or {other}" for other in names[1:])
        if setting.excludes in given and name in given:
            yield f"{name} is set beside {setting.excludes}: choose one"


def _wrong_certificates(known: Mapping[str, Any]) -> Iterator[str]:
    names = {one.name: one.metadata["setting"].name for one in fields(Settings)}
    for one in _CERTIFICATES:
        if one in known:
            try:
                values.check_certificate(known[one], known.get(f"{one}_password", Secret()))
            except Wrong as wrong:
                yield f"{names[one]} {wrong}"
            except OSError:
                yield f"{names[one]} names something that cannot be read"


def _wrong_ticket(known: Mapping[str, Any]) -> Iterator[str]:
    """What fits no ticket system, or not this one."""
    system, url = known.get("ticket_system", "none"), known.get("ticket_url", "")
    if url and url.startswith("smtp") is not (system == "mail") and system not in ("none", "teams"):
        kind = "smtp:// or smtps://" if system == "mail" else "https://"
        yield f"PHOTOSYNC_TICKET_URL must begin with {kind}: PHOTOSYNC_TICKET_SYSTEM is {system}"
    if system == "webhook" and "ticket_secret" in known:
        try:
            values.signing_secret(known["ticket_secret"].reveal())
        except Wrong as wrong:
            yield f"PHOTOSYNC_TICKET_SECRET {wrong}"
    if "ticket_fields" in known:
        for name in TICKET_SYSTEMS.get(system, ()):
            if not known["ticket_fields"].get(name):
                yield f"PHOTOSYNC_TICKET_FIELDS lacks {name}: PHOTOSYNC_TICKET_SYSTEM {system} needs it"


def _wrong_proxies(environ: Mapping[str, str]) -> Iterator[str]:
    """The HTTP client would pass over such a proxy in silence, or fail with each call."""
    for name in PROXIES:
        if environ.get(name, "").strip():
            try:
                values.proxy(environ[name].strip())
            except Wrong as wrong:
                yield f"{name} {wrong}"
