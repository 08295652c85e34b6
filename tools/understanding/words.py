"""`make words`: how well typed words are understood, held out by writer.

For each of the later writers the classifier is trained on the other writers' sentences of all languages, and judged on
this one's. No sentence that was trained on is judged. The model that ships is trained on all of them, so it
does better. A request is judged as written at the menu, an answer as written on the step it answers. What it came to
by language is kept in docs/translations/words.tsv, for `make languages`.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.understanding import environment, material

_HARMFUL = {"fix", "add", "check", "stop", "forget", "ticket", "language", "set_language"}
_GROUPS = ("requests", "answers", "questions", "small talk", "something else", "all")
_STEPS = 10  # of the curve of confidence
_KEPT = Path(__file__).resolve().parents[2] / "docs" / "translations" / "words.tsv"

Hits = Sequence[tuple[bool, bool, bool]]
"""Of each sentence: right at once, asked between meanings of which one was right, harmful."""


def _group(label: str) -> str:
    if label.startswith("question."):
        return "questions"
    if label == "other":
        return "something else"
    if label in ("thanks", "hello"):
        return "small talk"
    answers = ("next", "back", "not_yet", "missing", "failed", "yes", "no", "same", "different", "unsure", "another")
    return "answers" if label in answers else "requests"


def main() -> int:
    """Print the tables; always 0: what is held to a goal are sentences that nobody here has seen."""
    environment.prepare()
    from bot.understanding.classifier import MEANINGS, load  # noqa: PLC0415
    from dialogs.meaning import expected, judge, same_thing  # noqa: PLC0415
    from tools.understanding.folds import calibration, card_of, held_out  # noqa: PLC0415 - needs what was installed

    rows = material.rows()
    folds = list(held_out(rows))
    factor, offsets = calibration(folds)
    found: dict[tuple[str, str], list[tuple[bool, bool, bool]]] = defaultdict(list)
    curve: dict[int, list[bool]] = defaultdict(list)
    for fold in folds:
        for row, margins in zip(fold.rows, fold.scores.tolist(), strict=True):
            scores = {label: one * factor + offsets[label] for label, one in zip(fold.labels, margins, strict=True)}
            card = card_of(row.label)
            meant = judge(scores, card, question=row.text.rstrip().endswith(("?", "？", "؟")))
            same = same_thing(row.label, expected(card))
            wanted = {""} if row.label == "other" else same
            right = meant.label in wanted and not meant.alternatives
            asked = (
                not right
                and bool(meant.alternatives)
                and (row.label == "other" or bool(same & set(meant.alternatives)))
            )
            harm = not right and meant.label in _HARMFUL
            curve[min(_STEPS - 1, int(meant.confidence * _STEPS))].append(meant.likeliest in same)
            for key in ((fold.writer, _group(row.label)), (fold.writer, "all"), ("language", row.tag)):
                found[key].append((right, asked, harm))
    console = Console(width=110)
    for fold in folds:
        console.print(_table(f"{fold.writer}: held out", [(name, found[fold.writer, name]) for name in _GROUPS]))
    tags = sorted({row.tag for row in rows})
    console.print(
        _table("by language, the later writers held out in turn", [(tag, found["language", tag]) for tag in tags])
    )
    keep({tag: found["language", tag] for tag in tags})
    table = Table("confidence", "sentences", "right", title="confidence")
    for step, hits in sorted(curve.items()):
        table.add_row(
            f"{step / _STEPS:.1f} to {(step + 1) / _STEPS:.1f}", str(len(hits)), f"{sum(hits) / len(hits):.0%}"
        )
    console.print(table)
    written = defaultdict(int)
    for row in rows:
        written[row.writer] += 1
    console.print(", ".join(f"{who}: {count:,} sentences" for who, count in written.items()))
    state = "of these sentences" if load(MEANINGS).examples == material.digest() else "OF OTHER SENTENCES: make model"
    console.print(f"{len(rows):,} sentences in {len(tags)} languages; the model that ships is {state}")
    return 0


def _table(title: str, rows: Sequence[tuple[str, Hits]]) -> Table:
    table = Table("", "sentences", "right at once", "or asked", "harmful", title=title)
    for name, hits in rows:
        if hits:
            right, asked, harm = _shares(hits)
            table.add_row(name, str(len(hits)), f"{right:.1%}", f"{right + asked:.1%}", f"{harm:.1%}")
    return table


def _shares(hits: Hits) -> tuple[float, float, float]:
    right, asked, harm = (sum(one[place] for one in hits) / len(hits) for place in range(3))
    return right, asked, harm


def keep(found: Mapping[str, Hits]) -> None:
    """Write each language's line: tag, sentences, right at once, right at once or asked."""
    lines = []
    for tag, hits in found.items():
        right, asked, _ = _shares(hits)
        lines.append(f"{tag}\t{len(hits)}\t{right:.3f}\t{right + asked:.3f}\n")
    _KEPT.write_text("".join(lines), encoding="utf-8")


def kept() -> dict[str, tuple[float, float]]:
    """What the last `make words` found, by tag: right at once, right at once or asked. Raises OSError."""
    lines = (line.split("\t") for line in _KEPT.read_text(encoding="utf-8").splitlines())
    return {tag: (float(right), float(either)) for tag, _, right, either in lines}


if __name__ == "__main__":
    sys.exit(main())
