"""The values of settings: how each kind is read from text, and what is refused.

A reader returns the value or raises `Wrong` with what it must be, never with the value itself, which may be a secret in
the wrong place.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from yarl import URL

from bot import certificate

_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:(?P<port>[0-9]{1,5}))?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NO_TENANT = ("common", "organizations", "consumers")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 3650 * 86400.0  # seconds
SYSTEM_IDENTITY = "system"


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


class Wrong(Exception):
    """What a value must be, to stand behind the setting's name."""


def text(value: str) -> str:
    return value


def guid(value: str) -> str:
    """The id of an application or a tenant."""
    found = value.lower()
    if not _GUID.fullmatch(found):
        bare = re.sub("[^0-9a-f]", "", found)
        if len(bare) == 32 and not re.search("[g-z]", found):
            raise Wrong("must be an id without quotes or braces, with its four hyphens")
        raise Wrong("must be an id like 1f0c2d7e-0000-4000-8000-5b3a9c6d7e8f, not a name or an address")
    if not found.strip("0-"):
        raise Wrong("must be the id itself: it is all zeros, as in an example")
    return found


def identity(value: str) -> str:
    """A managed identity: its client id, or `SYSTEM_IDENTITY` for the one that the machine has by itself."""
    return SYSTEM_IDENTITY if value.lower() == SYSTEM_IDENTITY else guid(value)


def vault_secret(value: str) -> str:
    """The address of a secret in Key Vault, without a version."""
    found = https(value)
    if not re.fullmatch(r"https://[^/?#]+/secrets/[A-Za-z0-9-]+", found):
        raise Wrong("must be like https://contoso.vault.azure.net/secrets/photosync, without a version")
    return found


def guids(value: str) -> tuple[str, ...]:
    """Separated by commas, in small letters."""
    return tuple(guid(one.strip()).lower() for one in value.split(",") if one.strip())


def tenant(value: str) -> str:
    """The id of one tenant."""
    if value.lower() in _NO_TENANT:
        raise Wrong("must be the id of the bot's one tenant: common, organizations and consumers stand for any")
    if "." in value:  # a domain would refuse every message as foreign: messages carry the id
        raise Wrong("must be the tenant's id, which the overview page of Entra ID shows, not a domain")
    return guid(value)


def client_secret(value: str) -> Secret:
    """The value of a client secret."""
    if _GUID.fullmatch(value.lower()):
        raise Wrong("must be the value of the client secret: this is the form of its id")
    return Secret(value)


def whole(value: str, least: int, most: int) -> int:
    """A number in decimal digits."""
    if not value.isascii() or not value.isdecimal() or len(value) > 9 or not least <= int(value) <= most:
        raise Wrong(f"must be a whole number from {least} to {most}")
    return int(value)


def port(value: str) -> int:
    """A port to listen on."""
    try:
        return whole(value, 0, 65535)
    except Wrong:
        raise Wrong("must be a port number from 0 (any free one) to 65535") from None


def listening_host(value: str) -> str:
    """An address of this machine, or its name."""
    with suppress(ValueError):
        return str(ipaddress.ip_address(value.strip("[]")))
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", value):
        raise Wrong("must be an address of this machine such as 127.0.0.1 or 0.0.0.0, without scheme and port")
    return value


def _split(value: str) -> SplitResult:
    """The parts of an address. Raises ValueError, also for a port that nothing can be sent to."""
    parts = urlsplit(value)
    if parts.port == 0:
        raise ValueError("port 0")
    return parts


def proxy(value: str) -> str:
    try:
        parts = _split(value)
        there = parts.scheme == "http" and bool(parts.hostname)
    except ValueError:
        there = False
    if not there:
        raise Wrong("must be like http://proxy.contoso.com:8080: no other kind of proxy can be used")
    return value


def https(value: str) -> str:
    try:
        parts = _split(value)
    except ValueError:
        raise Wrong("must be an https address") from None
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return value.rstrip("/")
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise Wrong("must be an https address")
    return value.rstrip("/")


def collector(value: str) -> str:
    """An http or https address; what speaks OTLP often stands beside the program, without TLS."""
    try:
        https(value if not value.startswith("http://") else f"https{value.removeprefix('http')}")
    except Wrong:
        raise Wrong("must be an http or https address without a user") from None
    return value.rstrip("/")


def header_pairs(value: str) -> Secret:
    """Checked; `pairs` reads them."""
    if not all(name and sign for name, sign, _ in _parts(value)):
        raise Wrong("must be name=value pairs, separated by commas")
    return Secret(value)


def pairs(text: Secret) -> dict[str, str]:
    """`name=value` pairs, percent-encoded, as the OpenTelemetry specification has them."""
    return {name.lower(): unquote(value) for name, _, value in _parts(text.reveal())}


def _parts(value: str) -> list[tuple[str, str, str]]:
    found = (one.partition("=") for one in value.split(",") if one.strip())
    return [(name.strip(), sign, rest.strip()) for name, sign, rest in found]


def origin(value: str) -> str:
    """An https address with nothing behind the host, as browsers write it; http on this machine."""
    found = https(value)
    parts = urlsplit(found)
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise Wrong("must be an https address without a path, such as https://photosync.contoso.com")
    return str(URL(found).origin())


def issuer(value: str) -> str:
    if not value.startswith("https://"):
        raise Wrong("must be an https address")
    return value


def _is_host(text: str) -> bool:
    """Whether it is a host, or all below one, with a port that there can be."""
    found = _HOST.fullmatch(text)
    return found is not None and 0 < int(found["port"] or 443) <= 65535


def host_name(value: str) -> str:
    value = value.lower()
    if not _is_host(value) or value.startswith("*."):
        raise Wrong("must be a host name such as contoso-my.sharepoint.com")
    return value


def hosts(value: str) -> tuple[Host, ...]:
    found = tuple(Host(part.strip().lower()) for part in value.split(",") if part.strip())
    for host in found:
        if not _is_host(host.pattern) or (host.pattern.startswith("*.") and host.pattern.count(".") < 2):
            raise Wrong("must be hosts separated by commas, each like name.example.com, *.example.com or name:8443")
    if not found:
        raise Wrong("must name at least one host")
    return found


def signing_secret(value: str) -> Secret:
    try:
        key = base64.b64decode(value.removeprefix("whsec_") + "==", validate=False)
    except ValueError:
        key = b""
    if not key:
        raise Wrong("must be a Standard Webhooks secret: whsec_ and base64")
    return Secret(value)


def ticket_address(value: str) -> str:
    """An https address, or a mail server's: `smtp://` or `smtps://`."""
    try:
        parts = _split(value)
    except ValueError:
        raise Wrong("must be an https, smtp or smtps address") from None
    if parts.scheme not in ("smtp", "smtps"):
        return https(value)
    if not parts.hostname or parts.username is not None or parts.path.strip("/"):
        raise Wrong("must be like smtp://mail.contoso.com:587 or smtps://mail.contoso.com")
    return value.rstrip("/")


def json_object(value: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Wrong('must be a JSON object such as {"Queue": "Helpdesk"}')
    return found


def states(value: str) -> dict[str, str]:
    """A JSON object: a ticket system's own states, in lower case, and what each means; "" for no news."""
    found = json_object(value)
    known = ("working", "waiting", "solved", "closed", "")
    if not all(isinstance(meaning, str) and meaning in known for meaning in found.values()):
        raise Wrong("must lead from the system's states to working, waiting, solved, closed or an empty text")
    return {name.strip().lower(): str(meaning) for name, meaning in found.items()}


def language(value: str) -> str:
    """The tag of a language, as its file in `locales/` is called."""
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", value):
        raise Wrong("must be the tag of a language, such as en or pt-BR")
    return value


def yes_or_no(value: str) -> bool:
    return choice("yes", "no")(value) == "yes"


def duration(value: str) -> float:
    """Seconds."""
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", value.strip())
    seconds = float(int(match[1]) * _UNITS[match[2]]) if match else 0.0
    if not 0 < seconds <= _LONGEST:
        raise Wrong("must be a time such as 30s, 15m, 6h or 90d, at most 3650d")
    return seconds


def durations(value: str) -> tuple[float, ...]:
    found = tuple(duration(part) for part in value.split(","))
    if list(found) != sorted(set(found)):
        raise Wrong("must be times that grow, such as 2m,15m,1h")
    return found


def database(value: str) -> Secret:
    # It may hold a password: a secret like the others.
    if not re.fullmatch(r"sqlite:///(?!.*:memory:).+|postgres(ql)?://[^/]+/.+", value):
        raise Wrong("must be like sqlite:///photosync.db or postgresql://user:password@host/name")
    return Secret(value)


def choice(*allowed: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        for choice in allowed:
            if value.lower() == choice.lower():
                return choice
        raise Wrong("must be one of " + ", ".join(allowed))

    return read


def color(value: str) -> str:
    """As the web writes it."""
    if not re.fullmatch("#[0-9A-Fa-f]{6}", value):
        raise Wrong("must be a colour like #4B53BC")
    return value


def one_line(value: str) -> str:
    """A text that people read in a list."""
    if not value.isprintable() or "{{" in value:
        raise Wrong("must be one line of text")
    return value


def count(value: str) -> int:
    """How many of something."""
    return whole(value, 0, 1_000_000)


def at_least_one(value: str) -> int:
    """How many of something, without which nothing would go."""
    return whole(value, 1, 1_000_000)


def file(value: str) -> Path:
    """A file that can be read now."""
    path = Path(value)
    if not path.is_file() or not os.access(path, os.R_OK):
        raise Wrong("must be a file that can be read")
    return path


def new_file(value: str) -> Path:
    """The path of a file that need not be there yet, in a folder that is."""
    path = Path(value)
    if path.is_dir() or not path.parent.is_dir():
        raise Wrong("must be a file in a folder that is there")
    return path


def check_certificate(path: Path, password: Secret) -> None:
    """Raises `Wrong` for a file that has no private key with its certificate."""
    try:
        certificate.read(path.read_bytes(), password.reveal())
    except certificate.NotUsable as error:
        raise Wrong(f"must be a PEM or PFX file with a private key and its certificate: {error}") from None


def authorities(value: str) -> Path:
    path = file(value)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=str(path))
    except ssl.SSLError:
        raise Wrong("must be a PEM file with certificates of authorities") from None
    return path


def folder(value: str) -> Path:
    path = Path(value)
    if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
        raise Wrong("must be a folder that can be read")
    return path
