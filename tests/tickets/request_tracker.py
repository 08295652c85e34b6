"""A real Request Tracker of Debian, with a database of its own in a folder that is thrown away afterwards."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from sandbox.desks.desk import basic
from tools.machine import RT_SHARE

USER, PASSWORD = "root", "password"  # as the product's own initial data has them
_PATIENCE = 120.0  # seconds that a start may take on a busy machine
_CONFIG = """
Set($rtname, 'desk.example'); Set($Organization, 'desk.example'); Set($Timezone, 'UTC');
Set($WebPath, ''); Set($WebDomain, 'localhost'); Set($WebPort, {port}); Set($WebBaseURL, 'http://localhost:{port}');
Set($DatabaseType, 'SQLite'); Set($DatabaseHost, 'localhost'); Set($DatabaseName, '{folder}/rt.db');
Set($DatabaseUser, ''); Set($DatabasePassword, ''); Set($MailCommand, 'testfile');
Set($LogToSyslog, undef); Set($LogToSTDERR, 'error'); Set($LogDir, '{folder}');
Set($MasonDataDir, '{folder}/mason'); Set($MasonSessionDir, '{folder}/sessions');
1;
"""


@contextmanager
def request_tracker(folder: Path) -> Iterator[str]:
    """Its address."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    for name in ("mason", "sessions", "empty"):
        (folder / name).mkdir()
    config = folder / "RT_SiteConfig.pm"
    config.write_text(_CONFIG.format(port=port, folder=folder))
    environ = {**os.environ, "RT_SITE_CONFIG": str(config), "RT_SITE_CONFIG_DIR": str(folder / "empty"), "TMPDIR": str(folder)}  # fmt: skip
    perl = ["perl", f"-I{RT_SHARE}/lib"]
    subprocess.run(["/usr/sbin/rt-setup-database-5", "--action", "init", "--skip-create"], env=environ, check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    serve = [*perl, f"{RT_SHARE}/libexec/rt-server", "--server", "HTTP::Server::PSGI", "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    server = subprocess.Popen(serve, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://localhost:{port}"
        asyncio.run(_answering(address, server))
        yield address
    finally:
        server.terminate()
        server.wait(20)


async def _answering(address: str, server: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _PATIENCE
    headers = {"Authorization": basic(USER, PASSWORD)}
    async with aiohttp.ClientSession(headers=headers) as session:
        while time.monotonic() < ends and server.poll() is None:
            try:
                async with session.get(f"{address}/REST/2.0/rt") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)
    raise AssertionError("Request Tracker does not answer")
