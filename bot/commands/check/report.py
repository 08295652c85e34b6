"""Compares, and prints what was found."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot import app
from bot.commands.picture_export import Folder
from bot.commands.terminal import without_controls
from bot.diagnosis.diagnosis import DiagnosisResult
from bot.errors import NotAPicture
from bot.graph.policies import PhotoPolicy
from bot.photos.decode import measured
from bot.photos.picture import Picture
from bot.settings import Settings
from bot.tickets.labels import FACTS, FINDINGS, PHOTO_CHANGES, REASONS, VERDICTS, who_may_change
from bot.turns.events import address_in
from dialogs.model import Fact, Reason, SiteFinding, Verdict

_SIDES = ("microsoft365", "sharepoint")
# Of the two sides where there is no picture. Without a photo it is not known whether SharePoint could be read.
_ABSENT = {Verdict.UNKNOWN: ("not known", "not known"), Verdict.NO_PHOTO: ("none", "none seen")}
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


@dataclass(frozen=True)
class Request:
    """What the command line says. Pictures are written only into `save_to`, if that is given."""

    user: str  # user principal name or object id
    site: str = ""  # the address of a SharePoint site
    as_json: bool = False
    save_to: Path | None = None


async def check(settings: Settings, request: Request) -> int:
    """Compare once and print; returns 0 for a match, 1 for none, 2 if it could not tell. Raises `CannotSave`."""
    folder = Folder.ready(request.save_to, *_SIDES) if request.save_to else None
    async with app.outside(settings) as outside:
        look = await outside.diagnosis.look(request.user, address_in(request.site))
        original = await outside.diagnosis.original_size(request.user) if look.microsoft365 else None
        policy = await outside.diagnosis.photo_policy()
    if look.microsoft365 and original:
        look = replace(look, microsoft365=replace(look.microsoft365, width=original[0], height=original[1]))
    saved = {name: str(folder.keep(name, one)) for name, one in _pictures(look).items() if one} if folder else {}
    found = document(request.user, look, saved, policy)
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n" if request.as_json else lines(found))
    if look.verdict is Verdict.MATCH:
        return 0
    return 2 if look.verdict in (Verdict.UNKNOWN, Verdict.UNSURE) else 1


def _pictures(look: DiagnosisResult) -> dict[str, Picture | None]:
    return {"microsoft365": look.microsoft365, "sharepoint": look.sharepoint}


def document(user: str, look: DiagnosisResult, saved: dict[str, str], policy: PhotoPolicy | None) -> dict[str, Any]:
    """Everything found, under the names that the README documents; `saved` is where pictures were written."""
    return {
        "person": user,
        "verdict": look.verdict.value,
        "meaning": VERDICTS[look.verdict],
        "reason": str(look.reason),
        "because": REASONS[Reason(look.reason)] if look.reason else "",
        "permission": look.permission,
        "facts": list(look.facts),
        "photo_changes": who_may_change(policy),
        "similarity": look.similarity,
        "older_by": look.older_by,
        **{name: _described(picture) for name, picture in _pictures(look).items()},
        "site": {"name": look.site, "finding": str(look.site_finding)} if look.site_finding else None,
        "saved": saved,
    }


def _described(picture: Picture | None) -> dict[str, Any] | None:
    """`width` and `height` are of the file that was compared, `original_...` of the largest one there is."""
    if picture is None:
        return None
    width: int | None
    height: int | None
    try:
        (width, height), kind = measured(picture.data)
    except NotAPicture:
        width, height, kind = None, None, ""
    return {
        "width": width,
        "height": height,
        "original_width": picture.width or width,
        "original_height": picture.height or height,
        "bytes": len(picture.data),
        "format": kind,
        "changed": picture.modified.isoformat() if picture.modified else None,
    }


def lines(found: dict[str, Any]) -> str:
    """The same for people."""
    return "".join(f"{label:<13}  {without_controls(text)}\n" for label, text in _rows(found))


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "person", found["person"]
    yield "verdict", f"{found['verdict']}: {found['meaning']}"
    if found["reason"]:
        yield "reason", f"{found['reason']}: {found['because']}"
    if found["permission"]:
        yield "to grant", found["permission"]
    for fact in found["facts"]:
        by = f", by {duration(found['older_by'])}" if fact == Fact.OLDER and found["older_by"] else ""
        yield "fact", f"{fact}: {FACTS[Fact(fact)]}{by}"
    if found["photo_changes"]:
        yield "may change", PHOTO_CHANGES[found["photo_changes"]]
    if found["similarity"] is not None:
        yield "similarity", f"{found['similarity']:.3f} (1 is the same picture)"
    ours, theirs = _ABSENT.get(found["verdict"], ("none", "none"))
    yield "Microsoft 365", _in_words(found["microsoft365"]) or ours
    yield "SharePoint", _in_words(found["sharepoint"]) or theirs
    if found["site"]:
        finding = SiteFinding(found["site"]["finding"])
        yield "site", f"{found['site']['name']}: {finding}: {FINDINGS[finding]}"
    for path in found["saved"].values():
        yield "saved", path


def _in_words(picture: dict[str, Any] | None) -> str:
    if picture is None:
        return ""
    size, original = (f"{picture[f'{of}width']}x{picture[f'{of}height']}" for of in ("", "original_"))
    changed = str(picture["changed"] or "")[:16].replace("T", " ")
    parts = (
        f"{size} px",
        f"the original {original} px" if original != size else "",
        picture["format"],
        f"{picture['bytes']:,} bytes",
        f"changed {changed} UTC" if changed else "",
    )
    return ", ".join(part for part in parts if part)


def duration(seconds: float) -> str:
    """In the largest unit that it fills: `2 days`, `1 hour`, `20 minutes`."""
    size, unit = next((one for one in _UNITS if seconds >= one[0]), _UNITS[-1])
    count = int(seconds // size)
    return f"{count} {unit}" + ("" if count == 1 else "s")
