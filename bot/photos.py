"""Two pictures -> how alike they are. Pillow only; every file is hostile until opened.

Compared as pictures, not as bytes: SharePoint stores a smaller, re-encoded and sometimes slightly cropped thumbnail.
Both are brought to the same small size in luma and chroma, aligned by a small search over shift, and judged by their
worst block: a changed face before an unchanged wall is another picture.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat, UnidentifiedImageError

from bot.errors import NotAPicture

LARGEST_FILE = 8 << 20  # bytes
MOST_PIXELS = 20_000_000
REFUSALS = ("empty", "too large", "too many pixels", "unknown format", "broken")
_FORMATS = ("JPEG", "PNG")

_SIDE = 32  # pixels that are compared, each way
_BLOCK = 8
_CROPS = (0.0, 0.01, 0.02, 0.03)  # what SharePoint may have cut off each edge
_BRIGHTER = 6  # of 255
_CHROMA = 1.6
# Mean difference of a block, of 255; chosen on drawn portraits at all of Graph's and SharePoint's sizes.
_SAME, _DIFFERENT = 10.0, 18.0


@dataclass(frozen=True)
class Comparison:
    """`similarity` is 1 for the same picture; `verdict` is `same`, `different` or `unsure`."""

    similarity: float
    verdict: str
    sizes: tuple[tuple[int, int], tuple[int, int]]
    formats: tuple[str, str]


def compare(microsoft365: bytes, sharepoint: bytes) -> Comparison:
    """How alike two pictures are. Raises `NotAPicture`."""
    ours, theirs = _open(microsoft365), _open(sharepoint)
    first, second = _reduced(ours), _reduced(theirs)
    worst = min(_worst_block(_small(first, crop), _small(second, other)) for crop, other in _PAIRS)
    verdict = "same" if worst <= _SAME else "different" if worst >= _DIFFERENT else "unsure"
    formats = (str(ours.format), str(theirs.format))
    return Comparison(round(max(0.0, 1.0 - worst / 64.0), 4), verdict, (ours.size, theirs.size), formats)


_PAIRS = ((0.0, 0.0), *((crop, 0.0) for crop in _CROPS[1:]), *((0.0, crop) for crop in _CROPS[1:]))


def is_placeholder(data: bytes) -> bool:
    """Whether it is what is shown where there is no photo: a flat grey silhouette. Raises `NotAPicture`."""
    picture = _upright(_open(data)).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    hsv = picture.convert("HSV").split()
    if ImageStat.Stat(hsv[1]).mean[0] > 12:
        return False
    levels = picture.convert("L").histogram()
    flat = sorted((sum(levels[low : low + 12]) for low in range(0, 256, 6)), reverse=True)
    first = max(range(0, 256, 6), key=lambda low: sum(levels[low : low + 12]))
    rest = max(
        (sum(levels[low : low + 12]) for low in range(0, 256, 6) if abs(low - first) >= 12),
        default=0,
    )
    return flat[0] + rest >= 0.85 * _SIDE * _SIDE


def thumbnail(data: bytes, size: int = 120, limit: int = 5_500) -> bytes:
    """A small upright JPEG without metadata of at most `limit` bytes. Raises `NotAPicture`."""
    picture = ImageOps.fit(_upright(_open(data)), (size, size), Image.Resampling.LANCZOS)
    for quality in (85, 75, 60, 45, 30, 15):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= limit:
            return out.getvalue()
    raise NotAPicture("too large")


def _open(data: bytes) -> Image.Image:
    if not data:
        raise NotAPicture("empty")
    if len(data) > LARGEST_FILE:
        raise NotAPicture("too large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise NotAPicture("unknown format") from None
    except Exception:
        raise NotAPicture("broken") from None
    if picture.width * picture.height > MOST_PIXELS:
        raise NotAPicture("too many pixels")
    return picture


def _upright(picture: Image.Image) -> Image.Image:
    """Decoded, turned as its EXIF says, in sRGB, on white."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture.draft("RGB", (_SIDE * 8, _SIDE * 8))
            picture.load()
            turned = ImageOps.exif_transpose(picture)
            return _on_white(_in_srgb(turned))
    except Exception:
        # Pillow raises many kinds for a damaged file: OSError, SyntaxError, ValueError, struct.error, ...
        raise NotAPicture("broken") from None


def _in_srgb(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):
        return picture.point(lambda level: level / 257).convert("L").convert("RGB")
    if not profile or picture.mode not in ("RGB", "CMYK", "L"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture  # a profile that does not fit is as good as none
    return made if made is not None else picture


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        front = picture.convert("RGBA")
        back = Image.new("RGBA", front.size, "white")
        return Image.alpha_composite(back, front).convert("RGB")
    return picture.convert("RGB")


def _reduced(picture: Image.Image) -> Image.Image:
    """The middle square, small enough that the search costs little."""
    return ImageOps.fit(_upright(picture), (_SIDE * 4, _SIDE * 4), Image.Resampling.BILINEAR)


def _small(picture: Image.Image, crop: float) -> Image.Image:
    width, height = picture.size
    side = min(width, height) * (1 - 2 * crop)
    left, top = (width - side) / 2, (height - side) / 2
    return picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, (left, top, left + side, top + side)).convert(
        "YCbCr"
    )


def _worst_block(first: Image.Image, second: Image.Image) -> float:
    """Mean difference of the block that differs most, of 255; chroma counts more than luma."""
    brighter = ImageStat.Stat(first.getchannel(0)).mean[0] - ImageStat.Stat(second.getchannel(0)).mean[0]
    # A small change of brightness alone is re-encoding, not another picture; a change of colour is one.
    offset = round(max(-_BRIGHTER, min(_BRIGHTER, brighter)))
    luma = ImageChops.difference(
        first.getchannel(0).point([max(0, level - offset) for level in range(256)]), second.getchannel(0)
    )
    planes = [luma, *(ImageChops.difference(first.getchannel(n), second.getchannel(n)) for n in (1, 2))]
    blocks = _SIDE // _BLOCK
    luma_worst, *chroma_worst = (_brightest(plane.resize((blocks, blocks), Image.Resampling.BOX)) for plane in planes)
    return max(luma_worst, _CHROMA * max(chroma_worst))


def _brightest(plane: Image.Image) -> float:
    return float(max(level for level, count in enumerate(plane.histogram()) if count))
