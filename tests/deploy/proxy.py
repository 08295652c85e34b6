"""The sample configuration for nginx in front of replicas on loopback: only addresses and certificate are put in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.commands.test_serve import free_port
from tools.machine import program

SAMPLE = Path(__file__).resolve().parents[2] / "deploy/nginx/photosync.conf"


def configuration(folder: Path, port: int, replicas: tuple[int, ...], certificate: Path | None) -> str:
    """For one process in the foreground that keeps everything in a folder. Without a certificate there is no TLS."""
    sample = SAMPLE.read_text().replace("    listen [::]:443 ssl;\n", "")
    sample = sample.replace("listen 443 ssl;", f"listen 127.0.0.1:{port}{' ssl' if certificate else ''};")
    sample = re.sub(r"/etc/ssl/photosync/\w+\.pem", str(certificate), sample)
    if certificate is None:
        sample = re.sub(r" +ssl_\w+ .*;\n", "", sample)
    servers = "".join(f"    server 127.0.0.1:{one} max_fails=0;\n" for one in replicas)
    sample = re.sub(r"    server 127\.0\.0\.1:3978 .*\n", servers, sample)
    temporary = " ".join(f"{kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    ours = f"daemon off; worker_processes 1; pid {folder}/pid; error_log stderr; events {{}}\n"
    return f"{ours}http {{ access_log off; {temporary}\n{sample} }}\n"


@asynccontextmanager
async def nginx(folder: Path, *replicas: int, certificate: Path | None = None) -> AsyncIterator[int]:
    """It runs in front of replicas' ports; its own port."""
    port, file = free_port(), folder / "nginx.conf"
    file.write_text(configuration(folder, port, replicas, certificate))
    command = (program("nginx") or "nginx", "-c", str(file))
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                assert process.returncode is None, (await process.communicate())[1].decode()
                await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.communicate()
