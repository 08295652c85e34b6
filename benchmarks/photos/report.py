"""What was judged and measured -> the tables of docs/photos.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.photos.judging import Judged, area, overlap


def report(all_: Sequence[Judged], speeds: Mapping[str, tuple[float, float]]) -> str:
    """As Markdown."""
    chosen, held_back = ([one for one in all_ if one.half == half] for half in (0, 1))
    least, most = overlap(chosen)
    lines = [
        (
            f"{len(all_):,} pairs. Of the half that thresholds are chosen on, the least alike of the same photos come to "
            f"{least:.3f}, the most alike of different ones to {most:.3f}. The held-back half:"
        ),
        "",
        *_kinds(held_back),
        "",
        (
            f"Area under the ROC curve of the held-back half: {area(held_back):.5f}; of all pairs: {area(all_):.5f}. "
            f"Wrong verdicts in the half for choosing: {sum(one.wrong for one in chosen)} of {len(chosen):,}, "
            f"unsure {_share(sum(one.unsure for one in chosen), len(chosen))}."
        ),
        "",
        "| 648 px against 300 px, JPEG | processor, ms | clock, ms |",
        "| --- | ---: | ---: |",
        *(f"| {task} | {worked:.2f} | {passed:.2f} |" for task, (worked, passed) in speeds.items()),
    ]
    return "\n".join(lines)


def _kinds(held_back: Sequence[Judged]) -> list[str]:
    lines = ["| kind | pairs | wrong | unsure | similarity |", "| --- | ---: | ---: | ---: | --- |"]
    for same in (True, False):
        lines.append(f"| **{'the same photo' if same else 'another photo'}** | | | | |")
        kinds = dict.fromkeys(one.kind for one in held_back if one.same == same)
        lines += [_row(kind, [one for one in held_back if one.kind == kind]) for kind in kinds]
    return [*lines, _row("**all**", held_back)]


def _row(name: str, some: Sequence[Judged]) -> str:
    alike = sorted(one.similarity for one in some)
    wrong, unsure = sum(one.wrong for one in some), sum(one.unsure for one in some)
    return f"| {name} | {len(some):,} | {wrong} | {_share(unsure, len(some))} | {alike[0]:.2f} to {alike[-1]:.2f} |"


def _share(count: int, of: int) -> str:
    return f"{count} ({count / of:.1%})" if count else "0"
