"""Settings: read once, checked together, and no secret in sight."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

from bot import __main__ as command_line
from bot import certificate
from bot.__main__ import COMMANDS
from bot.errors import SettingsError
from bot.setting_values import Host, Secret
from bot.settings import Use, misspelt, read, table
from tests.command import command
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
    ("a password and a file that is no certificate", GOOD | {"MicrosoftAppCertificate": __file__}, ["MicrosoftAppCertificate", "MicrosoftAppCertificate"]),
    ("an unknown ticket system", GOOD | {"PHOTOSYNC_TICKET_SYSTEM": "pigeon"}, ["PHOTOSYNC_TICKET_SYSTEM"]),
    ("a webhook without address", GOOD | {"PHOTOSYNC_TICKET_SYSTEM": "webhook"}, ["PHOTOSYNC_TICKET_URL", "PHOTOSYNC_TICKET_SECRET"]),
    ("a webhook secret that cannot sign", GOOD | {"PHOTOSYNC_TICKET_SYSTEM": "webhook", "PHOTOSYNC_TICKET_URL": "https://h.example", "PHOTOSYNC_TICKET_SECRET": "whsec_ü"}, ["PHOTOSYNC_TICKET_SECRET"]),
    ("a ticket system without what it needs", GOOD | {"PHOTOSYNC_TICKET_SYSTEM": "rt", "PHOTOSYNC_TICKET_FIELDS": "{}"}, ["PHOTOSYNC_TICKET_FIELDS", "PHOTOSYNC_TICKET_URL", "PHOTOSYNC_TICKET_SECRET"]),
    ("mail to a web address", GOOD | {"PHOTOSYNC_TICKET_SYSTEM": "mail", "PHOTOSYNC_TICKET_URL": "https://h.example", "PHOTOSYNC_TICKET_FIELDS": '{"from": "a@b.c", "to": "d@e.f"}'}, ["PHOTOSYNC_TICKET_URL"]),
    ("fields that are no object", GOOD | {"PHOTOSYNC_TICKET_FIELDS": "[1]"}, ["PHOTOSYNC_TICKET_FIELDS"]),
    ("a state that is none of ours", GOOD | {"PHOTOSYNC_TICKET_STATES": '{"open": "fixed"}'}, ["PHOTOSYNC_TICKET_STATES"]),
    ("a language that is none", GOOD | {"PHOTOSYNC_TICKET_LANGUAGE": "English please"}, ["PHOTOSYNC_TICKET_LANGUAGE"]),
    ("the tenant of nobody", GOOD | {"MicrosoftAppTenantId": "common"}, ["MicrosoftAppTenantId"]),
    ("any organisation's tenant", GOOD | {"MicrosoftAppTenantId": "Organizations"}, ["MicrosoftAppTenantId"]),
    ("the consumers' tenant for Graph", GOOD | {"PHOTOSYNC_GRAPH_TENANT_ID": "consumers"}, ["PHOTOSYNC_GRAPH_TENANT_ID"]),
    ("a name in place of an id", GOOD | {"MicrosoftAppId": "photosync-bot"}, ["MicrosoftAppId"]),
    ("an id in braces", GOOD | {"MicrosoftAppId": "{" + ID + "}"}, ["MicrosoftAppId"]),
    ("an id in quotes, as docker passes it on", GOOD | {"MicrosoftAppId": f'"{ID}"'}, ["MicrosoftAppId"]),
    ("an id without its hyphens", GOOD | {"MicrosoftAppId": ID.replace("-", "")}, ["MicrosoftAppId"]),
    ("an id that lost a digit", GOOD | {"MicrosoftAppId": ID[:-1]}, ["MicrosoftAppId"]),
    ("the zeros of an example", GOOD | {"MicrosoftAppId": "00000000-0000-0000-0000-000000000000"}, ["MicrosoftAppId"]),
    ("an address of the portal", GOOD | {"MicrosoftAppTenantId": f"https://login.microsoftonline.com/{ID}"}, ["MicrosoftAppTenantId"]),
    ("the id of a secret in its value's place", GOOD | {"MicrosoftAppPassword": ID}, ["MicrosoftAppPassword"]),
    ("an address to listen on with a scheme", GOOD | {"PHOTOSYNC_HOST": "http://0.0.0.0"}, ["PHOTOSYNC_HOST"]),
    ("an address to listen on with a port", GOOD | {"PHOTOSYNC_HOST": "0.0.0.0:80"}, ["PHOTOSYNC_HOST"]),
    ("a port of five thousand digits", GOOD | {"PHOTOSYNC_PORT": "9" * 5000}, ["PHOTOSYNC_PORT"]),
    ("a port in Arabic digits", GOOD | {"PHOTOSYNC_PORT": "٣٩٧٨"}, ["PHOTOSYNC_PORT"]),
    ("turns beyond number", GOOD | {"PHOTOSYNC_TURNS_AT_ONCE": "9" * 5000}, ["PHOTOSYNC_TURNS_AT_ONCE"]),
    ("no turn at all", GOOD | {"PHOTOSYNC_TURNS_AT_ONCE": "0"}, ["PHOTOSYNC_TURNS_AT_ONCE"]),
    ("hosts with ports that there are not", GOOD | {"PHOTOSYNC_SERVICE_HOSTS": "smba.trafficmanager.net:99999", "PHOTOSYNC_DOWNLOAD_HOSTS": "contoso.sharepoint.com:0"}, ["PHOTOSYNC_SERVICE_HOSTS", "PHOTOSYNC_DOWNLOAD_HOSTS"]),
    ("addresses with the port of nobody", GOOD | {"PHOTOSYNC_GRAPH_URL": "https://graph.microsoft.com:0", "HTTPS_PROXY": "http://proxy.contoso.com:0"}, ["PHOTOSYNC_GRAPH_URL", "HTTPS_PROXY"]),
    ("a retention longer than the calendar", GOOD | {"PHOTOSYNC_RETENTION": "999999d"}, ["PHOTOSYNC_RETENTION"]),
    ("follow-ups that go back", GOOD | {"PHOTOSYNC_FOLLOW_UPS": "1h,2m"}, ["PHOTOSYNC_FOLLOW_UPS"]),
    ("a path with a zero byte", GOOD | {"PHOTOSYNC_LOCALES_DIR": "lo\0cales"}, ["PHOTOSYNC_LOCALES_DIR"]),
    ("a proxy that is spoken to by TLS", GOOD | {"HTTPS_PROXY": "https://proxy.contoso.com:8080"}, ["HTTPS_PROXY"]),
    ("a proxy without a scheme", GOOD | {"https_proxy": "proxy.contoso.com:8080"}, ["https_proxy"]),
    ("a SOCKS proxy", GOOD | {"HTTP_PROXY": "socks5://127.0.0.1:1080"}, ["HTTP_PROXY"]),
    ("a proxy with a port that is none", GOOD | {"HTTPS_PROXY": "http://proxy:x"}, ["HTTPS_PROXY"]),
    ("one port for both", GOOD | {"PHOTOSYNC_PORT": "80", "PHOTOSYNC_OPERATOR_PORT": "80"}, ["PHOTOSYNC_OPERATOR_PORT"]),
    ("the usual port for operators", GOOD | {"PHOTOSYNC_OPERATOR_PORT": "3978"}, ["PHOTOSYNC_OPERATOR_PORT"]),
    ("a page without TLS", GOOD | {"PHOTOSYNC_PAGE_URL": "http://photosync.contoso.com"}, ["PHOTOSYNC_PAGE_URL"]),
    ("a page below a path", GOOD | {"PHOTOSYNC_PAGE_URL": "https://contoso.com/photosync"}, ["PHOTOSYNC_PAGE_URL"]),
    ("names on a page that is not there", GOOD | {"PHOTOSYNC_PAGE_PEOPLE": "yes"}, ["PHOTOSYNC_PAGE_URL"]),
    ("half a Graph application", GOOD | {"PHOTOSYNC_GRAPH_CLIENT_ID": ID}, ["PHOTOSYNC_GRAPH_CLIENT_SECRET"]),
]  # fmt: skip


@pytest.mark.parametrize(("environ", "names"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_every_wrong_setting_is_named_at_once_and_no_value_is(environ: dict[str, str], names: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        read(environ)
    assert [problem.split()[0] for problem in refused.value.problems] == names
    assert "s3cret" not in str(refused.value)


PAGES = [("https://Bot.Contoso.com/", "https://bot.contoso.com"), ("https://bot.contoso.com:443", "https://bot.contoso.com"), ("https://bücher.example:8443", "https://xn--bcher-kva.example:8443"), ("http://127.0.0.1:3978", "http://127.0.0.1:3978")]  # fmt: skip


@pytest.mark.parametrize(("given", "browsers"), PAGES)
def test_the_address_of_pages_is_the_one_that_browsers_say_a_form_comes_from(given: str, browsers: str) -> None:
    assert read(GOOD | {"PHOTOSYNC_PAGE_URL": given}).page_url == browsers


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
    ("smba.trafficmanager.net", "https://evil.smba.trafficmanager.net/", False),
    ("localhost:8443", "https://evil.localhost:8443/", False),
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
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=clean, cwd=cwd, timeout=60, check=False)  # fmt: skip


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


NAMES = [
    ("letters swapped", "PHOTOSYNC_PROT", "did you mean PHOTOSYNC_PORT?"),
    ("another case", "photosync_port", "did you mean PHOTOSYNC_PORT?"),
    ("all capitals", "MICROSOFTAPPID", "did you mean MicrosoftAppId?"),
    ("underscores", "Microsoft_App_Tenant_Id", "did you mean MicrosoftAppTenantId?"),
    ("a letter short", "MicrosoftAppTenantID", "did you mean MicrosoftAppTenantId?"),
    ("the product misspelt", "PHOTSYNC_DATABASE_URL", "did you mean PHOTOSYNC_DATABASE_URL?"),
    ("the product in two words", "PHOTO_SYNC_LOG_LEVEL", "did you mean PHOTOSYNC_LOG_LEVEL?"),
    ("a hyphen", "PHOTOSYNC-LOG_LEVEL", "did you mean PHOTOSYNC_LOG_LEVEL?"),
    ("nothing like it", "PHOTOSYNC_COLOUR_OF_THE_BUTTONS", "is no setting and is not used"),
]


@pytest.mark.parametrize(("name", "words"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_a_name_that_is_only_nearly_a_setting_is_named_with_the_nearest(name: str, words: str) -> None:
    (line,) = misspelt(GOOD | {name: "canary"})
    assert line.startswith(f"{name} ")
    assert words in line
    assert "canary" not in line
    with pytest.raises(SettingsError) as refused:
        read({name: "canary"})
    assert line in refused.value.problems


@pytest.mark.parametrize("name", [setting.name for setting in table()] + ["PATH", "HOME", "SSL_CERT_DIR", "PHOTOS", "MICROSOFT_EDGE", "HTTP_PROXY", "DATABASE_URL"])  # fmt: skip
def test_names_of_others_and_of_settings_are_nobodys_mistake(name: str) -> None:
    assert misspelt({name: "x"}) == ()


FILES: list[tuple[str, bytes, str]] = [
    ("UTF-16 with its mark", "MicrosoftAppId=x".encode("utf-16"), "is UTF-16: save it as UTF-8"),
    ("UTF-16 without its mark", "MicrosoftAppId=x".encode("utf-16-le"), "save it as UTF-8"),
    ("UTF-32", "MicrosoftAppId=x".encode("utf-32"), "is UTF-32: save it as UTF-8"),
    ("Windows-1252", b"A=1\nMicrosoftAppPassword=canary-M\xfcller\n", ":2: is not UTF-8"),
    ("a cut letter", "A=ü".encode()[:-1], ":1: is not UTF-8"),
    ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "save it as UTF-8"),
    ("endless", b"A=1\n" * 400_000, "is larger than"),
]


@pytest.mark.parametrize(("content", "words"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
@pytest.mark.parametrize("named", [False, True])
def test_a_file_of_settings_that_cannot_be_read_is_one_line(
    content: bytes, words: str, named: bool, tmp_path: Path
) -> None:
    file = tmp_path / ("bot.env" if named else ".env")
    file.write_bytes(content)
    done = run("serve", *(["--env-file", str(file)] if named else []), cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"photosync: {file}")
    assert words in line
    assert "canary" not in done.stderr


def test_a_folder_a_missing_file_and_an_unreadable_one_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    folder = run("serve", cwd=tmp_path)
    missing = run("work", "list", "--env-file", "none.env", cwd=tmp_path)
    for done, words in ((folder, "is a folder"), (missing, "none.env is not there")):
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert words in done.stderr


@pytest.mark.parametrize("arguments", [["--env-file", "bot.env", "serve"], ["serve", "--env-file", "bot.env"], ["doctor", "--env-file", "bot.env"], ["check", "ada", "--env-file", "bot.env"]])  # fmt: skip
def test_every_command_takes_a_file_of_settings(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "bot.env").write_text(
        "\ufeffMicrosoftAppId=" + ID + "\r\nMicrosoftAppTenantId=common\r\n", encoding="utf-8"
    )
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["MicrosoftAppTenantId", "MicrosoftAppPassword"]


def test_lines_that_set_nothing_or_are_overruled_are_named_without_their_text(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# ours\nMicrosoftAppPassword canary\nPHOTOSYNC_PORT=1\nPHOTOSYNC_PORT=2\n", encoding="utf-8"
    )
    done = run("serve", cwd=tmp_path)
    assert ".env:2: is not NAME=value" in done.stderr
    assert ".env:3: PHOTOSYNC_PORT is set again in line 4" in done.stderr
    assert "canary" not in done.stderr


def issued(authority: trustme.CA, kind: trustme.KeyType = trustme.KeyType.RSA) -> trustme.LeafCert:
    return authority.issue_cert("bot.example", key_type=kind)


def protected(key: bytes) -> bytes:
    return form.load_pem_private_key(key, None).private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"canary"))  # fmt: skip


AUTHORITY = trustme.CA(key_type=trustme.KeyType.RSA)
LEAF, OTHER, CURVE = issued(AUTHORITY), issued(AUTHORITY), issued(AUTHORITY, trustme.KeyType.ECDSA)
KEY, CHAIN, ROOT = LEAF.private_key_pem.bytes(), LEAF.cert_chain_pems[0].bytes(), AUTHORITY.cert_pem.bytes()
PEMS: list[tuple[str, bytes, str]] = [
    ("key, then certificate", KEY + CHAIN, ""),
    ("as Key Vault writes it: key, root, leaf", KEY + ROOT + CHAIN, ""),
    (
        "as openssl pkcs12 writes it",
        b"Bag Attributes\n    friendlyName: x\n" + CHAIN + b"Bag Attributes\n" + ROOT + KEY,
        "",
    ),
    ("Windows line ends", (KEY + ROOT + CHAIN).replace(b"\n", b"\r\n"), ""),
    ("another certificate", KEY + OTHER.cert_chain_pems[0].bytes(), "none of its certificates is the private key's"),
    ("only the root", KEY + ROOT, "none of its certificates is the private key's"),
    ("two keys", KEY + OTHER.private_key_pem.bytes() + CHAIN, "more than one private key"),
    ("no key", CHAIN, "no private key"),
    ("no certificate", KEY, "no certificate"),
    ("a key with a password", protected(KEY) + CHAIN, "has a password"),
    ("a key of another kind", CURVE.private_key_pem.bytes() + CURVE.cert_chain_pems[0].bytes(), "not RSA"),
    ("a damaged key", KEY.replace(b"MII", b"XXX", 1) + CHAIN, "cannot be read"),
    ("a PFX", b"0\x82\x0a\x10\x02\x01\x03", "no private key"),
    ("nothing", b"", "no private key"),
]


@pytest.mark.parametrize(("content", "words"), [row[1:] for row in PEMS], ids=[row[0] for row in PEMS])
def test_the_certificate_is_the_one_of_the_key_or_refused_with_the_reason(
    content: bytes, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "bot.pem"
    file.write_bytes(content)
    environ = GOOD | {"MicrosoftAppPassword": "", "MicrosoftAppCertificate": str(file)}
    if not words:
        assert read(environ).app_certificate == file
        assert certificate.read(content).public.encode() == CHAIN
        return
    with pytest.raises(SettingsError, match="MicrosoftAppCertificate") as refused:
        read(environ)
    assert words in str(refused.value)
    assert "canary" not in str(refused.value)


def test_of_a_renewed_certificate_of_one_key_the_one_that_lasts_longest_is_presented() -> None:
    soon, later = (self_signed(KEY, days) for days in (3, 300))
    assert certificate.read(KEY + later + soon).public.encode() == later
    assert certificate.read(KEY + soon + later).public.encode() == later


def self_signed(pem: bytes, days: int) -> bytes:
    key = form.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bot")]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())  # fmt: skip
    return made.not_valid_before(now).not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256()).public_bytes(form.Encoding.PEM)  # fmt: skip
