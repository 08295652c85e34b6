"""What was judged and measured -> the tables of docs/photos.md."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

from benchmarks.photos import different, same
from benchmarks.photos.files import LARGE
from benchmarks.photos.judging import Judged, area
from benchmarks.photos.search import LARGEST, MOST_CROPPED, Found
from bot.photos.comparison import DIFFERENT, SAME

_HARD = (*same.HARD, *different.HARD)
_GROUPS: dict[str, Callable[[Judged], bool]] = {
    "the same photo, core": lambda one: one.same and one.kind not in _HARD,
    "the same photo, hard": lambda one: one.same and one.kind in _HARD,
    "another photo, core": lambda one: not one.same and one.kind in different.DIFFERENT and one.kind not in _HARD,
    "another photo, hard": lambda one: not one.same and one.kind in _HARD,
    f"in a face, {LARGE} px and more": lambda one: one.kind in different.IN_A_FACE and one.smaller >= LARGE,
    f"in a face, under {LARGE} px": lambda one: one.kind in different.IN_A_FACE and one.smaller < LARGE,
}
_BOUNDS = (
    f"Graph's sizes at quality 75 to 95; SharePoint's at 60 to 95, made of the encoded {LARGEST} pixels; any filter; sharpened by "
    f"up to 80%; cropped by up to {MOST_CROPPED:.0%} at each edge; gamma 0.95 to 1.05"
)
_STEPS = (0.0, DIFFERENT, 0.5, SAME, 0.95, 1.01)


def report(all_: Sequence[Judged], found: Sequence[Found], speeds: Mapping[str, float]) -> str:
    """As Markdown."""
    lines = [
        f"{len({one.subject for one in all_})} subjects, {len(all_):,} pairs.",
        "",
        "| kind | pairs | wrong | unsure | worst case: similarity, smaller side, picture |",
        "| --- | ---: | ---: | ---: | --- |",
        *(line for title, belongs in _GROUPS.items() for line in _kinds(title, [one for one in all_ if belongs(one)])),
        "",
        f"Area under the ROC curve: {area(all_):.5f}. Wrong are:",
        "",
        *(
            f"- {one.kind}, {_file(one.subject)}, {one.smaller} px: {one.similarity:.2f}"
            for one in sorted(all_, key=lambda one: (not one.same, one.kind))
            if one.wrong
        ),
        "",
        *_by_age(all_),
        "",
        "How far the printed number means something: of all these pairs,",
        "",
        *_meaning(all_),
        "",
        f"The worst that a search finds of each subject ({_BOUNDS}):",
        "",
        *_searched(found),
        "",
        *times(speeds),
    ]
    return "\n".join(lines)


def times(speeds: Mapping[str, float]) -> list[str]:
    """What one comparison costs."""
    return [
        "Time of the processor: of each pair the best of fifteen rounds, of those the median.",
        "",
        "| 648 px against 300 px, JPEG | ms |",
        "| --- | ---: |",
        *(f"| {task} | {worked:.2f} |" for task, worked in speeds.items()),
    ]


def missed(all_: Sequence[Judged]) -> list[str]:
    """The aims that are not met, one line each."""
    lines = []
    for tier, most_wrong, most_unsure in (("core", 0.0, 0.01), ("hard", 0.01, 0.03)):
        for side in ("the same photo", "another photo"):
            some = [one for one in all_ if _GROUPS[f"{side}, {tier}"](one)]
            wrong, unsure = (sum(marks) / len(some) for marks in zip(*((x.wrong, x.unsure) for x in some), strict=True))
            if wrong > (0 if side == "the same photo" else most_wrong) or unsure > most_unsure:
                lines.append(f"{side}, {tier}: {wrong:.1%} wrong, {unsure:.1%} unsure")
    return lines


def _kinds(title: str, some: Sequence[Judged]) -> list[str]:
    kinds = dict.fromkeys(one.kind for one in some)
    rows = (_row(kind, [one for one in some if one.kind == kind]) for kind in kinds)
    return [f"| **{title}** | | | | |", *rows, _row("*together*", some)]


def _by_age(all_: Sequence[Judged]) -> list[str]:
    """What is judged for the first time beside what has been judged before."""
    lines = ["| sources | subjects | kinds | pairs | wrong | unsure |", "| --- | ---: | --- | ---: | ---: | ---: |"]
    for name, fresh in (("judged before", False), ("judged for the first time", True)):
        part = [one for one in all_ if one.fresh == fresh]
        subjects = len({one.subject for one in part})
        for title, belongs in _GROUPS.items():
            if some := [one for one in part if belongs(one)]:
                wrong, unsure = sum(one.wrong for one in some), sum(one.unsure for one in some)
                lines.append(
                    f"| {name} | {subjects} | {title} | {len(some):,} | {wrong} | {_share(unsure, len(some))} |"
                )
    return lines if any(one.fresh for one in all_) else []


def _row(name: str, some: Sequence[Judged]) -> str:
    worst = (min if some[0].same else max)(some, key=lambda one: one.similarity)
    wrong, unsure = sum(one.wrong for one in some), sum(one.unsure for one in some)
    case = f"{worst.similarity:.2f}, {worst.smaller} px, {worst.shows}"
    return f"| {name} | {len(some):,} | {wrong} | {_share(unsure, len(some))} | {case} |"


def _meaning(some: Sequence[Judged]) -> list[str]:
    lines = ["| similarity | pairs | of one photo |", "| --- | ---: | ---: |"]
    for low, high in itertools.pairwise(_STEPS):
        part = [one for one in some if low <= one.similarity < high]
        of_one = f"{sum(one.same for one in part) / len(part):.1%}" if part else ""
        lines.append(f"| {low:.2f} to {min(high, 1):.2f} | {len(part):,} | {of_one} |")
    return lines


def _searched(found: Sequence[Found]) -> list[str]:
    """Worst cases: how many verdicts are wrong, and the three that are furthest off."""
    lines = [
        "| row | subjects | wrong | unsure | median | the three worst |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in dict.fromkeys(one.row for one in found):
        some = [one for one in found if one.row == row]
        some.sort(key=lambda one: one.similarity, reverse=not some[0].same)
        wrong, unsure = sum(one.wrong for one in some), sum(one.verdict == "unsure" for one in some)
        cases = "; ".join(
            f"**{one.similarity:.2f}** {_file(one.subject)}{one.edit and ', '}{one.edit}: {one.way}" for one in some[:3]
        )
        middle = some[len(some) // 2].similarity
        lines.append(f"| {row} | {len(some)} | {wrong} | {_share(unsure, len(some))} | {middle:.2f} | {cases} |")
    return lines


def _file(subject: str) -> str:
    return subject.rpartition("/")[2]


def _share(count: int, of: int) -> str:
    return f"{count} ({count / of:.1%})" if count else "0"
