"""Write the settings table of README.md from `bot.settings`; `--check` only tells whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.settings import table

README = Path(__file__).resolve().parent.parent / "README.md"
START, END = "<!-- settings -->\n", "<!-- end of settings -->\n"


def rendered(text: str) -> str:
    """The README with the present table in its place."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    rows = [f"| `{one.name}` | {one.default} | {one.meaning} |\n" for one in table()]
    return before + START + "| name | default | meaning |\n| --- | --- | --- |\n" + "".join(rows) + END + after


def main() -> int:
    """0 if the table is (now) as it should be."""
    text = README.read_text(encoding="utf-8")
    wanted = rendered(text)
    if "--check" in sys.argv:
        return 0 if text == wanted else 1
    README.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
