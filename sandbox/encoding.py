"""Pictures as JPEG files. A crowd shares its pictures, so each file is made once."""

from __future__ import annotations

import io

from PIL import Image

_MOST = 128  # files that are kept

_kept: dict[tuple[int, tuple[int, int], int], tuple[Image.Image, bytes]] = {}


def jpeg(picture: Image.Image, sides: tuple[int, int], *, quality: int) -> bytes:
    """A JPEG of that size."""
    key = id(picture), sides, quality
    held = _kept.get(key)
    if held is None:
        out = io.BytesIO()
        smaller = picture.convert("RGB").resize(sides, Image.Resampling.LANCZOS, reducing_gap=2.0)
        smaller.save(out, "JPEG", quality=quality)
        if len(_kept) >= _MOST:
            _kept.clear()
        # The picture is kept with it: as long as it lives nothing else has its id.
        held = _kept[key] = picture, out.getvalue()
    return held[1]
