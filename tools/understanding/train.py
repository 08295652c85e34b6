"""Examples -> the model that ships: a linear classifier, one label against the others, its weights in a byte each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sp
from sklearn.svm import LinearSVC

from bot.understanding.classifier import HALF, ROWS, Model, features
from dialogs.examples import LABELS
from tools.understanding.material import Row

_C = 2.0  # how much a wrong example weighs against small weights; 0.5 and 8 are worse
_ROWS_OF_LANGUAGES = 1 << 16  # which language it is needs less telling apart than what is meant
_SHORTEST = 6  # letters of a text that tells its language
_SIZES = 2.0  # as in bot.understanding.classifier


def train(
    texts: Sequence[str],
    meant: Sequence[str],
    labels: Sequence[str],
    source: str = "",
    calibration: tuple[float, Mapping[str, float]] = (1.0, {}),
    rows: int = ROWS,
) -> Model:
    """The model of some texts and what each means; the same texts in the same order give the same one.

    `source` says what it was trained on; `calibration` what scores are multiplied with, and what is added to each
    label's. Without it they are margins. `rows` are those of its table.
    """
    found = [sorted({one % rows for one in features(text)}) for text in texts]
    ends = np.cumsum([0, *map(len, found)])
    columns = np.fromiter((one for each in found for one in each), np.int32, ends[-1])
    counted = np.bincount(columns, minlength=rows)
    # A feature's size: the rarer, the larger. Its square in halves, as the table keeps it.
    squares = np.clip(np.round(_SIZES * (np.log((len(texts) + 1) / (counted + 1)) + 1) ** 2), 1, 255)
    sizes = np.sqrt(squares / _SIZES)
    table = sp.csr_matrix((sizes[columns], columns, ends), shape=(len(texts), rows))
    lengths = np.sqrt(np.maximum(1.0, np.asarray(table.multiply(table).sum(axis=1)).ravel()))
    table = (sp.diags(1 / lengths) @ table).tocsr()
    fitted = LinearSVC(C=_C, tol=0.02, random_state=0).fit(table, meant)
    order = [list(fitted.classes_).index(label) for label in labels]
    weights = fitted.coef_[order] * sizes  # label x feature
    unit = np.quantile(np.abs(weights[weights != 0]), 0.9999) / (HALF - 1)
    width = len(labels) + 1 + (len(labels) + 1) % 2
    packed = np.zeros((rows, width), np.uint8)
    packed[:, : len(labels)] = (np.clip(np.round(weights / unit), 1 - HALF, HALF - 1) + HALF).T.astype(np.uint8)
    packed[:, -1] = squares.astype(np.uint8)
    factor, more = calibration
    ours = zip(labels, fitted.intercept_[order], strict=True)
    offsets = [round(float(one) * factor + more.get(label, 0.0), 5) for label, one in ours]
    scale = float(f"{unit * factor:.8g}")
    return Model(tuple(labels), source, scale, offsets, width, packed.tobytes(), rows)


def meanings(
    rows: Sequence[Row], source: str = "", calibration: tuple[float, Mapping[str, float]] = (1.0, {})
) -> Model:
    """What messages mean."""
    labels = [label for label in LABELS if any(row.label == label for row in rows)]
    return train([row.text for row in rows], [row.label for row in rows], labels, source, calibration)


def languages(rows: Sequence[Row], source: str = "") -> Model:
    """Which language messages are in; scores are margins."""
    rows = [row for row in rows if len(row.text) > _SHORTEST]
    tags = sorted({row.tag for row in rows})
    return train([row.text for row in rows], [row.tag for row in rows], tags, source, rows=_ROWS_OF_LANGUAGES)
