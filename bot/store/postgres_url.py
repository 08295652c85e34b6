"""`postgresql://user:password@host:port,host:port/database?name=value`, read before the driver sees it.

The driver passes a parameter that it does not know on to the server, which refuses the connection; and of a password
with a `/` in it, it would print the beginning. So the address is checked here: what is wrong is named, never a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from bot.errors import StoreUnusable

_NAME = "PHOTOSYNC_DATABASE_URL"
# What asyncpg reads itself ...
_DRIVERS = set(
    re.findall(
        r"\w+",
        "host port user password dbname database passfile sslmode sslcert sslkey sslrootcert sslcrl sslpassword "
        "ssl_min_protocol_version ssl_max_protocol_version sslnegotiation target_session_attrs krbsrvname gsslib",
    )
)
# ... settings of the server that make sense for one program ...
_SERVERS = set(
    re.findall(
        r"\w+",
        "application_name options search_path statement_timeout lock_timeout idle_in_transaction_session_timeout "
        "idle_session_timeout timezone role work_mem synchronous_commit",
    )
)
# ... and other programs' ways to say that a pooler answers.
_POOLERS = {"pgbouncer", "statement_cache_size"}
_ENCODE = (
    f"{_NAME}: percent-encode user and password, all but letters and digits: "
    "/ as %2F, # as %23, @ as %40, ? as %3F, % as %25"
)


@dataclass(frozen=True)
class Target:
    """Where to connect. `dsn` holds the password: it is not printed."""

    dsn: str
    several: bool  # hosts
    chosen: bool  # which of them, by the address itself
    pooler: bool  # the address says that a pooler answers

    def __repr__(self) -> str:
        return "Target()"

    def options(self, *, pooled: bool) -> dict[str, Any]:
        """For `asyncpg.connect`. Behind a pooler no statement has a name."""
        named: dict[str, Any] = {"dsn": self.dsn}
        if pooled or self.pooler:
            named["statement_cache_size"] = 0
        if self.several and not self.chosen:
            named["target_session_attrs"] = "read-write"  # the others are standbys
        return named


def read_url(url: str) -> Target:
    """Raises `StoreUnusable`: what is wrong with the address, without any of its values."""
    scheme, _, rest = url.partition("://")
    place, question, query = rest.partition("?")
    authority, slash, path = place.partition("/")
    credentials, _, hosts = authority.rpartition("@")
    if scheme not in ("postgresql", "postgres"):
        raise StoreUnusable(f"{_NAME}: begins with sqlite:/// or postgresql://")
    if "#" in url or "@" in path or "@" in credentials or "/" in path or "@" in query or not _is_encoded(credentials):
        raise StoreUnusable(_ENCODE)
    for host in hosts.split(","):
        found = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(:(?P<port>[0-9]{1,5}))?", unquote(host))
        if not found and "%2F" not in host.upper():
            raise StoreUnusable(f"{_ENCODE}; or the port is not a number")
        if found and not 0 < int(found["port"] or 5432) <= 65535:
            raise StoreUnusable(f"{_NAME}: the port is not from 1 to 65535")
    given = parse_qsl(query, keep_blank_values=True)
    unknown = sorted({name for name, _ in given} - _DRIVERS - _SERVERS - _POOLERS)
    if unknown:
        raise StoreUnusable(f"{_NAME}: unknown parameter {', '.join(unknown)}: take it out")
    kept = urlencode([(name, value) for name, value in given if name not in _POOLERS])
    pooler = any(_says_pooler(name, value) for name, value in given)
    dsn = f"postgresql://{authority}{slash}{path}" + (f"{question}{kept}" if kept else "")
    return Target(dsn, "," in hosts, any(name == "target_session_attrs" for name, _ in given), pooler)


def _is_encoded(credentials: str) -> bool:
    user, _, password = credentials.partition(":")
    return not re.search(r"%(?![0-9A-Fa-f]{2})|\s", credentials) and bool(user or not password)


def _says_pooler(name: str, value: str) -> bool:
    if name == "pgbouncer":
        return value.lower() in ("true", "1", "yes", "on")
    return name == "statement_cache_size" and value == "0"
