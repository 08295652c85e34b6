"""Each writer's sentences scored by a model that was trained on the others': what `make words` reports, and by what the
scores of the model that ships become logarithms of odds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from bot.understanding.classifier import features
from dialogs import meaning
from dialogs.examples import LABELS
from dialogs.model import Step
from tools.understanding import train
from tools.understanding.material import Row

# Who wrote what the earlier ones had not thought of, or without having seen them: the nearest to people. The first two
# would take most of the examples away with them, and the others wrote a few languages only.
WRITERS = ("writer 3", "writer 5", "writer 7")
_MENU = Step("desk.menu", choices={"fix": "look.photos", "add": "add_photo.find_picture"})
_STEP = Step("resync.tile", choices={"next": "resync.page"}, numbered=True)
_COMPARE = Step("look.unsure", choices={"same": "look.same", "different": "resync.private_window"}, photos=True)
_COMMENT = Step("desk.ticket", choices={"send_ticket": "desk.handing"}, form="comment")
_FORGET = Step("desk.forget", choices={"forget_confirmed": "desk.erasing"})
_CARDS = {
    **dict.fromkeys(("next", "back", "not_yet", "missing", "failed", "yes", "no", "another"), _STEP),
    **dict.fromkeys(("same", "different", "unsure"), _COMPARE),
    "send_ticket": _COMMENT,
    "forget_confirmed": _FORGET,
}


class Fold(NamedTuple):
    """One writer's sentences, and their scores."""

    writer: str
    rows: list[Row]
    scores: np.ndarray  # sentence x label
    labels: tuple[str, ...]


def card_of(label: str) -> Step:
    """The card on which somebody would write that: an answer on the step that it answers, the rest at the menu."""
    return _CARDS.get(label, _MENU)


def held_out(rows: Sequence[Row]) -> Iterator[Fold]:
    """The folds, with scores as margins."""
    for writer in WRITERS:
        made = train.meanings([row for row in rows if row.writer != writer])
        held = [row for row in rows if row.writer == writer]
        yield Fold(writer, held, np.array([made.scores(features(row.text)) for row in held]), made.labels)


def calibration(folds: Sequence[Fold]) -> tuple[float, dict[str, float]]:
    """What margins are multiplied with, and what is added to each label's, so that shares are frequencies."""
    labels = folds[0].labels
    margins = np.vstack([fold.scores for fold in folds])
    meant = np.array([labels.index(row.label) for fold in folds for row in fold.rows])
    weights = np.array([[meaning.weight(label, meaning.expected(card_of(one))) for label in labels] for one in labels])
    chosen = np.arange(len(meant))

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        factor, offsets = np.exp(point[0]), point[1:]
        logits = margins * factor + offsets + weights[meant]
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        shares /= shares.sum(axis=1, keepdims=True)
        slope = shares.copy()
        slope[chosen, meant] -= 1
        slope /= len(meant)
        value = -np.log(shares[chosen, meant] + 1e-12).mean() + 1e-4 * (offsets @ offsets)
        return value, np.concatenate([[(slope * margins).sum() * factor], slope.sum(axis=0) + 2e-4 * offsets])

    found = minimize(loss, np.zeros(len(labels) + 1), jac=True, method="L-BFGS-B").x
    offsets = {label: round(float(found[1 + labels.index(label)]), 3) for label in LABELS if label in labels}
    return round(float(np.exp(found[0])), 3), offsets
