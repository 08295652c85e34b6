"""Learning an installation's own examples while the bot runs: corrections laid over the model that ships.

Passive-aggressive learning: each example whose label does not win by a margin moves the weights of its features towards
its label and away from the strongest other one, just as far as it takes. What is right already changes nothing, so a
file that repeats what ships learns nothing. Examples are gone through in their order, a few times: the same file always
gives the same corrections. Runs in a thread of its own, and lets go of the interpreter after every example, so
that the event loop waits for one of them at most.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from bot.understanding.classifier import Model, features
from dialogs.examples import Example

Corrections = dict[int, list[int]]
"""Row of the model's table -> what is added to its weights, by label."""

_ROUNDS = 5
_MARGIN = 2.5  # logarithm of odds by which the right label has to win
_MOST = 3_000  # examples that are learned
_SECONDS = 2.5  # after which no other round is begun


def learn(model: Model, given: Iterable[Example]) -> Corrections:
    """Corrections by which every example comes out as its label, as far as they agree with each other."""
    known = {label: at for at, label in enumerate(model.labels)}
    wanted = [(sorted(features(one.text)), known[one.label]) for one in given if one.label in known][:_MOST]
    found: Corrections = {}
    end = time.monotonic() + _SECONDS
    for _ in range(_ROUNDS):
        wrong = sum(_correct(model, found, rows, label) for rows, label in wanted if rows)
        if not wrong or time.monotonic() > end:
            break
    return found


def _correct(model: Model, found: Corrections, rows: list[int], label: int) -> bool:
    """Move the weights for one example; whether that was needed."""
    time.sleep(0)  # the event loop goes first
    scores = model.scores(rows, found)
    rival = max((at for at in range(len(scores)) if at != label), key=scores.__getitem__)
    lacking = _MARGIN - (scores[label] - scores[rival])
    if lacking <= 0:
        return False
    step = math.ceil(lacking * model.size(rows) / model.scale / (2 * len(rows)))
    for row in rows:
        weights = found.setdefault(row, [0] * len(scores))
        weights[label] += step
        weights[rival] -= step
    return True
