"""Similarities -> a picture of both histograms, and of the worst that a search finds, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.photos.judging import Judged
from benchmarks.photos.search import Found

_BINS, _BAR, _HEIGHT = 50, 13, 220  # bars, and pixels
_LEFT, _TOP = 46, 40
_COLOURS = {True: "#0f6cbd", False: "#b5530a"}


def svg(all_: Sequence[Judged], found: Sequence[Found], thresholds: tuple[float, float]) -> str:
    """Bars from 0 to 1; heights as square roots, so that single pairs can be seen beside hundreds. Below them, a tick for
    each subject's worst case.
    """
    width, height = _LEFT + _BINS * _BAR + 20, _TOP + _HEIGHT + 92
    counts = {same: _counted(all_, same) for same in (True, False)}
    most = max(max(line) for line in counts.values())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *(_bars(counts[same], most, same) for same in (False, True)),
        *(_threshold(at) for at in thresholds),
        *(_tick(one) for one in found),
        *(_number(tenth / 10) for tenth in range(0, 11, 2)),
        f'<text x="{_LEFT}" y="18" fill="{_COLOURS[True]}">the same photo ({sum(counts[True]):,} pairs)</text>',
        f'<text x="{_LEFT + 210}" y="18" fill="{_COLOURS[False]}">another photo ({sum(counts[False]):,} pairs)</text>',
        (
            f'<text x="{_LEFT}" y="{height - 6}" fill="#424242">similarity; heights are square roots of counts, '
            "between the dashed lines the verdict is unsure; ticks are what a search finds worst</text>"
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _counted(all_: Sequence[Judged], same: bool) -> list[int]:
    counts = [0] * _BINS
    for one in all_:
        if one.same == same:
            counts[min(_BINS - 1, int(one.similarity * _BINS))] += 1
    return counts


def _bars(counts: Sequence[int], most: int, same: bool) -> str:
    bars = []
    for place, count in enumerate(counts):
        tall = _HEIGHT * (count / most) ** 0.5
        x, y = _LEFT + place * _BAR + (_BAR // 2 if same else 1), _TOP + _HEIGHT - tall
        if count:
            bars.append(f'<rect x="{x}" y="{y:.1f}" width="{_BAR // 2}" height="{tall:.1f}"/>')
    return f'<g fill="{_COLOURS[same]}">{"".join(bars)}</g>'


def _tick(one: Found) -> str:
    x, y = _LEFT + one.similarity * _BINS * _BAR, _TOP + _HEIGHT + (26 if one.same else 42)
    return f'<path d="M{x:.1f} {y}v12" stroke="{_COLOURS[one.same]}" opacity=".6"/>'


def _threshold(at: float) -> str:
    x = _LEFT + at * _BINS * _BAR
    return f'<path d="M{x:.1f} {_TOP - 8}V{_TOP + _HEIGHT}" stroke="#424242" stroke-dasharray="4 3"/>'


def _number(at: float) -> str:
    x, y = _LEFT + at * _BINS * _BAR, _TOP + _HEIGHT + 16
    return f'<text x="{x:.0f}" y="{y}" text-anchor="middle" fill="#424242">{at:.1f}</text>'
