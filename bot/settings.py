"""Every setting, read once from a mapping, checked together, frozen.

One more setting is one field of `Settings` with its `_Setting`: the README's table is written from these by
`tools/readme.py`.
"""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.clouds import CLOUDS
from bot.errors import SettingsError

_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
APP_TYPES = ("SingleTenant", "UserAssignedMSI")
TICKET_SYSTEMS = ("none", "webhook")


class Use(Enum):
    """What settings are read for: each use needs others."""

    PACKAGE = "the app package: only the bot's id"
    STORE = "the database"
    GRAPH = "Microsoft Graph"
    SERVE = "the bot"


class Secret:
    """A text that nothing prints: not `str`, not `repr`, not a format, not JSON. `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the system that it belongs to."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(***)" if self._text else "Secret()"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True)
class Host:
    """`name`, `*.name` (anything below it) with an optional `:port`; without a port only 443 fits."""

    pattern: str

    def matches(self, url: str) -> bool:
        """Whether an https address may be called: exact host or below the wildcard, the port, and no user part."""
        try:
            parts = urlsplit(url)
            port = parts.port or 443
        except ValueError:
            return False
        if parts.scheme != "https" or parts.username is not None or parts.password is not None or "\\" in url:
            return False
        name, _, wanted = self.pattern.partition(":")
        if port != int(wanted or 443):
            return False
        host = (parts.hostname or "").lower()
        if name.startswith("*."):
            return host.endswith(name[1:]) and len(host) > len(name) - 1
        return host == name


class _Wrong(Exception):
    """What is wrong with one value; never the value itself, which may be a secret in the wrong place."""


def _text(value: str) -> str:
    return value


def _id(value: str) -> str:
    # Microsoft's are GUIDs; a domain in the place of a tenant id would later refuse every message as foreign.
    if not re.fullmatch(r"[0-9A-Za-z-]+", value):
        raise _Wrong("must be an id like 00000000-0000-0000-0000-000000000000, not a domain or an address")
    return value.lower()


def _port(value: str) -> int:
    if not value.isascii() or not value.isdecimal() or not 0 <= int(value) <= 65535:
        raise _Wrong("must be a port number from 0 (any free one) to 65535")
    return int(value)


def _https(value: str) -> str:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - a bad port is found only here
    except ValueError:
        raise _Wrong("must be an https address") from None
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return value.rstrip("/")
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise _Wrong("must be an https address")
    return value.rstrip("/")


def _issuer(value: str) -> str:
    if not value.startswith("https://"):
        raise _Wrong("must be an https address")
    return value


def _host_name(value: str) -> str:
    value = value.lower()
    if not _HOST.fullmatch(value) or value.startswith("*."):
        raise _Wrong("must be a host name such as contoso-my.sharepoint.com")
    return value


def _hosts(value: str) -> tuple[Host, ...]:
    found = tuple(Host(part.strip().lower()) for part in value.split(",") if part.strip())
    for host in found:
        if not _HOST.fullmatch(host.pattern) or (host.pattern.startswith("*.") and host.pattern.count(".") < 2):
            raise _Wrong("must be hosts separated by commas, each like name.example.com, *.example.com or name:8443")
    if not found:
        raise _Wrong("must name at least one host")
    return found


def _signing_secret(value: str) -> Secret:
    try:
        key = base64.b64decode(value.removeprefix("whsec_") + "==", validate=False)
    except ValueError:
        key = b""
    if not key:
        raise _Wrong("must be a Standard Webhooks secret: whsec_ and base64")
    return Secret(value)


def _duration(value: str) -> float:
    match = re.fullmatch(r"(\d{1,6})([smhd])", value.strip())
    if match is None or int(match[1]) == 0:
        raise _Wrong("must be a time such as 30s, 15m, 6h or 90d")
    return float(int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]])


def _durations(value: str) -> tuple[float, ...]:
    found = tuple(_duration(part) for part in value.split(","))
    if list(found) != sorted(set(found)):
        raise _Wrong("must be times that grow, such as 2m,15m,1h")
    return found


def _database(value: str) -> Secret:
    # It may hold a password: a secret like the others.
    if not re.fullmatch(r"sqlite:///.+|postgres(ql)?://[^/]+/.+", value):
        raise _Wrong("must be like sqlite:///photosync.db or postgresql://user:password@host/name")
    return Secret(value)


def _choice(*allowed: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        for choice in allowed:
            if value.lower() == choice.lower():
                return choice
        raise _Wrong("must be one of " + ", ".join(allowed))

    return read


def _count(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > 1_000_000:
        raise _Wrong("must be a whole number, at most 1000000")
    return int(value)


def _file(value: str) -> Path:
    path = Path(value)
    if not path.is_file():
        raise _Wrong("must be a file that can be read")
    return path


def _authorities(value: str) -> Path:
    path = _file(value)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=str(path))
    except ssl.SSLError:
        raise _Wrong("must be a PEM file with certificates of authorities") from None
    return path


def _folder(value: str) -> Path:
    path = Path(value)
    if not path.is_dir():
        raise _Wrong("must be a folder that can be read")
    return path


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
    return field(default=value, metadata={"setting": _Setting(name, read, meaning, **more)})


def _of_cloud(name: str, read: Callable[[str], Any], meaning: str) -> Any:
    return _setting(name, read, meaning, value="", default="of the cloud")


@dataclass(frozen=True)
class Settings:
    """All of them; build with `read`. Empty strings mean "not set" where that is allowed."""

    app_id: str = _setting(
        "MicrosoftAppId",
        _id,
        "the application id of the bot's registration; `serve` needs it",
        value="",
        required=frozenset({Use.PACKAGE, Use.GRAPH, Use.SERVE}),
    )
    app_password: Secret = _setting(
        "MicrosoftAppPassword", Secret, "its client secret (`SingleTenant`)", value=Secret()
    )
    app_certificate: Path | None = _setting(
        "MicrosoftAppCertificate",
        _file,
        "PEM file with key and certificate, in place of the password",
        value=None,
        excludes="MicrosoftAppPassword",
    )
    app_tenant_id: str = _setting(
        "MicrosoftAppTenantId",
        _id,
        "the tenant it is registered in",
        value="",
        required=frozenset({Use.GRAPH, Use.SERVE}),
    )
    app_type: str = _setting(
        "MicrosoftAppType",
        _choice(*APP_TYPES),
        "`SingleTenant`, with a password or certificate, or `UserAssignedMSI`",
        value="SingleTenant",
        default="`SingleTenant`",
        needs={"SingleTenant": ("MicrosoftAppPassword|MicrosoftAppCertificate",)},
    )
    host: str = _setting("PHOTOSYNC_HOST", _text, "the address it listens on", value="127.0.0.1", default="`127.0.0.1`")
    port: int = _setting("PHOTOSYNC_PORT", _port, "the port it listens on", value=3978, default="`3978`")
    cloud: str = _setting(
        "PHOTOSYNC_CLOUD",
        _choice(*CLOUDS),
        "`public`, `gcc-high`, `dod` or `china`: sets the addresses below",
        value="public",
        default="`public`",
    )
    graph_url: str = _of_cloud("PHOTOSYNC_GRAPH_URL", _https, "Microsoft Graph, e.g. `https://graph.microsoft.com`")
    login_url: str = _of_cloud(
        "PHOTOSYNC_LOGIN_URL", _https, "where tokens come from, e.g. `https://login.microsoftonline.com`"
    )
    channel_keys_url: str = _of_cloud(
        "PHOTOSYNC_CHANNEL_KEYS_URL", _https, "OpenID metadata of the Bot Connector's signing keys"
    )
    channel_issuer: str = _of_cloud(
        "PHOTOSYNC_CHANNEL_ISSUER", _issuer, "issuer of the tokens that the Bot Connector sends"
    )
    channel_scope: str = _of_cloud(
        "PHOTOSYNC_CHANNEL_SCOPE", _text, "scope of the tokens that the bot sends to the Bot Connector"
    )
    service_hosts: tuple[Host, ...] = _of_cloud(
        "PHOTOSYNC_SERVICE_HOSTS",
        _hosts,
        "hosts a `serviceUrl` may name, separated by commas; a leading `*.` and a `:port` are allowed; https only",
    )
    download_hosts: tuple[Host, ...] = _of_cloud(
        "PHOTOSYNC_DOWNLOAD_HOSTS",
        _hosts,
        "hosts that Graph's redirects and download addresses may lead to; fetched without a token; https only",
    )
    graph_client_id: str = _setting(
        "PHOTOSYNC_GRAPH_CLIENT_ID",
        _id,
        "a separate application for Graph",
        value="",
        default="the bot's own",
        needs={"*": ("PHOTOSYNC_GRAPH_CLIENT_SECRET", "PHOTOSYNC_GRAPH_TENANT_ID|MicrosoftAppTenantId")},
    )
    graph_client_secret: Secret = _setting(
        "PHOTOSYNC_GRAPH_CLIENT_SECRET",
        Secret,
        "its client secret",
        value=Secret(),
        default="the bot's own",
        needs={"*": ("PHOTOSYNC_GRAPH_CLIENT_ID",)},
    )
    graph_tenant_id: str = _setting("PHOTOSYNC_GRAPH_TENANT_ID", _id, "its tenant", value="", default="the bot's own")
    my_site_host: str = _setting(
        "PHOTOSYNC_MY_SITE_HOST",
        _host_name,
        "e.g. `contoso-my.sharepoint.com`, where neither the person's `mySite` nor `/sites/root` is readable",
        value="",
        default="the person's own `mySite`, else found through `/sites/root`",
    )
    ticket_system: str = _setting(
        "PHOTOSYNC_TICKET_SYSTEM",
        _choice(*TICKET_SYSTEMS),
        "`none` or `webhook`",
        value="none",
        default="`none`",
        needs={"webhook": ("PHOTOSYNC_TICKET_URL", "PHOTOSYNC_TICKET_SECRET")},
    )
    ticket_url: str = _setting("PHOTOSYNC_TICKET_URL", _https, "where tickets are posted", value="")
    ticket_secret: Secret = _setting(
        "PHOTOSYNC_TICKET_SECRET",
        _signing_secret,
        "signs them: a Standard Webhooks secret, `whsec_...`",
        value=Secret(),
    )
    helpdesk_contact: str = _setting(
        "PHOTOSYNC_HELPDESK_CONTACT",
        _text,
        "how people reach the helpdesk, shown as it is where there is no ticket system",
        value="",
    )
    database_url: Secret = _setting(
        "PHOTOSYNC_DATABASE_URL",
        _database,
        "where people and cases are kept: `sqlite:///FILE` or `postgresql://user:password@host/name`",
        value=Secret("sqlite:///photosync.db"),
        default="`sqlite:///photosync.db`",
    )
    follow_ups: tuple[float, ...] = _setting(
        "PHOTOSYNC_FOLLOW_UPS",
        _durations,
        "when to check again after the walk (`s`, `m`, `h`, `d`)",
        value=(120.0, 900.0, 3600.0, 21600.0, 86400.0, 259200.0),
        default="`2m,15m,1h,6h,24h,72h`",
    )
    retention: float = _setting(
        "PHOTOSYNC_RETENTION",
        _duration,
        "ended cases older than this are deleted",
        value=90 * 86400.0,
        default="`90d`",
    )
    locales_dir: Path | None = _setting(
        "PHOTOSYNC_LOCALES_DIR",
        _folder,
        "a folder of PO files laid over the packaged ones",
        value=None,
        default="the packaged `locales/`",
    )
    turns_at_once: int = _setting(
        "PHOTOSYNC_TURNS_AT_ONCE",
        _count,
        "turns worked on at the same time; beyond that the channel is answered 503 and delivers again",
        value=256,
        default="`256`",
    )
    messages_per_second: int = _setting(
        "PHOTOSYNC_MESSAGES_PER_SECOND",
        _count,
        "messages sent to the tenant in a second, which Teams limits; `0`: as many as there are",
        value=30,
        default="`30`",
    )
    log_level: str = _setting(
        "PHOTOSYNC_LOG_LEVEL",
        _choice("DEBUG", "INFO", "WARNING", "ERROR"),
        "`DEBUG`, `INFO`, `WARNING` or `ERROR`",
        value="INFO",
        default="`INFO`",
    )
    log_format: str = _setting(
        "PHOTOSYNC_LOG_FORMAT", _choice("json", "text"), "`json` or `text`", value="json", default="`json`"
    )
    ssl_cert_file: Path | None = _setting(
        "SSL_CERT_FILE",
        _authorities,
        "certificate authorities for every outgoing call, the login call included",
        value=None,
        default="the system's",
    )
    requests_ca_bundle: Path | None = _setting(
        "REQUESTS_CA_BUNDLE", _authorities, "more certificate authorities, for every outgoing call too", value=None
    )

    @property
    def effective_graph_client_id(self) -> str:
        """The application that reads Graph: its own, or the bot's."""
        return self.graph_client_id or self.app_id

    @property
    def effective_graph_tenant_id(self) -> str:
        return self.graph_tenant_id or self.app_tenant_id


def table() -> tuple[_Setting, ...]:
    """Every setting in the order of the documentation."""
    return tuple(one.metadata["setting"] for one in fields(Settings))


def read(environ: Mapping[str, str], use: Use = Use.SERVE) -> Settings:
    """Settings from an environment; blank values count as not set.

    Raises `SettingsError` with one line for each wrong or missing setting.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    given = {name for name, value in environ.items() if value.strip()}
    for one in fields(Settings):
        setting: _Setting = one.metadata["setting"]
        if setting.name not in given:
            continue
        try:
            values[one.name] = setting.read(environ[setting.name].strip())
        except _Wrong as wrong:
            problems.append(f"{setting.name} {wrong}")
        except OSError:
            problems.append(f"{setting.name} names something that cannot be read")
    problems += _missing(values, given, use)
    if problems:
        raise SettingsError(tuple(problems))
    return Settings(**_with_cloud(values))


def _with_cloud(values: dict[str, Any]) -> dict[str, Any]:
    cloud = CLOUDS[values.get("cloud", "public")]
    for one in fields(cloud):
        default = getattr(cloud, one.name)
        if isinstance(default, tuple):
            default = tuple(Host(pattern) for pattern in default)
        values.setdefault(one.name, default)
    return values


def _missing(values: Mapping[str, Any], given: set[str], use: Use) -> Iterator[str]:
    """What the table asks for. An application of its own for Graph makes the bot's registration needless there."""
    registered = use is Use.SERVE or (use is Use.GRAPH and "PHOTOSYNC_GRAPH_CLIENT_ID" not in given)
    for one in fields(Settings):
        setting: _Setting = one.metadata["setting"]
        name = setting.name
        if use in setting.required and name not in given and (registered or use is Use.PACKAGE):
            yield f"{name} is missing: {setting.meaning}"
        if use in (Use.PACKAGE, Use.STORE) or (name.startswith("Microsoft") and not registered):
            continue
        value = str(values.get(one.name, one.default))
        for need in setting.needs.get(value, setting.needs.get("*", ()) if name in given else ()):
            names = need.split("|")
            if given.isdisjoint(names):
                because = name if "*" in setting.needs else f"{name} {value}"
                yield f"{names[0]} is missing: {because} needs it" + "".join(f", or {other}" for other in names[1:])
        if setting.excludes in given and name in given:
            yield f"{name} is set beside {setting.excludes}: choose one"
