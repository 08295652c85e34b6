"""`make model`: train on all examples of `locales/`, and write what ships."""

from __future__ import annotations

import sys

from bot.understanding.classifier import LANGUAGES, MEANINGS, document
from tools.understanding import environment, material


def main() -> int:
    """Write the models' files."""
    environment.prepare()
    from tools.understanding import folds, train  # noqa: PLC0415 - need what was just installed

    rows, source = material.rows(), material.digest()
    calibration = folds.calibration(list(folds.held_out(rows)))
    made_of = {MEANINGS: train.meanings(rows, source, calibration), LANGUAGES: train.languages(rows, source)}
    for file, made in made_of.items():
        file.write_bytes(document(made))
        sys.stdout.write(f"{file.name}: {file.stat().st_size:,} bytes, trained on {len(rows):,} sentences\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
