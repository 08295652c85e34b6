"""A set-up in an empty pretend tenant as a picture, docs/setup.svg: nothing is drawn, it is what the terminal shows."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bot.commands.setup import command
from bot.commands.setup.progress import Progress
from bot.commands.setup.work import work
from bot.graph.device_code import DeviceCode
from bot.settings import Use, read
from sandbox.admin.people import Admin
from sandbox.tenant import Tenant

OUT = Path(__file__).resolve().parent.parent / "docs" / "setup.svg"
SUBSCRIPTION = "5b000000-0000-4000-8000-000000000001"
ADA = Admin("ad000000-0000-4000-8000-000000000001", "Ada", "ada@fabrikam.example", subscriptions=(SUBSCRIPTION,))
ANSWERS = ("photosync.fabrikam.example", "y", "n", "y", "y")
OURS = ("MicrosoftAppId", "MicrosoftAppPassword", "MicrosoftAppTenantId")


async def record() -> int:
    """Returns the command's exit status."""
    console, answers = Console(record=True, width=124, file=sys.stderr), iter(ANSWERS)

    def ask(question: str) -> str:
        answer = next(answers)
        progress.say(question + answer)
        return answer

    async with Tenant.open() as tenant:
        tenant.make_empty(ADA)
        progress = Progress(console, ask=ask)

        async def pause(seconds: float) -> None:
            tenant.world.skipped += seconds
            progress.begun -= seconds  # as long as it would have taken

        def show(code: DeviceCode) -> None:
            page = DeviceCode(code.purpose, "https://microsoft.com/devicelogin", code.code, code.seconds)
            progress.show(page)
            tenant.login.codes.approve(code.code, ADA)

        with tempfile.TemporaryDirectory() as folder:
            parser = argparse.ArgumentParser()
            command.add(parser)
            chosen = parser.parse_args([])
            environ = {name: value for name, value in tenant.environment().items() if name not in OURS}
            console.print("$ photosync setup", highlight=False)
            os.chdir(folder)
            plan = command.planned(chosen, environ, Path(".env"), progress)
            settings = read({**environ, "PHOTOSYNC_PORT": "0"}, Use.STORE)
            status = await work(settings, environ, plan, chosen, progress, progress, show=show, pause=pause)
            os.chdir(OUT.parent)
        text = console.export_svg(title="photosync setup")
        text = re.sub(r"@font-face \{.*?\}\n", "", text, flags=re.DOTALL)  # fonts from elsewhere
        OUT.write_text(text, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(asyncio.run(record()))
