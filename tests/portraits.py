"""The sandbox's portraits, each drawn once: it takes a tenth of a second. Not to be drawn on."""

from __future__ import annotations

import functools

from sandbox import portraits

portrait = functools.cache(portraits.portrait)
near = functools.cache(portraits.near)
