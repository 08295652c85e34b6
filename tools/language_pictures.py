"""`make pictures`: the first verdict, the list of steps and the last card in every language, in one small picture each,
and a page that shows them all (docs/languages/README.md)."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, async_playwright

from bot import resources
from bot.cards.render import CardSetting
from bot.commands.preview.browser import executable
from bot.commands.preview.pages import page
from bot.languages import packaged
from dialogs.library import Library

_FOLDER = Path(__file__).resolve().parents[1] / "docs" / "languages"
_CARDS = ("look.differ", "resync.steps", "resync.done")
_SECTIONS = ("look", "resync")
_CHAT = "https://teams.microsoft.com/l/chat/0/0"
_WIDTH = 300  # pixels of one card
_GAP = 12
_BACKGROUND = (240, 241, 245)
_QUALITY = 60


async def _cards(browser: Browser, setting: CardSetting, library: Library, tag: str) -> list[Image.Image]:
    """The cards as a desktop shows them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "index.html"
        file.write_text(page(setting, library, tag, _SECTIONS).html, encoding="utf-8")
        tab = await browser.new_page(viewport={"width": 1730, "height": 1000})
        await tab.goto(file.as_uri())
        await tab.locator("body[data-drawn]").wait_for(timeout=60_000)
        made = []
        for name in _CARDS:
            scene = tab.locator(".scene", has=tab.get_by_role("heading", name=name, exact=True))
            made.append(Image.open(BytesIO(await scene.locator(".desktop .card").first.screenshot())).convert("RGB"))
        await tab.close()
    return made


def _beside(cards: list[Image.Image]) -> Image.Image:
    small = [one.resize((_WIDTH, one.height * _WIDTH // one.width), Image.Resampling.LANCZOS) for one in cards]
    size = len(small) * (_WIDTH + _GAP) + _GAP, max(one.height for one in small) + 2 * _GAP
    whole = Image.new("RGB", size, _BACKGROUND)
    for at, one in enumerate(small):
        whole.paste(one, (_GAP + at * (_WIDTH + _GAP), _GAP))
    return whole


async def _draw() -> None:
    spoken = packaged.languages()
    pictures = resources.illustrations()
    library = packaged.topics(spoken, pictures)
    setting = CardSetting(spoken.translations, pictures, _CHAT)
    _FOLDER.mkdir(exist_ok=True)
    lines = [
        "# The cards in every language",
        "",
        "The first verdict, the list of steps, the last card. Made by `make pictures`.",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        for tag in spoken.tags:
            _beside(await _cards(browser, setting, library, tag)).save(_FOLDER / f"{tag}.webp", quality=_QUALITY)
            name = spoken.translations.catalogs[tag].name
            lines += ["", f"## {name} ({tag})", f"![{name}: three cards]({tag}.webp)"]
            sys.stdout.write(f"{tag}\n")
        await browser.close()
    (_FOLDER / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(_draw())
