"""Topics as data: built from documents, refused as a whole if any of them could strand a person."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from dialogs.model import ACTIONS, LOOKS, STATES, STEP_ACTIONS, Outcome, Step, Topic, Verdict

BACK = "@back"
FORMS = ("comment", "locale", "summary", "address", "choices")
START = "desk.menu"
ARRIVAL = "desk.arrival"  # the look at who has just installed the bot
ASK, LEAVE, THANKS = "desk.ask", "desk.leave", "desk.thanks"  # where typed words lead, and no button does
EARLIER = "desk.earlier"  # the helpdesk writes about an earlier case
SOLVED_NOTICE = "notice.ticket_solved"  # the helpdesk has solved it; what it wrote then stands below
QUESTIONS = "questions"  # the topic whose steps answer questions, each by the question's own name
# What looking again by ourselves comes to. A verdict counts where it is news: another one than the last that could
# tell, or about another photo; `known` is any that could tell, `over` the end of the schedule.
LATER = (*(one.value for one in Verdict if one is not Verdict.UNKNOWN), "direct", "known", "over")
LINKS = ("chat", "ticket")  # the bot's own 1:1 chat, the page of the case's ticket
PAGES = ("office", "sharepoint", "onedrive", "about_sync")  # pages of Microsoft that have another address in each cloud
_NEEDED_STEPS = (START, ARRIVAL, ASK, LEAVE, THANKS)
_NEEDED_CHECKS = ("ticket", "forget")
_NEEDED_EVERYWHERE = ("fix", "check", "ticket")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_ARROWS = ("choices", "branches", "later")
_KINDS = {str: "a text", int: "a number", bool: "true or false", dict: "a table"}
_STEP_ENTRIES: Mapping[str, type] = {
    "check" if one.name == "on_arrival" else one.name: dict if one.name in _ARROWS else type(one.default)
    for one in fields(Step)
    if one.name != "id"
}
_MOST_LINES = 20  # below a card's text


class LibraryError(Exception):
    """Topics that cannot be used; `problems` has a line for each, naming file and step."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Library:
    """Every topic, and what the actions that work at every step lead to."""

    topics: Mapping[str, Topic]
    everywhere: Mapping[str, str]
    english: Collection[str] = ()  # the keys that have an English line

    def button(self, ref: str, action: str) -> str:
        """The key of a button's title: the step's own if it has one, else the action's."""
        own = f"{ref}.button.{action}"
        return own if own in self.english else f"button.{action}"

    def step(self, ref: str) -> Step:
        """The step called `topic.step`; raises KeyError if there is none."""
        return self.topics[ref.partition(".")[0]].steps[ref]

    def has(self, ref: str) -> bool:
        """Whether there is such a step: an old case may name one that is gone."""
        topic = self.topics.get(ref.partition(".")[0])
        return topic is not None and ref in topic.steps

    def steps(self) -> Iterator[Step]:
        """All steps of all topics, in the order of the files."""
        for topic in self.topics.values():
            yield from topic.steps.values()

    def steps_of(self, topic: str) -> tuple[Step, ...]:
        """The steps of one topic; () if there is no such topic."""
        return tuple(self.topics[topic].steps.values()) if topic in self.topics else ()

    def progress(self, ref: str) -> tuple[int, int] | None:
        """Which of how many numbered steps of its topic, from 1; None for a step without a number."""
        numbered = [step.id for step in self.topics[ref.partition(".")[0]].steps.values() if step.numbered]
        return (numbered.index(ref) + 1, len(numbered)) if ref in numbered else None


def build(documents: Mapping[str, Mapping[str, Any]], pictures: Collection[str], english: Collection[str]) -> Library:
    """The library from documents by topic id, as a topic's TOML file has them.

    `pictures` are the names of the illustrations there are, `english` the keys that have an English line.
    Raises `LibraryError` naming every topic that cannot be read, dead end, unreachable step, unknown check, action,
    target or picture, and missing English line.
    """
    topics: dict[str, Topic] = {}
    everywhere: dict[str, str] = {}
    problems: list[str] = []
    for topic_id, document in documents.items():
        try:
            topics[topic_id] = _topic(topic_id, document)
            for action, target in document.get("everywhere", {}).items():
                everywhere[action] = _ref(topic_id, target)
        except (TypeError, ValueError, AttributeError) as error:
            problems.append(f"{topic_id}.toml: {error}")
    if problems:
        raise LibraryError(tuple(problems))
    library = Library(topics, everywhere, frozenset(english))
    problems = [*_shape_problems(library, pictures), *_reach_problems(library), *_missing_problems(library)]
    if not problems:
        problems = [f"{key}: no English line" for key in keys(library) if key not in english]
    if problems:
        raise LibraryError(tuple(problems))
    return library


def _ref(topic_id: str, target: str) -> str:
    return target if "." in target or target == BACK else f"{topic_id}.{target}"


def _topic(topic_id: str, document: Mapping[str, Any]) -> Topic:
    unknown = set(document) - {"start", "steps", "everywhere"}
    if unknown:
        raise ValueError(f"unknown entry {', '.join(sorted(unknown))}")
    steps = document.get("steps", {})
    start = str(document.get("start", ""))
    if start not in steps:
        raise ValueError(f"the start {start!r} is not one of its steps")
    made = (_step(topic_id, step_id, table) for step_id, table in steps.items())
    return Topic(topic_id, f"{topic_id}.{start}", {step.id: step for step in made})


def _step(topic_id: str, step_id: str, table: Mapping[str, Any]) -> Step:
    unknown = table.keys() - _STEP_ENTRIES
    if unknown:
        raise ValueError(f"step {step_id}: unknown entry {', '.join(sorted(unknown))}")
    for name, value in table.items():
        if type(value) is not _STEP_ENTRIES[name]:
            raise ValueError(f"step {step_id}: {name} has to be {_KINDS[_STEP_ENTRIES[name]]}")
    if not 0 <= table.get("lines", 0) <= _MOST_LINES:
        raise ValueError(f"step {step_id}: lines has to be a number from 0 to {_MOST_LINES}")
    values = dict(table)
    for name in _ARROWS:
        values[name] = {key: _ref(topic_id, target) for key, target in table.get(name, {}).items()}
    return Step(id=f"{topic_id}.{step_id}", on_arrival=values.pop("check", ""), **values)


def _shape_problems(library: Library, pictures: Collection[str]) -> Iterator[str]:
    for action, target in library.everywhere.items():
        yield from _arrow_problems(library, "everywhere", action, target, ACTIONS)
    for step in library.steps():
        for action, target in step.choices.items():
            yield from _arrow_problems(library, step.id, action, target, ACTIONS)
        yield from _branch_problems(library, step)
        if not (step.choices or step.branches or step.outcome or step.entry):
            yield f"{step.id}: a dead end: no choice, no check, no outcome"
        if step.later:
            yield from _later_problems(library, step)
        if step.picture and step.picture not in pictures:
            yield f"{step.id}: no illustration {step.picture!r}"
        if step.form and step.form not in FORMS:
            yield f"{step.id}: unknown form {step.form!r}"
        if step.outcome and step.outcome not in list(Outcome):
            yield f"{step.id}: unknown outcome {step.outcome!r}"
        yield from _card_problems(library, step)


def _card_problems(library: Library, step: Step) -> Iterator[str]:
    if step.link and step.link not in (*LINKS, *PAGES) and not step.link.startswith("https://"):
        yield f"{step.id}: the link is not an https address"
    if step.form == "address" and not step.link:
        yield f"{step.id}: shows an address to copy, and has no link"
    if step.seen and not _MONTH.fullmatch(step.seen):
        yield f"{step.id}: seen has to be a month, such as 2026-11"
    if step.state and step.state not in STATES:
        yield f"{step.id}: unknown state {step.state!r}"
    if step.checklist and not any(one.numbered for one in library.steps_of(step.checklist)):
        yield f"{step.id}: the checklist {step.checklist!r} is no topic with numbered steps"
    if step.watch and not step.later:
        yield f"{step.id}: watches, and says nothing of what follows: `later` is missing"


def _arrow_problems(library: Library, where: str, action: str, target: str, allowed: Collection[str]) -> Iterator[str]:
    if action not in allowed:
        yield f"{where}: unknown action {action!r}"
    if not library.has(target) and not (target == BACK and allowed is ACTIONS):  # only who presses goes back
        yield f"{where}: {action} leads to {target!r}, which is no step"


def _branch_problems(library: Library, step: Step) -> Iterator[str]:
    if not step.on_arrival:
        if step.branches:
            yield f"{step.id}: branches without a check"
        return
    results = STEP_ACTIONS.get(step.on_arrival)
    if results is None:
        yield f"{step.id}: unknown check {step.on_arrival!r}"
        return
    for result in results:
        if result not in step.branches:
            yield f"{step.id}: the check {step.on_arrival} can end in {result!r}, which leads nowhere"
    for result, target in step.branches.items():
        yield from _arrow_problems(library, step.id, result, target, results)


def _later_problems(library: Library, step: Step) -> Iterator[str]:
    # The helpdesk has it, or the person was only shown the way: that the photo did not come is no news.
    silent = step.outcome == Outcome.ESCALATED or step.watch
    awaits = step.after_days or {"match", "known"} & set(step.later)  # a reminder waits for nothing but its day
    if not ("over" in step.later or silent) or not awaits:
        yield f"{step.id}: looking again later needs `over`, and `match` or `known`"
    for result, target in step.later.items():
        yield from _arrow_problems(library, step.id, result, target, LATER)
    known = step.later.get("known", "")
    if library.has(known) and library.step(known).on_arrival not in LOOKS:
        yield f"{step.id}: what is known later is decided by {known}, which does not look at photos"


def _reach_problems(library: Library) -> Iterator[str]:
    reached: set[str] = set()
    begun = (step.id for step in library.steps() if step.entry or step.answer)
    waiting = [*_NEEDED_STEPS, EARLIER, *library.everywhere.values(), *begun]
    while waiting:
        ref = waiting.pop()
        if ref in reached or not library.has(ref):
            continue
        reached.add(ref)
        step = library.step(ref)
        waiting += [*step.choices.values(), *step.branches.values(), *step.later.values()]
    for step in library.steps():
        if step.id not in reached:
            yield f"{step.id}: unreachable: no step leads there"


def _missing_problems(library: Library) -> Iterator[str]:
    """What the engine goes to without being led there by a step."""
    for ref in _NEEDED_STEPS:
        if not library.has(ref):
            yield f"{ref}: is missing"
    for check in _NEEDED_CHECKS:
        if not any(step.on_arrival == check for step in library.steps()):
            yield f"no step has the check {check!r}"
    for action in _NEEDED_EVERYWHERE:
        if action not in library.everywhere:
            yield f"everywhere: {action} is missing"
    look = library.everywhere.get("check", "")
    if library.has(look) and library.step(look).on_arrival not in LOOKS:
        yield f"everywhere: check leads to {look}, which does not look at photos"


def outdated(library: Library, month: str) -> tuple[Step, ...]:
    """The steps whose screen was last seen more than a year before a month such as "2026-11"."""
    year_before = f"{int(month[:4]) - 1:04}{month[4:]}"
    return tuple(step for step in library.steps() if step.seen and step.seen < year_before)


PLATFORMS = ("windows", "mac", "ios", "android", "other")


def keys(library: Library) -> tuple[str, ...]:
    """Every key the topics need a sentence for, each once; the cards' others are `card_content.EXTRA_KEYS`."""
    found: dict[str, None] = {}
    for step in library.steps():
        found[f"{step.id}.title"] = None
        found[f"{step.id}.body"] = None
        if step.picture:
            found[f"picture.{step.picture}"] = None
        if step.hints:
            found |= {f"hint.{step.hints}.{platform}": None for platform in PLATFORMS}
        if step.link and step.form != "address":
            found[f"{step.id}.link"] = None
        if step.heading:
            found[f"{step.id}.heading"] = None
        found |= {f"{step.id}.line{number}": None for number in range(1, step.lines + 1)}
        if step.more:
            found[step.more] = None
        for action in step.choices:
            found[library.button(step.id, action)] = None
    return tuple(found)
