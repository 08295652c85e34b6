"""The sentences of the pages, and in which language a reader gets them.

A page is whole in one language: the first of the reader's own that has every sentence of it, else English.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta
from babel.numbers import format_decimal, format_percent

from bot.cards.render import babel
from bot.languages.catalogs import Languages
from bot.store import JobKind
from dialogs.model import Event, Outcome, Reason, Verdict
from dialogs.translations import SOURCE, Catalog, MissingText

OUTCOME_CLASSES = (
    "proven",
    "probable",
    "not_deflected",
    "returned",
    "undecided",
    "unfinished",
    "nothing_wrong",
    "not_known",
)  # of `bot.store.numbers.Numbers`
HEALTH = ("store", "catalogues", "channel_keys", "sign_in", "background")  # the parts of /readyz
TICKETS = ("new", "contact", "working", "waiting", "told", "solved", "closed")
LOG_KINDS = tuple(one.log_kind for one in Event.__args__)
_MOST_LANGUAGES = 20  # of a browser's wishes

_HELPDESK = (
    "title", "skip", "nav.numbers", "nav.cases", "nav.affected", "nav.operation", "nav.languages", "signed_in",
    "button.sign_out", "button.find", "button.retry", "button.other", "button.again",
    "numbers.title", "numbers.span", "numbers.days", "numbers.by_week", "numbers.by_month", "numbers.cases",
    "numbers.wrong", "numbers.deflection", "numbers.deflection_is", "numbers.median", "numbers.ratings",
    "numbers.ratings_of", "numbers.looks", "numbers.follow_ups", "numbers.not_understood", "numbers.definitions",
    "numbers.fates", "numbers.plot", "numbers.rate_plot", "numbers.table", "numbers.empty", "numbers.by_cause",
    "numbers.by_language", "numbers.by_platform", "numbers.by_step", "numbers.by_asked", "numbers.by_ticket",
    "few", "few_note", "other_platform",
    "column.period", "column.cases", "column.share", "column.cause", "column.language", "column.platform",
    "column.step", "column.asked", "column.state", "column.total", "column.case", "column.last", "column.found",
    "column.ticket", "column.person", "column.people", "column.job", "column.number", "column.count", "column.tries",
    "column.given_up", "column.own_name", "column.why", "column.coverage", "column.account",
    "cases.title", "cases.number", "cases.none", "cases.empty", "cases.older", "outcome.open",
    "case.title", "case.opened", "case.log", "case.no_ticket", "case.comment", "case.rated_up", "case.rated_down",
    "case.similarity", "case.damaged",
    "affected.title", "affected.from", "affected.none", "affected.nobody", "affected.no_names", "affected.more",
    "operation.title", "health.title", "health.good", "health.bad", "due.title", "letters.title", "letters.none",
    "letters.retried", "letters.gone", "languages.title",
    "refused.title", "refused.body", "failed.title", "failed.body", "busy.title", "busy.body", "away.title",
    "away.body", "stale.title", "stale.body", "signed_out.title", "signed_out.body", "not_found.title",
)  # fmt: skip
HELPDESK_KEYS = (
    *(f"page.{one}" for one in _HELPDESK),
    *(f"page.fate.{one}" for one in OUTCOME_CLASSES),
    *(f"page.outcome.{one.value}" for one in Outcome),
    *(f"page.reason.{one.value}" for one in Reason),
    "page.reason.direct",
    *(f"page.log.{one}" for one in LOG_KINDS),
    *(f"page.job.{one.value}" for one in JobKind),
    *(f"page.health.{one}" for one in HEALTH),
    *(f"page.ticket.{one}" for one in TICKETS),
    *(f"agent.found.{one.value}" for one in Verdict),
    "agent.not_looked",
)
_OF_PAPERS = ("app.name", "page.nav.languages", "terms.contact")
PRIVACY_KEYS = _OF_PAPERS + tuple(
    f"privacy.{one}"
    for one in (
        "title", "intro", "read.title", "read.body", "kept.title", "kept.body", "kept.photos", "kept.until",
        "kept.people",
        "where.title", "where.body", "who.title", "who.body", "who.ticket", "delete.title", "delete.body",
    )
)  # fmt: skip
TERMS_KEYS = _OF_PAPERS + tuple(
    f"terms.{one}" for one in ("title", "intro", "use", "changes", "guess", "ticket", "warranty")
)
PAGE_KEYS = tuple(dict.fromkeys((*HELPDESK_KEYS, *PRIVACY_KEYS, *TERMS_KEYS)))
"""Every sentence that only pages need, and those of the helpdesk's texts that they use too."""


@dataclass(frozen=True)
class PageText:
    """One language, as a page is written in it. `chosen`: by the reader, so that links keep it."""

    catalog: Catalog
    spoken: tuple[Catalog, ...]  # the languages to choose from that have the page whole
    chosen: bool = False

    def __call__(self, key: str, **values: str | int) -> str:
        """The sentence of a key."""
        return self.catalog.text(key, **values)

    def or_name(self, key: str, name: str) -> str:
        """A sentence, or what it would be about where there is none: the name of a step that is gone."""
        try:
            return self.catalog.text(key)
        except (MissingText, KeyError):
            return name

    @property
    def locale(self) -> Locale:
        """Of the CLDR: for numbers and dates."""
        return babel(self.catalog.tag)

    def number(self, value: float) -> str:
        return str(format_decimal(value, locale=self.locale))

    def percent(self, share: float) -> str:
        return str(format_percent(share, "#,##0.#%" if 0 < share < 0.1 else None, locale=self.locale))

    def day(self, day: date) -> str:
        return str(format_date(day, "medium", locale=self.locale))

    def short_date(self, day: date) -> str:
        return str(format_skeleton("MMMd", day, locale=self.locale))

    def month(self, day: date) -> str:
        return str(format_skeleton("yMMM", datetime(day.year, day.month, 1, tzinfo=UTC), locale=self.locale))

    def time(self, at: str | float) -> str:
        """A time in UTC: helpdesks sit anywhere. What cannot be read stands as it is."""
        try:
            moment = datetime.fromtimestamp(at, UTC) if isinstance(at, float) else datetime.fromisoformat(at)
        except ValueError:
            return str(at)
        return f"{format_datetime(moment.astimezone(UTC), 'medium', locale=self.locale)} UTC"

    def duration(self, seconds: float) -> str:
        return str(format_timedelta(round(seconds), threshold=1.5, locale=self.locale))

    def language(self, tag: str) -> str:
        """A language's name in this one."""
        try:
            return str(Locale.parse(tag, sep="-").get_display_name(self.locale) or tag)
        except (ValueError, LookupError):
            return tag

    def href(self, path: str, **query: str) -> str:
        """One of our own addresses."""
        asked = {**query, **({"language": self.catalog.tag} if self.chosen else {})}
        return f"{path}?{urlencode(asked)}" if asked else path


def page_text(languages: Languages, accepted: str, wanted: str, keys: Sequence[str]) -> PageText:
    """For a request's Accept-Language and the language that its address names, of those that have every key."""
    catalogs = languages.translations.catalogs
    spoken = tuple(catalogs[tag] for tag in languages.tags if all(key in catalogs[tag].entries for key in keys))
    known = {one.tag: one for one in spoken}
    choices = languages.translations.choices()
    offered = tuple(one for one in spoken if one in choices)
    if wanted and (named := known.get(languages.nearest(wanted))):
        return PageText(named, offered, chosen=True)
    for wish in wishes(accepted):
        if found := known.get(languages.nearest(wish)):
            return PageText(found, offered)
    return PageText(catalogs[SOURCE], offered)


def wishes(accepted: str) -> list[str]:
    """The tags of an Accept-Language header, the dearest first."""
    found: list[tuple[float, str]] = []
    for part in accepted[:1000].split(",")[:_MOST_LANGUAGES]:
        name, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            quality = 0.0
        if name.strip() and quality > 0:
            found.append((-quality, name.strip()))
    return [name for _, name in sorted(found, key=lambda one: one[0])]
