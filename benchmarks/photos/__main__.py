"""Run the evaluation: every kind of pair, the search for worst cases, the times, on the sources that are held back. Exit 1
if an aim of docs/photos.md is missed; which one is on standard error.

`--write` puts the tables into docs/photos.md and the plot beside it; `--chosen` judges the sources that figures are chosen
on instead; `--times` measures nothing but times; `--seed N` makes other pairs of the same kinds; `--budget N` is how many
comparisons the search may make for each subject and row.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from benchmarks.photos.judging import judged
from benchmarks.photos.pairs import pairs
from benchmarks.photos.plot import svg
from benchmarks.photos.report import missed, report, times
from benchmarks.photos.search import BUDGET, searched
from benchmarks.photos.speed import speeds
from benchmarks.photos.subjects import subjects
from bot.photos.comparison import DIFFERENT, SAME

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_TABLES = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- /measured -->)", re.DOTALL)
_THRESHOLDS = (DIFFERENT, SAME)


def main() -> int:
    """Everything on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    judge = parser.add_mutually_exclusive_group()
    judge.add_argument("--chosen", action="store_true")
    judge.add_argument("--write", action="store_true")
    judge.add_argument("--times", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=BUDGET)
    chosen = parser.parse_args()
    everyone = list(subjects())
    if chosen.times:
        sys.stdout.write("\n".join(times(speeds(everyone))) + "\n")
        return 0
    some = [one for one in everyone if one.held_back != chosen.chosen]
    all_ = judged(pairs(everyone, some, chosen.seed))
    found = list(searched(everyone, some, chosen.seed, chosen.budget))
    tables = report(all_, found, speeds(everyone))
    sys.stdout.write(tables + "\n")
    if chosen.write:
        page = _DOCS / "photos.md"
        page.write_text(_TABLES.sub(lambda _: f"\n{tables}\n\n", page.read_text(encoding="utf-8")), encoding="utf-8")
        (_DOCS / "photos.svg").write_text(svg(all_, found, _THRESHOLDS), encoding="utf-8")
    aims = missed(all_)
    sys.stderr.write("".join(f"missed: {line}\n" for line in aims))
    return 1 if aims else 0


if __name__ == "__main__":
    sys.exit(main())
