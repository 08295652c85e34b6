"""The demo in a terminal: choose a person, chat, press buttons by number."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from PIL import Image
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sandbox.channel import Chat
from sandbox.fitness import presses
from sandbox.photos import VARIANTS
from sandbox.tenant import Tenant

Forget = Callable[[str], Awaitable[None]]
_HELP = "number: press a button · text: write · /tile [SECONDS] · /photo N · /remove · /again · /people · /quit"
_PROMPT = "> "
_LOOK = 0.2  # seconds between two looks at whether the bot wrote by itself
_LONGEST_DELAY = 600  # seconds
_PIXELS = 22  # of a photo, each way
_LINK = re.compile(r"\[(?P<words>[^\]]*)\]\((?P<address>[^)\s]+)\)")


class Terminal:
    """One person at a keyboard, or a list of lines from a pipe. `forget` makes the bot forget a person."""

    def __init__(self, tenant: Tenant, forget: Forget) -> None:
        self.tenant = tenant
        self.chat: Chat | None = None
        self.seen = (0, 0)
        self.console = Console(highlight=False)
        self._forget = forget
        self._busy = False  # with a line: what comes is shown at its end

    async def run(self) -> int:
        """Until /quit or the end of the input; returns the exit status."""
        self._people()
        watching = asyncio.ensure_future(self._watch())
        try:
            while True:
                line = await _line(_PROMPT if sys.stdin.isatty() else "")
                if line is None or line.strip() == "/quit":
                    return 0
                self._busy = True
                await self._obey(line.strip())
                self._busy = False
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        """Show what comes without being asked for."""
        while True:
            await asyncio.sleep(_LOOK)
            if not self._busy and self._show() and sys.stdin.isatty():
                _write(_PROMPT)

    async def _obey(self, line: str) -> None:
        # A number means a button of the card that is on the screen, not of one that came in this moment.
        if self._show() and line.isdecimal():
            self.console.print("A new card came: look at it first.", style="yellow")
            return
        if not line:
            return
        word, _, rest = line.partition(" ")
        command = _COMMANDS.get(word)
        if command is not None:
            await command(self, rest)
        elif self.chat is None:
            await self._choose(line)
        elif line.isdecimal():
            await self._press(int(line))
        else:
            self._status(await self.chat.say(line))
        self._show()

    def _people(self) -> None:
        table = Table("", "person", "story", "language", title="Who are you?", title_justify="left")
        for number, person in enumerate(self.tenant.world.people, 1):
            table.add_row(str(number), Text(person.name), person.about, person.locale)
        self.console.print(table)
        self.console.print(f"Type a number. Later: {_HELP}", style="dim", markup=False)

    async def _choose(self, line: str) -> None:
        people = self.tenant.world.people
        if not line.isdecimal() or not 1 <= int(line) <= len(people):
            self.console.print(f"Type a number from 1 to {len(people)}.", style="red")
            return
        self.chat = self.tenant.channel.chat(people[int(line) - 1].id)
        self.seen = (0, 0)
        if not self.chat.messages:
            await self.chat.install()

    async def _press(self, number: int) -> None:
        assert self.chat is not None
        actions = self._actions()
        if not 1 <= number <= len(actions):
            self.console.print("There is no such button.", style="red")
            return
        action = actions[number - 1]
        if action["type"] == "Action.OpenUrl":
            self.console.print(f"opens {action['url']}", markup=False)
            return
        self._status(await self.chat.press(dict(action["data"]), await self._inputs()))

    async def _inputs(self) -> dict[str, Any]:
        assert self.chat is not None
        values: dict[str, Any] = {}
        for part in self.chat.card()["body"]:
            if part["type"] == "Input.ChoiceSet":
                for choice in part["choices"]:
                    self.console.print(f"  {choice['value']}: {choice['title']}", markup=False)
            if part["type"].startswith("Input."):
                answer = await _line(f"{part['label']} ")
                values[part["id"]] = (answer or "").strip() or part.get("value", "")
        return values

    def _actions(self) -> list[dict[str, Any]]:
        assert self.chat is not None
        try:
            return presses(self.chat.card())
        except LookupError:
            return []

    async def _tile(self, rest: str) -> None:
        if self.chat is None:
            return
        if rest and not (rest.isdecimal() and int(rest) <= _LONGEST_DELAY):
            self.console.print(
                f"Give the seconds until SharePoint copies the photo, 0 to {_LONGEST_DELAY}.", style="red"
            )
            return
        self.tenant.world.visit_sharepoint(self.chat.person.id, float(rest or 0))
        self.console.print("The SharePoint tile is chosen.", style="green")

    async def _photo(self, rest: str) -> None:
        if self.chat is None:
            return
        if not (rest.isdecimal() and int(rest) < VARIANTS):
            self.console.print(f"There is no such photo: give a number from 0 to {VARIANTS - 1}.", style="red")
            return
        self.tenant.world.change_photo(self.chat.person.id, int(rest))
        self.console.print("The photo in Microsoft 365 is changed.", style="green")

    async def _remove(self, _: str) -> None:
        if self.chat is not None:
            self.tenant.world.remove_photo(self.chat.person.id)
            self.console.print("Microsoft 365 has no photo any more.", style="green")

    async def _again(self, _: str) -> None:
        if self.chat is not None:
            await self._forget(self.chat.person.id)
            self.tenant.world.start_over(self.chat.person.id)
            self.chat.clear()
            self.seen = (0, 0)
            await self.chat.install()

    async def _other_person(self, _: str) -> None:
        self.chat = None
        self._people()

    async def _help(self, _: str) -> None:
        self.console.print(_HELP, markup=False)

    def _status(self, status: int) -> None:
        if status >= 400:
            self.console.print(f"The bot answered with status {status}.", style="red")

    def _show(self) -> bool:
        """The newest card, if it was not shown as it is now; whether it was shown."""
        if self.chat is None or all(one.card is None for one in self.chat.messages):
            return False
        newest = self.chat.shown()
        stamp = (len(self.chat.messages) - sum(one.mine for one in self.chat.messages), newest.versions)
        if stamp == self.seen:
            return False
        self.seen = stamp
        self.console.print(self._drawn(self.chat.card()))
        return True

    def _drawn(self, card: dict[str, Any]) -> Panel:
        parts: list[Any] = []
        for part in card["body"]:
            parts += _part(part)
        for number, action in enumerate(presses(card), 1):
            parts.append(Text(f"  {number}  {action['title']}", style="bold cyan" if number == 1 else "cyan"))
        return Panel(Group(*parts), width=min(76, self.console.width), title="Photosync", title_align="left")


def _part(part: dict[str, Any]) -> list[Any]:
    kind = part["type"]
    if kind == "TextBlock":
        bold = "bold" if part.get("weight") == "Bolder" else "dim" if part.get("isSubtle") else ""
        return [Text(_plain(part["text"]), style=bold)]
    if kind == "Container":
        return [line for item in part["items"] for line in _part(item)]
    if kind == "ColumnSet":
        grid = Table.grid(padding=(0, 3))
        columns = [Group(*(line for item in column["items"] for line in _column(item))) for column in part["columns"]]
        grid.add_row(*columns)
        return [grid]
    if kind == "Image":
        return [Text(f"({part['altText']})", style="italic dim")]
    return [Text(f"{part['label']} …", style="dim")]


def _plain(text: str) -> str:
    """A text block's words: of a link its words and its address, once where they are the same."""

    def link(match: re.Match[str]) -> str:
        words, address = match["words"], match["address"]
        return address if address.partition("://")[2].rstrip("/") == words.rstrip("/") else f"{words} ({address})"

    return _LINK.sub(link, text).replace("\\", "")


def _column(item: dict[str, Any]) -> list[Any]:
    return [_pixels(item["url"])] if item["type"] == "Image" else _part(item)


def _pixels(address: str) -> Text:
    """A picture as half blocks, two pixels to a letter."""
    data = base64.b64decode(address.partition(",")[2])
    picture = Image.open(io.BytesIO(data)).convert("RGBA").convert("RGB").resize((_PIXELS, _PIXELS))
    text = Text()
    for row in range(0, _PIXELS, 2):
        for column in range(_PIXELS):
            upper, lower = picture.getpixel((column, row)), picture.getpixel((column, row + 1))
            text.append("▀", f"rgb{upper} on rgb{lower}".replace(" ", "").replace("onrgb", " on rgb"))
        text.append("\n")
    return text


_Command = Callable[[Terminal, str], Awaitable[None]]
_COMMANDS: dict[str, _Command] = {
    "/tile": Terminal._tile,  # noqa: SLF001 - the table belongs to the class
    "/photo": Terminal._photo,  # noqa: SLF001
    "/remove": Terminal._remove,  # noqa: SLF001
    "/again": Terminal._again,  # noqa: SLF001
    "/people": Terminal._other_person,  # noqa: SLF001
    "/help": Terminal._help,  # noqa: SLF001
}


async def _line(prompt: str) -> str | None:
    """One line, None at the end of the input; the event loop goes on meanwhile."""
    if prompt:
        _write(prompt)
    line = await asyncio.to_thread(sys.stdin.readline)
    return line.rstrip("\n") if line else None


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


async def chat(tenant: Tenant, forget: Forget) -> int:
    """`photosync demo --terminal`."""
    return await Terminal(tenant, forget).run()
