"""Settings: read once, checked together, and no secret in sight."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot import __main__ as command_line
from bot.__main__ import COMMANDS
from bot.errors import SettingsError
from bot.settings import Host, Secret, Use, read
from tools import readme

ID = "11111111-2222-3333-4444-555555555555"
GOOD = {"MicrosoftAppId": ID, "MicrosoftAppPassword": "s3cret", "MicrosoftAppTenantId": ID}

WRONG = [
    ("nothing at all", {}, ["MicrosoftAppId", "MicrosoftAppTenantId", "MicrosoftAppPassword"]),
    ("blank counts as not set", GOOD | {"MicrosoftAppId": "  "}, ["MicrosoftAppId"]),
    ("several at once", GOOD | {"PHOTOSYNC_PORT": "x", "PHOTOSYNC_CLOUD": "moon", "PHOTOSYNC_LOG_LEVEL": "loud"}, ["PHOTOSYNC_PORT", "PHOTOSYNC_CLOUD", "PHOTOSYNC_LOG_LEVEL"]),
    ("a port too high", GOOD | {"PHOTOSYNC_PORT": "65536"}, ["PHOTOSYNC_PORT"]),
    ("a domain as tenant", GOOD | {"MicrosoftAppTenantId": "contoso.com"}, ["MicrosoftAppTenantId"]),
    ("http to Graph", GOOD | {"PHOTOSYNC_GRAPH_URL": "http://graph.example"}, ["PHOTOSYNC_GRAPH_URL"]),
    ("a user in an address", GOOD | {"PHOTOSYNC_LOGIN_URL": "https://a@b.example"}, ["PHOTOSYNC_LOGIN_URL"]),
    ("a wildcard over everything", GOOD | {"PHOTOSYNC_SERVICE_HOSTS": "*"}, ["PHOTOSYNC_SERVICE_HOSTS"]),
    ("a wildcard over a top domain", GOOD | {"PHOTOSYNC_DOWNLOAD_HOSTS": "*.com"}, ["PHOTOSYNC_DOWNLOAD_HOSTS"]),
    ("no certificate there", GOOD | {"MicrosoftAppPassword": "", "MicrosoftAppCertificate": "/nowhere.pem"}, ["MicrosoftAppCertificate"]),
    ("a password and a certificate", GOOD | {"MicrosoftAppCertificate": __file__}, ["MicrosoftAppCertificate"]),
    ("an unknown ticket system", GOOD | {"PHOTOSYNC_TICKET_SYSTEM": "pigeon"}, ["PHOTOSYNC_TICKET_SYSTEM"]),
    ("a webhook without address", GOOD | {"PHOTOSYNC_TICKET_SYSTEM": "webhook"}, ["PHOTOSYNC_TICKET_URL", "PHOTOSYNC_TICKET_SECRET"]),
    ("a webhook secret that cannot sign", GOOD | {"PHOTOSYNC_TICKET_SYSTEM": "webhook", "PHOTOSYNC_TICKET_URL": "https://h.example", "PHOTOSYNC_TICKET_SECRET": "whsec_ü"}, ["PHOTOSYNC_TICKET_SECRET"]),
    ("half a Graph application", GOOD | {"PHOTOSYNC_GRAPH_CLIENT_ID": ID}, ["PHOTOSYNC_GRAPH_CLIENT_SECRET"]),
]  # fmt: skip


@pytest.mark.parametrize(("environ", "names"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_every_wrong_setting_is_named_at_once_and_no_value_is(environ: dict[str, str], names: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        read(environ)
    assert [problem.split()[0] for problem in refused.value.problems] == names
    assert "s3cret" not in str(refused.value)


def test_a_complete_registration_is_enough() -> None:
    settings = read(GOOD)
    assert (settings.host, settings.port, settings.app_type) == ("127.0.0.1", 3978, "SingleTenant")
    assert settings.graph_url == "https://graph.microsoft.com"


def test_a_managed_identity_needs_no_password() -> None:
    assert (
        read({**GOOD, "MicrosoftAppPassword": "", "MicrosoftAppType": "UserAssignedMSI"}).app_type == "UserAssignedMSI"
    )


@pytest.mark.parametrize(
    ("cloud", "graph"),
    [("gcc-high", "https://graph.microsoft.us"), ("dod", "https://dod-graph.microsoft.us"), ("china", "https://microsoftgraph.chinacloudapi.cn")],
)  # fmt: skip
def test_a_cloud_sets_its_addresses(cloud: str, graph: str) -> None:
    settings = read(GOOD | {"PHOTOSYNC_CLOUD": cloud})
    assert settings.graph_url == graph
    assert settings.login_url != read(GOOD).login_url


def test_secrets_hide_when_settings_are_printed() -> None:
    assert "s3cret" not in repr(read(GOOD))


HOSTS = [
    ("smba.trafficmanager.net", "https://smba.trafficmanager.net/emea/", True),
    ("smba.trafficmanager.net", "https://SMBA.trafficmanager.net:443/emea/", True),
    ("smba.trafficmanager.net", "http://smba.trafficmanager.net/", False),
    ("smba.trafficmanager.net", "https://evil.trafficmanager.net/", False),
    ("smba.trafficmanager.net", "https://smba.trafficmanager.net.evil.com/", False),
    ("smba.trafficmanager.net", "https://smba.trafficmanager.net@evil.com/", False),
    ("smba.trafficmanager.net", "https://user@smba.trafficmanager.net/", False),
    ("smba.trafficmanager.net", "https://smba.trafficmanager.net:8443/", False),
    ("smba.trafficmanager.net", "https://evil.com\\@smba.trafficmanager.net/", False),
    ("smba.trafficmanager.net", "https://169.254.169.254/", False),
    ("smba.trafficmanager.net", "https://[::1", False),
    ("smba.trafficmanager.net", "https://smba.trafficmanager.net:x/", False),
    ("smba.trafficmanager.net", "", False),
    ("*.sharepoint.com", "https://contoso-my.sharepoint.com/x", True),
    ("*.sharepoint.com", "https://sharepoint.com/x", False),
    ("*.sharepoint.com", "https://evilsharepoint.com/x", False),
    ("localhost:8443", "https://localhost:8443/x", True),
    ("localhost:8443", "https://localhost/x", False),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "url", "fits"), HOSTS)
def test_only_listed_hosts_may_be_called(pattern: str, url: str, fits: bool) -> None:
    assert Host(pattern).matches(url) is fits


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(command_line.__file__).parent.parent)}
    return subprocess.run([sys.executable, "-m", "bot", *arguments], capture_output=True, text=True, env=clean, cwd=cwd, timeout=60, check=False)  # fmt: skip


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["check", "--help"], ["demo", "--help"]])
def test_help_is_everywhere(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: photosync" in done.stdout


@pytest.mark.parametrize(
    "arguments", [[], ["dance"], ["check"], ["serve", "extra"], ["demo", "--port", "x"], ["demo", "--port", "99999"]]
)
def test_a_wrong_command_line_is_told_and_ends_with_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "photosync" in done.stderr


def test_serve_without_settings_names_them_all_and_ends_with_2(tmp_path: Path) -> None:
    done = run("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert all(name in done.stderr for name in ("MicrosoftAppId", "MicrosoftAppTenantId", "MicrosoftAppPassword"))
    assert "Traceback" not in done.stderr


def test_a_dot_env_file_counts(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MicrosoftAppId=" + ID + "\nPHOTOSYNC_PORT=banana\n")
    done = run("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert "MicrosoftAppId " not in done.stderr
    assert "PHOTOSYNC_PORT" in done.stderr
    assert "banana" not in done.stderr


def test_the_settings_table_of_the_readme_is_up_to_date() -> None:
    text = readme.README.read_text(encoding="utf-8")
    assert readme.rendered(text) == text, "make readme"


PRINTED = [
    ("str", str),
    ("repr", repr),
    ("an f-string", lambda secret: f"{secret}"),
    ("an f-string with a width", lambda secret: f"{secret:>40}"),
    ("%s", lambda secret: "%s" % secret),  # noqa: UP031 - as logging does it
    ("%r", lambda secret: "%r" % secret),  # noqa: UP031
    ("in a list", lambda secret: str([secret])),
    ("in an exception", lambda secret: str(ValueError(secret))),
    ("in settings", lambda secret: str(read(GOOD | {"MicrosoftAppPassword": secret.reveal()}))),
]


@pytest.mark.parametrize("printed", [row[1] for row in PRINTED], ids=[row[0] for row in PRINTED])
def test_a_secret_is_never_printed(printed: Callable[[Secret], str]) -> None:
    assert "canary" not in printed(Secret("canary-1"))


@pytest.mark.parametrize("written", [json.dumps, orjson.dumps, "".join], ids=["json", "orjson", "join"])
def test_a_secret_is_refused_where_text_is_written(written: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        written([Secret("canary-1")])


def test_a_secret_is_given_on_request_only() -> None:
    settings = read(GOOD | {"PHOTOSYNC_DATABASE_URL": "postgresql://bot:canary-2@db/photosync"})
    assert settings.database_url.reveal().startswith("postgresql://bot:canary-2")
    assert "canary-2" not in repr(settings)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_help_which_needs_no_settings(name: str, tmp_path: Path) -> None:
    done = run(name, "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: photosync {name}" in done.stdout


NEEDED = [
    ("the app package needs the id alone", Use.PACKAGE, {"MicrosoftAppId": ID}, []),
    ("the app package without it", Use.PACKAGE, {}, ["MicrosoftAppId"]),
    ("the database needs no registration", Use.STORE, {}, []),
    ("Graph by the bot's registration", Use.GRAPH, GOOD, []),
    ("Graph without any", Use.GRAPH, {}, ["MicrosoftAppId", "MicrosoftAppTenantId", "MicrosoftAppPassword"]),
    ("Graph by an application of its own", Use.GRAPH, {"PHOTOSYNC_GRAPH_CLIENT_ID": ID, "PHOTOSYNC_GRAPH_CLIENT_SECRET": "x", "PHOTOSYNC_GRAPH_TENANT_ID": ID}, []),
    ("a secret without its application", Use.SERVE, GOOD | {"PHOTOSYNC_GRAPH_CLIENT_SECRET": "x"}, ["PHOTOSYNC_GRAPH_CLIENT_ID"]),
    ("an application without its tenant", Use.GRAPH, {"PHOTOSYNC_GRAPH_CLIENT_ID": ID, "PHOTOSYNC_GRAPH_CLIENT_SECRET": "x"}, ["PHOTOSYNC_GRAPH_TENANT_ID"]),
    ("the bot with both", Use.SERVE, GOOD | {"PHOTOSYNC_GRAPH_CLIENT_ID": ID, "PHOTOSYNC_GRAPH_CLIENT_SECRET": "x"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("use", "environ", "names"), [row[1:] for row in NEEDED], ids=[row[0] for row in NEEDED])
def test_each_use_asks_for_what_it_needs_and_no_more(use: Use, environ: dict[str, str], names: list[str]) -> None:
    try:
        read(environ, use)
        missing = []
    except SettingsError as error:
        missing = [problem.split()[0] for problem in error.problems]
    assert missing == names
