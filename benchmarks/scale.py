"""How long until everybody affected in a tenant has been served: a simulation (`make scale`).

Nobody has a tenant of 200,000 people to try this on. So the load is calculated: what one person's case costs was measured
(docs/performance.md), what Microsoft takes is documented (docs/facts.md), how people behave is assumed, and each is a
constant below. Time goes by in steps of a few seconds. In each, those who wait get what the four budgets allow, all of them the
same part of it: messages to Teams, photo requests to Graph, SharePoint's resource units (by minute and by day), and processors. Who
was answered comes again after a while with the next turn, twelve in all. Looks after the ten minutes' watching come last.

Left out: Teams gives up delivering after some tries, so that somebody who would wait for minutes writes again instead;
SharePoint's limits that no document names; a helpdesk that is asked by everybody.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

STEP = 5.0  # seconds
HOUR, DAY = 3_600.0, 86_400.0

# What a case costs: docs/performance.md.
TURNS = 12  # of one person; the first and the last of them look at both photos
THINKING = 30.0  # seconds between two turns; assumed
TURN_CPU = 0.0013  # processor seconds on PostgreSQL: 0.51 ms on SQLite, times 2.6 (docs/decisions/0003)
LOOK_CPU = 0.012
WATCH_CPU = 0.0013
FIRST_UNITS, CHECK_UNITS, WATCH_UNITS = 5.5, 4.0, 2.0  # SharePoint's resource units (docs/scan.md, schedule.py)
WATCHING = 8.0  # looks by ourselves a second, of all processes together (bot/turns/schedule.py)
FOLLOW_UPS = (900.0, 3_600.0, 21_600.0, 86_400.0, 259_200.0)  # seconds, PHOTOSYNC_FOLLOW_UPS after the watching
WATCHED = 600.0

# What Microsoft takes: docs/facts.md.
MESSAGES = 40.0  # a second, of Teams' 50
PHOTOS_AT_ONCE = 4
PHOTO_SECONDS = 0.2  # that one takes; assumed
LICENCES = (
    (1_000, 1),
    (5_000, 2),
    (15_000, 3),
    (50_000, 4),
)  # up to so many: so many times the smallest tenant's units
UNITS_A_MINUTE, UNITS_A_DAY = 1_200, 1_200_000

# How long SharePoint takes to copy a photo after the visit: part of the people, seconds. Assumed; nobody has published it.
COPIED = ((0.70, 60.0), (0.20, 2_700.0), (0.10, 36_000.0))


@dataclass(frozen=True)
class Load:
    """Who writes when."""

    people: int
    affected: float  # part of them
    hours: float  # in which they write, spread evenly
    processors: int = 2

    @property
    def writers(self) -> float:
        return self.people * self.affected

    @property
    def factor(self) -> int:
        """How many times the smallest tenant's resource units."""
        return next((factor for most, factor in LICENCES if self.people <= most), 5)

    def arrivals(self, at: float) -> float:
        """People who write for the first time within the step that begins then."""
        return self.writers * STEP / (self.hours * HOUR) if at < self.hours * HOUR else 0.0


@dataclass
class Outcome:
    """Times in seconds after the first message; parts of the time that each budget was used up while somebody waited."""

    served: float = 0.0  # 99 of 100 had their twelve turns
    longest_wait: float = 0.0  # for an answer
    confirmed: float = 0.0  # 95 of 100 were told that the photo is there
    limits: Counter[str] = field(default_factory=Counter)
    waiting_steps: int = 0
    units: float = 0.0
    processor_seconds: float = 0.0
    busiest: float = 0.0  # processors at once


class DelayLine:
    """What comes back after a while. Amounts by step."""

    def __init__(self) -> None:
        self._due: dict[int, float] = {}

    def put(self, amount: float, step: int) -> None:
        """Comes back at that step."""
        if amount > 0:
            self._due[step] = self._due.get(step, 0.0) + amount

    def take(self, step: int) -> float:
        """What comes back now."""
        return self._due.pop(step, 0.0)


def steps(seconds: float) -> int:
    """At least one."""
    return max(1, round(seconds / STEP))


class Simulation:
    """One tenant from the first message until all is over, or ten days have passed."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.outcome = Outcome()
        self._waiting = [0.0] * TURNS  # people, by the turn that they wait for
        self._thinking = [DelayLine() for _ in range(TURNS)]
        self._copies, self._follow_ups = DelayLine(), DelayLine()
        self._behind = 0.0  # follow-ups that are due
        self._watched = DelayLine()
        self._watched_now = 0.0
        self._units_today = 0.0
        self._served = self._confirmed = 0.0

    def run(self, *, until_confirmed: bool = True) -> Outcome:
        """See `Outcome`."""
        for step in range(steps(10 * DAY)):
            now = step * STEP
            if now % DAY == 0:
                self._units_today = 0.0
            self._arrive(step, now)
            self._work(step)
            self._mark(now)
            if self.outcome.served and (self.outcome.confirmed or not until_confirmed):
                break
        return self.outcome

    def _arrive(self, step: int, now: float) -> None:
        self._waiting[0] += self.load.arrivals(now)
        for turn, line in enumerate(self._thinking):
            self._waiting[turn] += line.take(step)
        self._watched_now -= self._watched.take(step)
        self._behind += self._follow_ups.take(step)

    def _work(self, step: int) -> None:
        """Whom we watch first, since nothing holds that back for those who write; then turns, then follow-ups."""
        watch = min(WATCHING, self._watched_now / 10) * STEP
        looks, others = self._waiting[0] + self._waiting[-1], sum(self._waiting[1:-1])
        minute, day = UNITS_A_MINUTE * self.load.factor, UNITS_A_DAY * self.load.factor
        photos = PHOTOS_AT_ONCE / PHOTO_SECONDS * STEP
        units = min(minute / 60 * STEP, max(0.0, day - self._units_today))
        watch = min(watch, photos, units / WATCH_UNITS)
        photos, units = photos - watch, units - watch * WATCH_UNITS
        per_look = (FIRST_UNITS + CHECK_UNITS) / 2
        budgets = {"photos": photos, "SharePoint": units / per_look}
        part_of_looks = min(1.0, *(budget / looks for budget in budgets.values())) if looks else 1.0
        wanted = looks * part_of_looks + others
        processors = self.load.processors * STEP
        cpu = looks * part_of_looks * LOOK_CPU + wanted * TURN_CPU
        part = min(1.0, MESSAGES * STEP / wanted if wanted else 1.0, processors / cpu if cpu else 1.0)
        self._blame(looks + others, part_of_looks, part, budgets, cpu / processors)
        served_looks = looks * part_of_looks * part
        used = served_looks * per_look
        self._answer(step, part_of_looks * part, part)
        due = max(0.0, min(self._behind, photos - served_looks, (units - used) / WATCH_UNITS))
        self._behind -= due
        used += (watch + due) * WATCH_UNITS
        self._confirm(step)
        self._units_today += used
        self.outcome.units += used
        busy = cpu * part + (watch + due) * WATCH_CPU
        self.outcome.processor_seconds += busy
        self.outcome.busiest = max(self.outcome.busiest, busy / STEP)

    def _blame(self, waiting: float, looks: float, all_: float, budgets: dict[str, float], cpu: float) -> None:
        """Which budget was too small for those who wait."""
        if waiting and min(looks, all_) < 0.999:
            self.outcome.waiting_steps += 1
            named = min(budgets, key=lambda name: budgets[name]) if looks < all_ else "Teams"
            self.outcome.limits["processors" if cpu > 1 and named == "Teams" else named] += 1
        # The slowest queue of this step, if all goes on like this.
        slowest = min(looks * all_, all_)
        if waiting >= 1:
            self.outcome.longest_wait = max(self.outcome.longest_wait, STEP / slowest - STEP if slowest else DAY)

    def _answer(self, step: int, looks: float, others: float) -> None:
        for turn in range(TURNS):
            done = self._waiting[turn] * (looks if turn in (0, TURNS - 1) else others)
            self._waiting[turn] -= done
            if turn + 1 < TURNS:
                self._thinking[turn + 1].put(done, step + steps(THINKING))
                continue
            self._served += done
            self._watched_now += done
            self._watched.put(done, step + steps(WATCHED))
            for part, seconds in COPIED:
                self._copies.put(done * part, step + steps(_told(seconds, self._watched_now)))
                for after in FOLLOW_UPS:
                    if after > WATCHED and after < seconds:
                        self._follow_ups.put(done * part, step + steps(after))

    def _confirm(self, step: int) -> None:
        """Whoever's photo has come is told, unless follow-ups are behind: then a while later."""
        told = self._copies.take(step)
        if self._behind > 100 and told:
            self._copies.put(told, step + steps(60.0))
            return
        self._confirmed += told

    def _mark(self, now: float) -> None:
        if not self.outcome.served and self._served >= 0.99 * self.load.writers:
            self.outcome.served = now
        if not self.outcome.confirmed and self._confirmed >= 0.95 * self.load.writers:
            self.outcome.confirmed = now


def _told(seconds: float, watched: float) -> float:
    """When somebody is told of a copy that comes so many seconds after the visit."""
    if seconds < WATCHED:
        return seconds + max(10.0, watched / WATCHING)
    return next((at for at in FOLLOW_UPS if at >= seconds), FOLLOW_UPS[-1])


def pace(people: int, wait: float = 10.0) -> float:
    """How many people an hour can be told so that nobody waits longer than that for an answer, with a tenth to spare."""

    def well(an_hour: float) -> bool:
        hours = 3.0
        load = Load(people, hours * an_hour / people, hours)
        return Simulation(load).run(until_confirmed=False).longest_wait <= wait

    return round(0.9 * largest(well, 20_000.0), -2)


def largest(holds: Callable[[float], bool], most: float) -> float:
    """The largest number up to `most` for which it holds, to a hundredth of that."""
    low, high = 0.0, most
    while high - low > most / 100:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def clock(seconds: float) -> str:
    """In the unit that fits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 2 * DAY else f"{seconds / DAY:.1f} d"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="make scale")
    parser.add_argument("--people", type=int, nargs="*", default=[2_000, 20_000, 200_000, 2_000_000])
    parser.add_argument("--affected", type=float, default=0.2, help="part of them, 0 to 1")
    parser.add_argument("--processors", type=int, default=2, help="cores of all replicas together")
    chosen = parser.parse_args()
    table = Table(title=f"Until everybody affected has been served ({chosen.affected:.0%} of the people)")
    for name in ("people", "told", "served", "longest wait", "what is too small", "confirmed", "units", "cores"):
        table.add_column(name, justify="left" if name in ("told", "what is too small") else "right")
    for people in chosen.people:
        fitting = pace(people)
        hours = people * chosen.affected / fitting
        for told, spread in (("all in an hour", 1.0), (f"{fitting:,.0f} an hour", hours)):
            found = Simulation(Load(people, chosen.affected, spread, chosen.processors)).run()
            limit, often = next(iter(found.limits.most_common(1)), ("nothing", 0))
            share = f" ({often / found.waiting_steps:.0%})" if found.waiting_steps else ""
            table.add_row(
                f"{people:,}",
                told,
                clock(found.served),
                clock(found.longest_wait),
                limit + share,
                clock(found.confirmed) if found.confirmed else "later than 10 d",
                f"{found.units:,.0f}",
                f"{found.busiest:.2f}",
            )
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
