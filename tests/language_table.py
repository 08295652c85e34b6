"""Every language at a glance (`make languages`): how much of it is there, what its file is worth, what its readers found
and what became of that, its examples, and how many of a writer's sentences are understood by a program that learned from
the other writers only (`make words`).

Exit 1 unless all of them are whole, without errors, and in the app package.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot import resources
from bot.app_package import build, rules
from bot.commands.locales import check, glossary
from bot.commands.locales.folders import folders
from bot.commands.locales.issue import Level
from bot.languages import packaged
from bot.languages.catalogs import Languages
from tools.understanding import material, words

_READ = Path(__file__).resolve().parents[1] / "docs" / "translations"
_VALUES = {"app_id": "00000000-0000-4000-8000-000000000000", "host": "photosync.example", "version": "1.0.0"}


def rows(spoken: Languages) -> list[tuple[str, ...]]:
    """Tag, coverage, errors and warnings of the lint, readers' findings, examples, words right, longest button, in the
    app package."""
    place = folders(resources.LOCALES, "")
    terms = glossary.read(place.glossaries)
    whole = len(spoken.translations.catalogs["en"].entries)
    package = build.build(resources.manifest(), spoken, _VALUES)
    broken = rules.problems(package)
    examples = Counter(row.tag for row in material.rows())
    understood = words.kept()
    made = []
    for tag in spoken.tags:
        entries = spoken.translations.catalogs[tag].entries
        found = check.issues(place, tag, terms)
        errors = sum(one.level is Level.ERROR for one in found)
        longest = max(len(forms[0]) for key, forms in entries.items() if "button." in key)
        packed = "yes" if tag in package.sentences and tag not in package.in_english else "no"
        made.append((tag, f"{len(entries) / whole:.0%}", f"{errors} errors, {len(found) - errors} warnings", read(tag), str(examples[tag]), right(understood.get(tag)), str(longest), "no" if broken else packed))  # fmt: skip
    return made


def right(found: tuple[float, float] | None) -> str:
    """How much is right at once, and how much at once or after a question."""
    return f"{found[0]:.0%}, {found[1]:.0%} or asked" if found else ""


def read(tag: str) -> str:
    """What a second reader found, and how much of that was left with a reason."""
    file = _READ / f"{tag}.tsv"
    if not file.is_file():
        return ""
    fates = [line.split("\t")[2] for line in file.read_text(encoding="utf-8").splitlines() if line.count("\t") >= 2]
    kept = sum(fate.startswith("kept") for fate in fates)
    return f"{len(fates) - kept} mended, {kept} kept"


def main() -> int:
    """Print the table."""
    spoken = packaged.languages()
    table = Table(
        "language", "coverage", "lint", "readers found", "examples", "words right", "longest button", "manifest"
    )
    made = rows(spoken)
    for row in made:
        table.add_row(*row)
    Console(width=150).print(table)
    good = all(row[1] == "100%" and row[2].startswith("0 errors") and row[7] == "yes" for row in made)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
