"""What the sample configurations of reverse proxies let through: nginx really runs, IIS's rules are read."""

from __future__ import annotations

import re
import ssl
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import trustme
from aiohttp import web

from tests.commands.test_serve import free_port
from tests.deploy.proxy import nginx

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
THROUGH = ("/api/messages", "/api/tickets/zammad", "/privacy", "/terms", "/helpdesk", "/helpdesk/numbers")
NOT_THROUGH = ("/", "/metrics", "/healthz", "/readyz", "/api/messages/x", "/api/Messages", "/api", "/api/messages/../../metrics", "/privacy/x")  # fmt: skip


@asynccontextmanager
async def upstream(status: int = 200) -> AsyncIterator[tuple[int, list[str]]]:
    """A replica that answers everything with one status; its port, and the paths that it was asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        await request.read()
        return web.Response(status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield int(runner.addresses[0][1]), asked
    finally:
        await runner.cleanup()


@asynccontextmanager
async def outside(folder: Path) -> AsyncIterator[tuple[Path, aiohttp.ClientSession]]:
    """A certificate for this machine, and who trusts it."""
    authority, trust = trustme.CA(), ssl.create_default_context()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "all.pem")
    authority.configure_trust(trust)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
        yield folder / "all.pem", session


async def test_nginx_lets_through_what_belongs_on_the_internet_and_goes_round_a_replica_that_stops(tmp_path: Path) -> None:  # fmt: skip
    async with upstream() as (port, asked), upstream(503) as (stopping, _), outside(tmp_path) as (certificate, session):
        replicas = (port, stopping, free_port())
        async with nginx(tmp_path, *replicas, certificate=certificate) as ours:
            await let_through(f"https://localhost:{ours}", session, asked)


async def let_through(url: str, session: aiohttp.ClientSession, asked: list[str]) -> None:
    for path in THROUGH:
        async with session.get(url + path) as answer:
            assert (path, answer.status) == (path, 200)
    for path in NOT_THROUGH:
        async with session.get(url + path) as answer:
            assert (path, answer.status) == (path, 404)
    assert asked == list(THROUGH)
    # A replica that ends, or has ended, costs nobody an answer, though a message is a POST.
    for _ in range(20):
        async with session.post(url + "/api/messages", data=b"{}") as answer:
            assert answer.status == 200
    async with session.post(url + "/api/messages", data=b"x" * 300_000) as answer:
        assert answer.status == 413


def test_the_rules_for_iis_let_through_the_same() -> None:
    rules = ET.parse(DEPLOY / "iis/web.config").findall(".//rule")
    through, nothing_else = [re.compile((rule.find("match").attrib)["url"]) for rule in rules]  # type: ignore[union-attr]
    assert [path for path in THROUGH if not through.match(path[1:])] == []
    assert [path for path in NOT_THROUGH if through.match(path[1:])] == []
    assert nothing_else.match("metrics")
