"""The steps of deploy/Containerfile, run without a builder of images (`make deploy-check`): in an empty folder, then as
the image would run: process 1 of its own, another user, no rights, a root that nobody writes to.

The base image is not there: its place is taken by this machine's own Python. Linux, as root.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from sandbox.tenant import Tenant

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"  # one that every user may read
_NOBODY_ELSE = "10001"
# The root is bound to itself and made read-only; of what lies below it only the folder of the data stays as it is.
_ENCLOSE = """set -e
mount --make-rprivate /
mount --bind "$DATA" "$DATA"
mount --bind / /
mount -t tmpfs tmpfs /tmp
mount -o remount,bind,ro /
cd "$DATA"
if touch /opt/probe 2>/dev/null; then exit 9; fi
exec setpriv --reuid="$WHO" --regid="$WHO" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    env -i $ENVIRON "$PROGRAM" serve
"""


def context(to: Path) -> None:
    """What `COPY . .` copies: the files of the repository that .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    left_out = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in (line[1:] for line in lines if line.startswith("!")):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=left_out)
        else:
            shutil.copy(ROOT / name, to / name)


def environment() -> dict[str, str]:
    """The ENV of the last stage."""
    last = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8").split("FROM ")[-1]
    return dict(re.findall(r"(PYTHON\w+|PHOTOSYNC_\w+)=(\S+)", last))


def build(folder: Path) -> Path:
    """The build stage: its one RUN, with the folder's `source` and `opt` for /source and /opt/photosync."""
    text = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
    (command,) = re.findall(r'^RUN \["sh", "(\S+)", "/source", "/opt/photosync"\]$', text, re.MULTILINE)
    context(folder / "source")
    environ = {**os.environ, "PATH": f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"}
    run = ["sh", command, str(folder / "source"), str(folder / "opt")]
    subprocess.run(run, cwd=folder / "source", env=environ, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder / "source")  # the next stage has only what was installed
    return folder / "opt/bin/photosync"


@contextmanager
def enclosed(program: Path, data: Path, environ: dict[str, str]) -> Iterator[int]:
    """`serve` as process 1; its id as seen from outside."""
    said = " ".join(f"{name}={value}" for name, value in environ.items())
    told = {**os.environ, "DATA": str(data), "WHO": _NOBODY_ELSE, "ENVIRON": said, "PROGRAM": str(program)}
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _ENCLOSE]
    with subprocess.Popen(command, env=told) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        try:
            while not (inside := children.read_text().split()):
                time.sleep(0.01)
            yield int(inside[0])
            process.wait(timeout=60)
        finally:
            process.kill()
    if process.returncode:
        raise SystemExit(f"it ended with status {process.returncode}")


async def get(url: str) -> tuple[int, str]:
    """Once it answers."""
    async with aiohttp.ClientSession() as session:
        for _ in range(300):
            try:
                async with session.get(url) as answer:
                    if answer.status != 503:
                        return answer.status, await answer.text()
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise SystemExit(f"no answer from {url}")


async def talk(program: Path, data: Path) -> None:
    """Start it as the image does, in a pretend tenant; somebody writes and is answered; it is asked to end."""
    async with Tenant.open() as tenant:
        authorities = data / "authorities.pem"
        shutil.copy(tenant.authority.bundle, authorities)
        port, operators = free_port(), free_port()
        ours = {
            "PHOTOSYNC_PORT": str(port),
            "PHOTOSYNC_OPERATOR_PORT": str(operators),
            "PHOTOSYNC_DATABASE_URL": f"sqlite:///{data}/photosync.db",
            "SSL_CERT_FILE": str(authorities),
        }
        environ = {**environment(), **tenant.environment(), **ours}
        tenant.channel.bot_url = f"http://127.0.0.1:{port}"
        began = time.monotonic()
        with enclosed(program, data, environ) as process:
            status, _ = await get(f"http://127.0.0.1:{operators}/readyz")
            _say(status == 200, f"ready after {time.monotonic() - began:.1f} s")
            status, text = await get(f"http://127.0.0.1:{port}/readyz")
            _say(text == '{"ready": true}', "the public port tells no details")
            chat = tenant.channel.chat(tenant.world.people[0].id)
            await chat.say("my photo is wrong")
            _say(bool(chat.messages), "somebody writes and is answered")
            of = await asyncio.to_thread(Path(f"/proc/{process}/status").read_text)
            _say(f"Uid:\t{_NOBODY_ELSE}" in of and "CapEff:\t0000000000000000" in of, "no rights, another user")
            os.kill(process, signal.SIGTERM)
        _say(True, "ends by itself on SIGTERM, as process 1")
        _say((data / "photosync.db").stat().st_uid == int(_NOBODY_ELSE), "the data is in /data and its own")


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _say(well: bool, what: str) -> None:
    sys.stdout.write(f"image: {what}: {'yes' if well else 'NO'}\n")
    if not well:
        raise SystemExit(1)


def main() -> None:
    """Raises SystemExit where a step fails."""
    if sys.platform != "linux" or os.geteuid() != 0:
        sys.stdout.write("image: not tried: that takes Linux and root\n")
        return
    with tempfile.TemporaryDirectory(prefix="photosync-image-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        began = time.monotonic()
        program = build(folder)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
        _say(True, f"installed in an empty folder in {time.monotonic() - began:.0f} s, {size:.0f} MB")
        data = folder / "data"
        data.mkdir(mode=0o700)
        os.chown(data, int(_NOBODY_ELSE), int(_NOBODY_ELSE))
        asyncio.run(talk(program, data))
