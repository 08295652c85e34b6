"""What a message means here: the classifier's scores, weighed by what the person's card asks for, and what to do then.

The classifier scores every label (`dialogs.examples`) by the words alone. Here the scores become shares that add up to
1. An answer that the present card does not ask for ("done", "the same one") is weighed down, one that it asks for up:
"it is still the old one" is a request at the menu, and on a step it says that the step did not work. Labels that come
to the same thing at the present card are added up. Then, by the largest share:

  surely one thing          it is meant
  surely something else     nothing is meant: `other`
  anything between          the person is asked, between the two or three likeliest things

What is meant has to be twice as likely as anything else; an answer that the card asks for, thanks and hello one and a
half times; what ends, erases, hands over or changes the language has to be surer still; and nothing ends or is erased
by a question. However sure, such a guess is asked about where it is no button's title and no mere yes
(`dialogs.engine`): a word more, as in "do not delete it", takes it back. These shares were chosen on examples of
writers who were held out (decision 0005).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from dialogs.examples import LABELS, OTHER, Example
from dialogs.model import ANSWERS, Step

_REPLIES = frozenset({
    "next", "back", "not_yet", "missing", "failed", "yes", "no", "same", "different", "unsure", "another",
    "send_ticket", "forget_confirmed",
})  # fmt: skip
_OF_A_STEP = frozenset({"next", "back", "not_yet", "missing", "failed", "yes", "no", "another"})
_EXPECTED, _UNEXPECTED = 0.7, -2.0  # logarithms: what a reply is weighed by where the card asks for it, where not
_SAME_THING = (
    ("fix", "check"), ("yes", "next"), ("yes", "same"), ("no", "different"),
    ("forget_confirmed", "yes"), ("failed", "fix"), ("language", "set_language"),
)  # fmt: skip
_SURE = 0.4  # the share from which on it is meant
_AHEAD = 2.0  # how many times as likely as the next thing it has to be
_SURE_REPLY, _AHEAD_REPLY = 0.25, 1.5  # of what costs nothing: an answer that the card asks for, thanks, hello
_SMALL_TALK = ("thanks", "hello")
_SURE_OF = {
    **dict.fromkeys(("stop", "forget", "send_ticket", "ticket", "language", "set_language"), 0.6),
    "forget_confirmed": 0.9,  # what is erased is gone
    "next": 0.3,
    "same": 0.7,  # it ends the case
}
_SURELY_OTHER = 0.5
NO_QUESTION = ("stop", "forget", "forget_confirmed", "send_ticket", "same")
"""What ends, erases or hands over: no question asks for it."""
_POSSIBLE, _LIKELY = 0.12, 0.05  # a share worth asking for: where it may be something else, where not
_MOST_ASKED = 3
ASKED = (
    "fix", "add", "check", "ticket", "language", "forget", "stop", "menu", *(label for label in LABELS if "." in label),
)  # fmt: skip
"""What the person can be asked to choose between on any card."""
_ASKED_REPLIES = ("next", "same", "different", *ANSWERS)
_ASKED_AS = {
    "yes": ("same", "next"),
    "no": ("different",),
    "fix": ("failed",),
    "set_language": ("language",),
    "send_ticket": ("ticket",),
}  # what a label is asked for as, where that can be


@dataclass(frozen=True)
class Meaning:
    """One message. `label` is what to do, "" for nothing; `alternatives` what to ask between, then `label` is ""."""

    label: str = ""
    confidence: float = 0.0  # of the likeliest label
    alternatives: tuple[str, ...] = ()
    likeliest: str = ""


@dataclass(frozen=True)
class Vocabulary:
    """What words mean exactly, in the languages that are loaded, and an installation's own examples."""

    names: Mapping[str, str] = field(default_factory=dict)  # what a language is called, folded -> tag
    titles: Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]] = field(default_factory=dict)
    """tag -> folded title of a button -> (step or "", action)"""
    examples: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)  # tag -> of an installation's own file
    bases: Mapping[str, str] = field(default_factory=dict)  # tag of a variant -> of the language that it is laid over
    commands: Mapping[str, str] = field(default_factory=dict)
    """Folded title of a command of the app in Teams, in any language -> action: Teams writes it in its own language."""


def expected(step: Step) -> frozenset[str]:
    """The replies that a card asks for."""
    choices = step.choices
    found = {action for action in choices if action in _REPLIES}
    if "same" in choices:
        found |= {"same", "different", "unsure", "yes", "no", "another", "back"}
    elif "next" in choices:
        found |= _OF_A_STEP
    if found & {"forget_confirmed", "send_ticket"} or step.form == "choices":
        found |= {"yes", "no", "back"}
    return frozenset(found)


def judge(scores: Mapping[str, float], step: Step, *, question: bool = False) -> Meaning:
    """What a message of these scores means on the card of `step`; `question`: it ends in a question mark."""
    wanted = expected(step)
    shares = _shares(scores, wanted)
    likeliest = max(shares, key=shares.__getitem__)
    same = same_thing(likeliest, wanted)
    share = min(1.0, sum(shares.get(label, 0.0) for label in same))
    if likeliest == OTHER:
        alternatives = _likely(shares, wanted, _POSSIBLE) if shares[OTHER] < _SURELY_OTHER else ()
        return Meaning("", shares[OTHER], alternatives, OTHER)
    reply = likeliest in wanted or likeliest in _SMALL_TALK
    # "Yes" has to be as sure as what it would do here.
    costs = {one for one in (likeliest, *(step.choices if likeliest == "yes" else ())) if one in NO_QUESTION}
    counted = costs.union(one for one in same if one in wanted or one == likeliest)
    least = max(_SURE_OF.get(one, _SURE_REPLY if reply else _SURE) for one in counted)
    ahead = (_AHEAD_REPLY if reply else _AHEAD) * max(one for label, one in shares.items() if label not in same)
    if share >= max(least, ahead) and not (question and costs):
        return Meaning(likeliest, share, (), likeliest)
    return Meaning("", share, _likely(shares, wanted, _LIKELY), likeliest)


def _shares(scores: Mapping[str, float], wanted: frozenset[str]) -> dict[str, float]:
    weighed = {label: score + weight(label, wanted) for label, score in scores.items()}
    highest = max(weighed.values())
    exponentials = {label: math.exp(score - highest) for label, score in weighed.items()}
    total = sum(exponentials.values())
    return {label: one / total for label, one in exponentials.items()}


def weight(label: str, wanted: frozenset[str]) -> float:
    """What a label's score is weighed by on a card that asks for these replies."""
    if label in _REPLIES:
        return _EXPECTED if label in wanted else _UNEXPECTED
    # On a step "my photo is still wrong" says that the step did not help; it asks for no other look at the photos.
    return _UNEXPECTED if label == "fix" and "failed" in wanted else 0.0


def same_thing(label: str, wanted: frozenset[str]) -> set[str]:
    """A label, and those that come to the same thing on the present card."""
    pairs = (pair for pair in _SAME_THING if label in pair and set(pair) & _REPLIES <= wanted)
    return {label}.union(*pairs)


def _likely(shares: Mapping[str, float], wanted: frozenset[str], least: float) -> tuple[str, ...]:
    """The likeliest things that can be asked for, if the first of them has at least that share."""
    added: dict[str, float] = {}
    for label, share in shares.items():
        asked = _asked_as(label, wanted)
        if asked:
            added[asked] = added.get(asked, 0.0) + share
    # What ends or erases is offered only where it may well be meant: nobody likes to read it for no reason.
    offered = (label for label, share in added.items() if label not in NO_QUESTION or share >= _POSSIBLE)
    ordered = sorted(offered, key=lambda label: -added[label])
    if not ordered or added[ordered[0]] < least:
        return ()
    return tuple(ordered[:_MOST_ASKED])


def _asked_as(label: str, wanted: frozenset[str]) -> str:
    """What a label is called where it is asked for; "" where there is nothing to choose."""
    offered = (one for one in _ASKED_AS.get(label, ()) if one in ASKED or one in wanted)
    if label in ASKED or (label in _ASKED_REPLIES and label in wanted):
        return next(offered, label)
    return next(offered, "")
