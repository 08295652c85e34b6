"""What trains the classifier, in an environment of its own: the product needs none of it."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.environment import packages

_FOLDER = Path(__file__).resolve().parents[2] / ".venv-train"
_LOCK = Path(__file__).with_name("packages.lock")


def prepare() -> None:
    """Make numpy, scipy and scikit-learn importable."""
    sys.path.append(str(packages(_FOLDER, _LOCK, "what trains the classifier")))
