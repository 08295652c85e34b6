"""`photosync check`: one person's two photos, on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bot.app import diagnosis
from bot.diagnosis import Look
from bot.metrics import Metrics
from bot.outgoing import Outgoing
from bot.pictures import Picture
from bot.settings import Settings
from dialogs.model import Verdict

MEANING = {
    Verdict.MATCH: "SharePoint has the current photo",
    Verdict.DIFFER: "SharePoint has another photo than Microsoft 365",
    Verdict.MISSING: "SharePoint has no copy of the photo",
    Verdict.UNSURE: "too alike to tell: compare them by eye",
    Verdict.NO_PHOTO: "there is no photo in Microsoft 365",
    Verdict.UNKNOWN: "could not tell",
}


async def check(settings: Settings, user: str) -> int:
    """Look once and print; returns 0 for a match, 1 for none, 2 if it could not tell."""
    outgoing = Outgoing.open(settings)
    try:
        look = await diagnosis(settings, outgoing, Metrics()).look(user)
    finally:
        await outgoing.close()
    _print(user, look)
    if look.verdict is Verdict.MATCH:
        return 0
    return 2 if look.verdict in (Verdict.UNKNOWN, Verdict.UNSURE) else 1


def _print(user: str, look: Look) -> None:
    console = Console(highlight=False, soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    table.add_row("person", user)
    table.add_row("verdict", f"{look.verdict.value}: {MEANING[look.verdict]}")
    if look.reason:
        table.add_row("reason", look.reason)
    if look.permission:
        table.add_row("to grant", look.permission)
    if look.similarity is not None:
        table.add_row("similarity", f"{look.similarity:.3f} (1 is the same picture)")
    absent = "not known" if look.verdict is Verdict.UNKNOWN else "none"
    table.add_row("Microsoft 365", _described(look.microsoft365) or absent)
    table.add_row("SharePoint", _described(look.sharepoint) or absent)
    console.print(table, markup=False)


def _described(picture: Picture | None) -> str:
    if picture is None:
        return ""
    parts = [f"{picture.width}x{picture.height} px" if picture.width else "", f"{len(picture.data):,} bytes"]
    if picture.modified is not None:
        parts.append(f"changed {picture.modified:%Y-%m-%d %H:%M} UTC")
    return ", ".join(part for part in parts if part)
