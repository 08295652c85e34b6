"""Run the evaluation. Exit 1 if a verdict of the held-back half is wrong or more than 2% are unsure.

`--write` puts the tables into docs/photos.md and the plot beside it; `--seed N` makes other pairs of the same kinds.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from benchmarks.photos.judging import judged
from benchmarks.photos.pairs import pairs
from benchmarks.photos.plot import svg
from benchmarks.photos.report import report
from benchmarks.photos.speed import speeds
from bot.photos.comparison import DIFFERENT, SAME

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_TABLES = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- /measured -->)", re.DOTALL)
_THRESHOLDS = (DIFFERENT, SAME)


def main() -> int:
    """Everything on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    all_ = judged(pairs(chosen.seed))
    tables = report(all_, speeds())
    sys.stdout.write(tables + "\n")
    if chosen.write:
        page = _DOCS / "photos.md"
        page.write_text(_TABLES.sub(lambda _: f"\n{tables}\n\n", page.read_text(encoding="utf-8")), encoding="utf-8")
        (_DOCS / "photos.svg").write_text(svg(all_, _THRESHOLDS), encoding="utf-8")
    held_back = [one for one in all_ if one.half == 1]
    unsure = sum(one.unsure for one in held_back) / len(held_back)
    return 1 if any(one.wrong for one in held_back) or unsure > 0.02 else 0


if __name__ == "__main__":
    sys.exit(main())
