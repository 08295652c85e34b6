"""Plots as SVG, drawn on the server: columns over time and a line. A table with the same figures stands beside each.

Colours come from the style sheet by class; what is drawn in one colour has a pattern or a shape of its own too. From
right to left time runs the other way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.pages.html import Html, Node, join, tag

_WIDTH, _HEIGHT = 520.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 24.0, 12.0, 34.0
_MOST_LABELS = 6
_LINES = 4  # across the plot


@dataclass(frozen=True)
class Axes:
    """What both kinds have: `title` says what is shown, `labels` are the periods, `rtl` which way they run."""

    title: str
    labels: Sequence[str]
    rtl: bool = False

    def x(self, place: float) -> float:
        """Of a place from 0 to 1 in the order of reading."""
        inner = _WIDTH - _LEFT - _RIGHT
        return _WIDTH - _LEFT - place * inner if self.rtl else _LEFT + place * inner

    def drawn(self, name: str, marks: Sequence[str], *inner: Node) -> Html:
        """The plot: `marks` are written at equal steps from the bottom, `inner` is drawn over the lines."""
        anchor, edge = ("start", _WIDTH - _LEFT + 6) if self.rtl else ("end", _LEFT - 6)
        ends = sorted((self.x(0), self.x(1)))
        lines = [
            join(
                tag("line", class_="grid", x1=_n(ends[0]), x2=_n(ends[1]), y1=_n(y), y2=_n(y)),
                tag("text", mark, x=_n(edge), y=_n(y + 5), text_anchor=anchor),
            )
            for place, mark in enumerate(marks)
            for y in (_y(place / (len(marks) - 1)),)
        ]
        every = -(-len(self.labels) // _MOST_LABELS) or 1
        below = [
            tag("text", label, x=_n(self.x((place + 0.5) / len(self.labels))), y=_HEIGHT - 10, text_anchor="middle")
            for place, label in enumerate(self.labels)
            if place % every == 0
        ]
        return tag(
            "svg",
            tag("title", self.title, id=f"{name}-title"),
            tag(
                "defs",
                tag(
                    "pattern",
                    tag("line", class_="stripe", x1=0, y1=0, x2=0, y2=6),
                    id=f"{name}-stripes",
                    width=6,
                    height=6,
                    patternUnits="userSpaceOnUse",
                    patternTransform="rotate(45)",
                ),
            ),
            lines,
            inner,
            below,
            class_="plot",
            viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
            role="img",
            aria_labelledby=f"{name}-title",
            direction="ltr",
        )


def columns(axes: Axes, name: str, kinds: Sequence[str], rows: Sequence[Sequence[int]], marks: Sequence[str]) -> Html:
    """A column a row, `kinds` upon each other from the bottom; `marks` as of `scale` of the largest sum."""
    top = scale(max((sum(row) for row in rows), default=0))[-1]
    width = (_WIDTH - _LEFT - _RIGHT) / max(1, len(rows))
    drawn = []
    for place, row in enumerate(rows):
        left = axes.x((place + 0.5) / len(rows)) - width * 0.36
        below = 0
        for kind, count in zip(kinds, row, strict=True):
            if count:
                y, height = _y((below + count) / top), _y(0) - _y(count / top)
                box = {"x": _n(left), "y": _n(y), "width": _n(width * 0.72), "height": _n(height)}
                drawn.append(tag("rect", class_=f"fill-{kind}", **box))
                if kind == "not":
                    drawn.append(tag("rect", fill=f"url(#{name}-stripes)", **box))
            below += count
    return axes.drawn(name, marks, drawn)


def line(axes: Axes, name: str, shares: Sequence[float | None], marks: Sequence[str]) -> Html:
    """A point a share from 0 to 1, joined; a gap where there is none."""
    points = [
        None if share is None else (axes.x((place + 0.5) / len(shares)), _y(share))
        for place, share in enumerate(shares)
    ]
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            runs.append([])
        else:
            runs[-1].append(point)
    lines = [
        tag("polyline", class_="line", points=" ".join(f"{_n(x)},{_n(y)}" for x, y in run))
        for run in runs
        if len(run) > 1
    ]
    dots = [tag("circle", class_="dot", cx=_n(x), cy=_n(y), r=4) for run in runs for x, y in run]
    return axes.drawn(name, marks, lines, dots)


def scale(largest: int) -> tuple[int, ...]:
    """Round numbers from 0 to at least the largest, at equal steps."""
    step = 1
    while step * _LINES < largest:
        power = 10 ** (len(str(step)) - 1)
        step = {1: 2, 2: 5, 5: 10}[step // power] * power
    return tuple(step * place for place in range(_LINES + 1))


def bar(share: float, *, rtl: bool) -> Html:
    """A bar beside a figure of a table, which screen readers pass over. `share` from 0 to 1."""
    length = 100 * min(1.0, share)
    inner = tag("rect", class_="fill-bar", x=_n(100 - length if rtl else 0), y=0, width=_n(length), height=10)
    return tag("svg", inner, class_="bar", viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")


def swatch(kind: str) -> Html:
    """The colour of a kind, for a legend."""
    stripes = tag("path", class_="stripe", d="M2 14L14 2") if kind == "not" else None
    box = tag("rect", class_=f"fill-{kind}", width=14, height=14)
    return tag("svg", box, stripes, class_="swatch", viewBox="0 0 14 14", aria_hidden="true")


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _n(value: float) -> str:
    return f"{value:.1f}"
