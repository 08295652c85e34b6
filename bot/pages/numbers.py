"""What the helpdesk was saved: totals, week by week or month by month, and split by cause, language and more.

Counts under `FEW` are not written where cases are split by anything but time: somebody could be recognised by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bot.pages import frame, plots
from bot.pages.frame import section
from bot.pages.html import Html, Node, join, tag
from bot.pages.words import OUTCOME_CLASSES, TICKETS, PageText
from bot.store.numbers import Day, Numbers
from dialogs.model import Fact, Reason, Verdict

FEW = 5
SPANS = (30, 90, 365)  # days
PERIODS = ("week", "month")
_PLATFORMS = {"windows": "Windows", "mac": "Mac", "ios": "iOS", "android": "Android"}
# What is drawn in one colour, from the bottom; cases in which nothing was wrong are in the table only.
_DRAWN = {
    "proven": ("proven",),
    "probable": ("probable",),
    "not": ("not_deflected", "returned"),
    "open": ("undecided", "unfinished"),
}


@dataclass(frozen=True)
class Period:
    """A week, from its Monday, or a month, from its first day, with the sums of its days."""

    begin: date
    counts: Mapping[str, int]

    @property
    def wrong(self) -> int:
        return self.counts["wrong"]


def periods(found: Numbers, by: str) -> list[Period]:
    """The sums of each week or month of the span, also of those without a case."""
    sums: dict[date, dict[str, int]] = {}
    day = _begin(found.since, by)
    while day <= found.until:
        sums[day] = dict.fromkeys((*OUTCOME_CLASSES, "cases", "wrong"), 0)
        day = _begin(day + timedelta(days=7 if by == "week" else 31), by)
    for one in found.days:
        row = sums.setdefault(_begin(one.day, by), dict.fromkeys((*OUTCOME_CLASSES, "cases", "wrong"), 0))
        for name in row:
            row[name] += _of(one, name)
    return [Period(begin, row) for begin, row in sorted(sums.items())]


def _begin(day: date, by: str) -> date:
    return day.replace(day=1) if by == "month" else day - timedelta(days=day.weekday())


def _of(day: Day, name: str) -> int:
    return int(getattr(day, name))


def page(read: PageText, found: Numbers, days: int, by: str) -> tuple[Node, ...]:
    """What became of the cases of so many days, `by` week or month: a line instead where there were none."""
    span = read("page.numbers.span", begin=read.day(found.since), end=read.day(found.until))
    top = (tag("p", span), _choices(read, days, by))
    if not found.cases:
        return (*top, tag("p", read("page.numbers.empty"), class_="empty"))
    return (
        *top,
        _headlines(read, found),
        _over_time(read, found, by),
        section(read("page.numbers.fates"), _outcome_classes(read, found)),
        *_splits(read, found),
        tag("p", read("page.few_note", number=read.number(FEW)), class_="note"),
        tag("p", read("page.numbers.definitions"), class_="note"),
    )


def _choices(read: PageText, days: int, by: str) -> Html:
    spans = [
        tag("a", read("page.numbers.days", number=read.number(one)), href=read.href("/helpdesk", days=str(one), by=by),
            aria_current="true" if one == days else None)
        for one in SPANS
    ]  # fmt: skip
    kinds = [
        tag("a", read(f"page.numbers.by_{one}"), href=read.href("/helpdesk", days=str(days), by=one),
            aria_current="true" if one == by else None)
        for one in PERIODS
    ]  # fmt: skip
    return tag("div", tag("span", *spans), tag("span", *kinds), class_="choices")


def _headlines(read: PageText, found: Numbers) -> Html:
    wrong = read("page.numbers.deflection_is", proven=read.number(found.proven), wrong=read.number(found.wrong))
    up, rated = found.ratings.get("up", 0), sum(found.ratings.values())
    of_all = read("page.numbers.wrong", number=read.number(found.wrong))
    boxes = [
        (read("page.numbers.deflection"), "–" if found.deflection is None else read.percent(found.deflection), wrong),
        (read("page.numbers.cases"), read.number(found.cases), of_all),
        (
            read("page.numbers.median"),
            "–" if found.median_seconds_to_fix is None else read.duration(found.median_seconds_to_fix),
            "" if found.looks_per_case is None
            else read("page.numbers.looks", number=read.number(round(found.looks_per_case, 1))),
        ),
        (
            read("page.numbers.ratings"),
            "–" if found.satisfaction is None else read.percent(found.satisfaction),
            read("page.numbers.ratings_of", up=read.number(up), number=read.number(rated)),
        ),
    ]  # fmt: skip
    return tag(
        "dl",
        [
            tag("div", tag("dt", name), tag("dd", tag("strong", figure), tag("span", note) if note else None))
            for name, figure, note in boxes
        ],
        class_="headlines",
    )


def _over_time(read: PageText, found: Numbers, by: str) -> Node:
    rows = periods(found, by)
    name = read.short_date if by == "week" else read.month
    labels = [name(one.begin) for one in rows]
    counts = [[sum(one.counts[one_class] for one_class in classes) for classes in _DRAWN.values()] for one in rows]
    shares = [one.counts["proven"] / one.wrong if one.wrong else None for one in rows]
    marks = [read.number(mark) for mark in plots.scale(max(map(sum, counts), default=0))]
    legend = [tag("li", plots.swatch(kind), tag("span", _drawn_name(read, kind))) for kind in _DRAWN]
    columns = (
        read("page.column.period"),
        read("page.column.cases"),
        *(read(f"page.fate.{one}") for one in OUTCOME_CLASSES),
    )
    cells = [
        (label, *(read.number(one.counts[one_class]) for one_class in ("cases", *OUTCOME_CLASSES)))
        for label, one in zip(labels, rows, strict=True)
    ]
    plot, rate = read("page.numbers.plot"), read("page.numbers.rate_plot")
    title = read(f"page.numbers.by_{by}")
    return section(
        title,
        tag(
            "figure",
            tag("figcaption", plot),
            plots.columns(plots.Axes(plot, labels, read.catalog.rtl), "plot-cases", tuple(_DRAWN), counts, marks),
            tag("ul", legend, class_="legend"),
        ),
        tag(
            "figure",
            tag("figcaption", rate),
            plots.line(
                plots.Axes(rate, labels, read.catalog.rtl),
                "plot-rate",
                shares,
                [read.percent(part / 4) for part in range(5)],
            ),
        ),
        tag(
            "details",
            tag("summary", read("page.numbers.table")),
            frame.table(title, columns, cells, figures=range(1, len(columns))),
        ),
    )


def _drawn_name(read: PageText, kind: str) -> str:
    return ", ".join(read(f"page.fate.{one}") for one in _DRAWN[kind])


def _outcome_classes(read: PageText, found: Numbers) -> Html:
    """Totals: nothing is hidden in them."""
    rows = [(read(f"page.fate.{one}"), getattr(found, one)) for one in OUTCOME_CLASSES]
    total = (read("page.column.total"), read.number(found.cases), read.percent(1))
    cells = [(name, read.number(count), read.percent(count / found.cases)) for name, count in rows]
    columns = (read("page.column.state"), read("page.column.cases"), read("page.column.share"))
    return join(
        frame.table(read("page.numbers.fates"), columns, [*cells, total], figures=(1, 2)),
        tag("p", read("page.numbers.follow_ups", number=read.number(found.follow_ups))),
        tag("p", read("page.numbers.not_understood", number=read.number(found.not_understood))),
    )


def _splits(read: PageText, found: Numbers) -> Iterable[Html]:
    tickets = {name: read(f"page.ticket.{name}") for name in TICKETS}
    splits: tuple[tuple[str, str, Mapping[str, int], Callable[[str], str]], ...] = (
        ("cause", "cause", found.by_cause, lambda label: cause(read, label)),
        ("language", "language", found.by_language, read.language),
        (
            "platform",
            "platform",
            found.by_platform,
            lambda label: _PLATFORMS.get(label, "") or read("page.other_platform"),
        ),
        ("step", "step", found.by_step, lambda label: read.or_name(f"{label}.title", label)),
        ("asked", "asked", found.asked, lambda label: _asked(read, label)),
        ("ticket", "state", found.tickets, lambda label: tickets.get(label, label)),
    )
    for name, column, counts, named in splits:
        if counts:
            yield _split(read, read(f"page.numbers.by_{name}"), read(f"page.column.{column}"),
                         [(named(label), count) for label, count in counts.items()])  # fmt: skip


def _split(read: PageText, title: str, column: str, rows: Sequence[tuple[str, int]]) -> Html:
    """One table with bars; those that are hidden come last, by name: their order would tell which is larger."""
    largest = max(count for _, count in rows)
    shown = [row for row in rows if row[1] >= FEW]
    hidden = sorted(name for name, count in rows if count < FEW)
    cells = [(name, read.number(count), plots.bar(count / largest, rtl=read.catalog.rtl)) for name, count in shown] + [
        (name, few(read), "") for name in hidden
    ]
    columns = (column, read("page.column.cases"), read("page.column.share"))
    return section(title, frame.table(title, columns, cells, figures=(1,)))


def cause(read: PageText, label: str) -> str:
    """A verdict or a reason in words."""
    if label in set(Verdict):
        return read(f"agent.found.{label}")
    return read(f"page.reason.{label}") if label in {*Reason, Fact.DIRECT} else label


def few(read: PageText) -> str:
    """In place of a count that is not written."""
    return read("page.few", number=read.number(FEW))


def _asked(read: PageText, label: str) -> str:
    if label.startswith("question."):
        return read.or_name(f"questions.{label.removeprefix('question.')}.title", label)
    return read.or_name(f"button.{label}", label)
