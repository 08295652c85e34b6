"""Two pictures -> how alike they are; and a small one for a card.

Pictures are compared, not bytes: SharePoint's copy is smaller, re-encoded, sometimes with another colour profile and a
few per cent cropped off its edges. Two photos of one person before one wall are alike in most places, so an average
over the picture, or a perceptual hash, says too little. The measure is the spot that differs most: re-encoding spreads
small errors everywhere, while another face before the same wall is one large spot.

1. Both are decoded: upright, sRGB, on a background (`decode`), at no less than twice the grid they are compared on.
   Decoded smaller, fine pattern aliases, and a striped shirt differs from its own copy.
2. At a glance, 8 x 8 pixels: what is far off there is another picture, and the rest is not computed.
3. They are aligned, edge on edge (`alignment`), and the common part is sampled onto one grid, which is as fine as the
   smaller of the two can fill: a thumbnail shows less, and is asked for less.
4. The differences of light, less what the whole picture is brighter, and of colour are blurred to spots; the largest
   counts. Where both pictures have fine texture, some difference of light is what scaling leaves of it, and forgiven.
5. Where that is too much, there may be a reason other than another photo, and the best reading counts: a
   colour profile that was dropped, transparency on black instead of white, an oblong photo and its middle square; and
   light averaged as light and not as stored numbers, or single pixels picked and the others left out, as far as that
   explains what differs all over the picture. Where it is little but the mirror image fits far better, it is another
   picture.
6. Where the file is lost that would explain the rest, as a copy was made of a larger one than ours, what is near the
   border is judged by what such a copy can differ in at most: by a share of the finest texture that is left, or, as
   light averaged as light is never darker, by being a little lighter in much of the picture and darker nowhere.

Similarity is the odds that a pair with such a difference shows one photo: 0.5 is the border, 1 the same picture; from
0.75 (three to one) it is said to be the same, up to 0.25 another, and between them the person decides. Where the
figures come from and how often they err: docs/photos.md.
"""

from __future__ import annotations

import array
import functools
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import mul
from typing import cast

from PIL import Image, ImageChops, ImageFilter, ImageOps

from bot.errors import NotAPicture
from bot.photos.alignment import Box, aligned, sampled
from bot.photos.colours import as_if_dropped, in_linear_light
from bot.photos.decode import Decoded, decode, middle_square

# A name in LEVELS is of 255. One in SHARE is a part of 1, and the comment says of what.
_DECODED_PIXELS = 128  # at least, each way
_GLANCE_PIXELS = 8  # each way, for a first look
_FORGIVEN_LEVELS = 6.0  # of overall brightness, as re-encoding changes it
_STEP = 0.5  # levels: differences are kept in such steps
_ALIKE_LEVELS = 8.0  # a spot that differs by less needs no other reason
_EXPLICABLE_LEVELS = 60.0  # one that differs by more has none
_EXPLICABLE_COLOUR_LEVELS = 130.0  # in colour, where a wide gamut was dropped
_FULL_DECODE_LEVELS = 40.0  # up to here it pays to decode the larger file in full
_USUAL_CONTRAST, _LEAST_CONTRAST = 26.0, 17.0  # levels, standard deviation: in a duller picture differences count more
_GLANCE_LEVELS = 20.0  # on average at first sight: the same photo never came to more than 8
_ANOTHER_LEVELS = 255.0  # another picture at a glance
_MIRRORED_SHARE = 0.6  # of the difference, that is left where a picture is the mirror image
_BLOCKS = 8  # each way, in which a reading has to bear itself out
# Of what differs there, that a reading explains at least: scaling in another way, which makes worse what it is not the
# reason for; no crop at all, which is worse only where there was one; a dropped profile.
_RESAMPLED_SHARE, _UNCROPPED_SHARE, _UNPROFILED_SHARE = 0.03, -0.05, 0.3
_COLOUR_SHARE = 0.5  # of `_Grid.same`: a thumbnail that differs by less in colour dropped no profile
_PALER_WEIGHT = 1.5  # how much more a difference of colour counts between pictures that were made paler
_REST_SHARE = 0.4  # of a spot: where a reading leaves no more and makes nothing worse, nothing else need bear it out
# Where one picture is lighter: by so much at least, in this share of its spots; at most; how much the other one may be
# lighter anywhere, as a share of that; and how far all that may be beyond the border, which is 1.
_LIGHTER_LEVELS, _LIGHTER_AREA_SHARE, _LIGHTEST_LEVELS, _DARKER_SHARE, _MOST_BORDERS = 2.0, 0.25, 34.0, 0.35, 2.0
# Of the finest texture, that is forgiven; and of `_Grid.same`, that may be left then.
_TEXTURE_SHARE, _UNTEXTURED_SHARE = 0.5, 0.5
# In a smaller picture, what is explained in part and differs by little more than `_Grid.different` is unsure.
_TINY_PIXELS, _TINY_FACTOR = 64, 1.2
_WHOLE = (0.0, 0.0, 1.0, 1.0)
_MARKED_COLOUR = (209, 52, 56)  # red, on a card
SAME, DIFFERENT = 0.75, 0.25  # similarity from which on, and down to which, the verdict is sure


@dataclass(frozen=True)
class _Grid:
    """How two pictures are compared, and what their worst spot says. Measured by `make photos-eval`."""

    side: int  # pixels each way
    colour_reach: int  # pixels of the grid around each, of a spot of colour
    chroma: float  # how much more a difference of colour counts
    texture: float  # how much of the texture of both is forgiven in light
    colour_texture: float  # and in colour
    same: float  # of 255: a spot that differs by no more is the same picture three times in four
    different: float  # of 255: one that differs by more, once in four

    @property
    def border(self) -> float:
        """Of 255: as likely the same as not."""
        return math.sqrt(self.same * self.different)

    def similarity(self, worst: float) -> float:
        """From 1 to 0; 0.5 at the border."""
        steep = math.log(3) / math.log(self.border / self.same)
        return 1 / (1 + math.pow(worst / self.border, steep))


_THUMBNAILS = ((240, 7_000), (150, 3_500))  # pixels and bytes: on a card, and on one with very long texts
# By the smaller side of the smaller picture, in pixels: the least, and the grid.
_GRIDS = (
    (190, _Grid(64, 3, 1.6, 0.15, 0.5, 13.0, 20.0)),
    (90, _Grid(48, 3, 1.3, 0.15, 0.5, 9.8, 19.5)),
    (0, _Grid(32, 3, 0.8, 0.0, 0.5, 8.2, 15.0)),
)
_PALETTE = _Grid(32, 2, 1.0, 0.3, 0.5, 12.0, 22.0)  # many a shade is lacking
# RGB -> light and two differences of colour, as JPEG has them but all of them about 0
_LIGHT_AND_COLOUR = (0.299, 0.587, 0.114, 0, -0.169, -0.331, 0.5, 128, 0.5, -0.419, -0.081, 128)

_AWAY = [min(255, abs(by)) for by in range(-256, 256)]
_AWAY_FROM_MIDDLE = _AWAY[128:384]
_FORGIVEN_TEXTURE = [min(255, round(_TEXTURE_SHARE * level / _STEP)) for level in range(256)]


@dataclass(frozen=True)
class Comparison:
    """`similarity` is 1 for the same picture; `verdict` is `same`, `different` or `unsure`."""

    similarity: float
    verdict: str
    sizes: tuple[tuple[int, int], tuple[int, int]]  # pixels, as stored
    formats: tuple[str, str]  # JPEG or PNG


@dataclass(frozen=True)
class _Spot:
    """How much the spot differs that differs most, of 255: in light, and in colour as far as that counts."""

    light: float
    colour: float

    @property
    def worst(self) -> float:
        return max(self.light, self.colour)


@dataclass(frozen=True)
class _Overlay:
    """Two pictures laid over each other."""

    first: Image.Image
    second: Image.Image
    parts: tuple[Box, Box]  # of each, what both show
    one: Image.Image  # that part of the first one, on the grid
    two: Image.Image
    counts: float  # how much more a difference counts, as the pictures are dull


def compare(microsoft365: bytes, sharepoint: bytes) -> Comparison:
    """How alike two pictures are. Raises `NotAPicture`."""
    ours, theirs = decode(microsoft365, _DECODED_PIXELS), decode(sharepoint, _DECODED_PIXELS)
    # Which of them is laid over the other one must not depend on where they came from.
    ordered = (ours.size, microsoft365) > (theirs.size, sharepoint)
    first, second, larger = (ours, theirs, microsoft365) if ordered else (theirs, ours, sharepoint)
    grid = _grid(ours, theirs)
    found = 1.0 if microsoft365 == sharepoint else grid.similarity(_difference(first, second, grid, larger))
    similarity = round(found, 4)  # first, as what lies on a limit must not depend on the last binary digit
    verdict = "same" if similarity >= SAME else "different" if similarity <= DIFFERENT else "unsure"
    return Comparison(similarity, verdict, (ours.size, theirs.size), (ours.format, theirs.format))


def _grid(ours: Decoded, theirs: Decoded) -> _Grid:
    if ours.few_colours or theirs.few_colours:
        return _PALETTE
    smaller = min(ours.size + theirs.size)
    return next(grid for least, grid in _GRIDS if smaller >= least)


def _readings(first: Decoded, second: Decoded) -> Iterable[tuple[Image.Image, Image.Image]]:
    """What to lay over each other: the pictures, also as if a profile had been dropped, or black been laid behind
    transparency instead of white, and as squares if one is.
    """
    pairs = [(first.picture, second.picture)]
    if first.on_black or second.on_black:
        pairs.append((first.on_black or first.picture, second.on_black or second.picture))
    if first.unprofiled and not second.unprofiled:
        pairs.append((first.unprofiled, second.picture))
    if second.unprofiled and not first.unprofiled:
        pairs.append((first.picture, second.unprofiled))
    for one, two in pairs:
        yield one, two
        if abs(math.log(one.width * two.height / (one.height * two.width))) > 0.05:
            yield one.crop(_rounded(middle_square(one))), two.crop(_rounded(middle_square(two)))


def _difference(first: Decoded, second: Decoded, grid: _Grid, larger: bytes) -> float:
    """Of the worst spot, of 255, in the reading in which they are most alike. `larger` is the file of `first`."""
    tried = [_overlaid(one, two, grid) for one, two in _readings(first, second)]
    (worst, mirrored), overlay = min(((_worst(one, grid), one) for one in tried), key=lambda found: found[0])
    if grid.same < worst <= _FULL_DECODE_LEVELS and first.size > second.size:
        # The services' own filters saw every pixel.
        overlay = _overlaid(decode(larger, max(first.size)).picture, second.picture, grid)
        found, mirrored = _worst(overlay, grid)
        worst = min(worst, found)
        if overlay and worst > grid.same and not mirrored:
            worst = min([worst, *_resampled(overlay, grid, worst)])
    if overlay is None or mirrored or not grid.same < worst <= _MOST_BORDERS * grid.border:
        return worst
    left = _beyond_texture(overlay, grid)
    if worst <= grid.different:
        return min(worst, grid.same) if left <= _UNTEXTURED_SHARE * grid.same else worst
    return grid.border if left <= grid.same or _is_lighter(overlay) else worst


def _beyond_texture(overlay: _Overlay, grid: _Grid) -> float:
    """The worst spot less what the finest texture of the larger picture may come to, whatever pixels were taken."""
    light = overlay.first.convert("L")
    fine = ImageChops.difference(light, light.filter(ImageFilter.BoxBlur(1)))
    fine = sampled(fine, overlay.parts[0], grid.side).filter(ImageFilter.BoxBlur(1)).point(_FORGIVEN_TEXTURE)
    one, two = (picture.convert("RGB", _LIGHT_AND_COLOUR).getchannel(0) for picture in (overlay.one, overlay.two))
    lit = ImageChops.subtract(one, two, _STEP, 128).filter(ImageFilter.BoxBlur(1))
    left = ImageChops.subtract(lit.point(_away_from(_middle(lit))), fine).crop((1, 1, grid.side - 1, grid.side - 1))
    return overlay.counts * max(_most(left) * _STEP, _spot(overlay.one, overlay.two, grid).colour)


def _is_lighter(overlay: _Overlay) -> bool:
    """Whether one of them is lighter in much of the picture, by a little, and the other one hardly anywhere in any
    colour. So is a picture that was averaged as light, as no mean of light is less than that of the stored numbers;
    and where the fine pattern is gone from both files nothing else tells why.
    """
    off = ImageChops.subtract(overlay.one, overlay.two, _STEP, 128).filter(ImageFilter.BoxBlur(1))
    off = off.crop((1, 1, off.width - 1, off.height - 1))
    extremes = _extremes(off)
    darker, lighter = 128 - min(least for least, _ in extremes), max(most for _, most in extremes) - 128
    if max(darker, lighter) > _LIGHTEST_LEVELS / _STEP or min(darker, lighter) > _DARKER_SHARE * max(darker, lighter):
        return False
    counts, by = off.convert("L").histogram(), round(_LIGHTER_LEVELS / _STEP)
    return sum(counts[: 128 - by] if darker > lighter else counts[129 + by :]) >= _LIGHTER_AREA_SHARE * sum(counts)


def _resampled(overlay: _Overlay, grid: _Grid, worst: float) -> Iterator[float]:
    """The worst spot with the first one made as small as the second one in other ways: averaged as light, which makes
    fine pattern lighter, or one pixel taken of many, which makes another pattern of it; and with neither of them
    cropped, where fine pattern has misled the alignment. What the rest of the picture does not bear out is no more
    than a doubt, and in large pictures not even that.
    """
    first, second, side = overlay.first, overlay.second, (grid.side, grid.side)
    fitted = overlay.one, overlay.two
    one = first.resize(side, Image.Resampling.BICUBIC, reducing_gap=3.0)
    whole = one, second.resize(side, Image.Resampling.BICUBIC)
    if _explained(fitted, whole) >= _UNCROPPED_SHARE:
        yield overlay.counts * _spot(*whole, grid).worst
    light = in_linear_light(first, min(second.size))
    for parts, plain in ((overlay.parts, fitted), ((_WHOLE, _WHOLE), whole)):
        pixels = max(1, round(min(second.size) * (parts[1][2] - parts[1][0])))
        picked = sampled(first, parts[0], pixels, Image.Resampling.NEAREST)
        for small, part in (light, parts[0]), (picked, _WHOLE):
            made = _on_grid(small, part, grid), plain[1]
            explained, left = _explained(plain, made), overlay.counts * _spot(*made, grid).worst
            if explained >= _RESAMPLED_SHARE or (explained >= 0 and left <= _REST_SHARE * worst):
                # A first one that is a thumbnail itself lacks what would explain the rest.
                yield (
                    min(left, grid.border)
                    if min(second.size) < _TINY_PIXELS and left <= _TINY_FACTOR * grid.different
                    else left
                )
            elif plain is fitted and grid is not _GRIDS[0][1] and worst > grid.border:
                yield max(grid.border, left)


def _explained(plain: tuple[Image.Image, Image.Image], made: tuple[Image.Image, Image.Image]) -> float:
    """The share of what differs that another reading explains all over the picture, below 0 if it makes it worse. The
    places where it explains most do not count: those may be thin glasses, which any coarser filter hides.
    """
    gains = sorted((before - after, before) for before, after in zip(_apart(plain), _apart(made), strict=True))
    counted = gains[: -len(gains) // 8]
    return sum(gain for gain, _ in counted) / (sum(before for _, before in counted) or 1)


def _apart(pair: tuple[Image.Image, Image.Image]) -> Sequence[float]:
    """By how much they differ on average, block by block, of 255."""
    off = ImageChops.difference(*pair).convert("L").convert("F")
    return array.array("f", off.resize((_BLOCKS, _BLOCKS), Image.Resampling.BOX).tobytes())


def _overlaid(first: Image.Image, second: Image.Image, grid: _Grid) -> _Overlay | None:
    """None if they are different pictures at a glance."""
    glances = [picture.resize((_GLANCE_PIXELS, _GLANCE_PIXELS), Image.Resampling.BOX) for picture in (first, second)]
    off = ImageChops.difference(*glances).tobytes()
    if sum(off) / len(off) > _GLANCE_LEVELS:
        return None
    counts = _USUAL_CONTRAST / min(_USUAL_CONTRAST, max(_LEAST_CONTRAST, *map(_contrast, glances)))
    parts = aligned(first, second)
    return _Overlay(first, second, parts, _on_grid(first, parts[0], grid), _on_grid(second, parts[1], grid), counts)


def _worst(overlay: _Overlay | None, grid: _Grid) -> tuple[float, bool]:
    """The worst spot in one reading, and whether one picture is the mirror image of the other."""
    if overlay is None:
        return _ANOTHER_LEVELS, False
    spot = _spot(overlay.one, overlay.two, grid)
    worst = overlay.counts * spot.worst
    if (
        worst <= _ALIKE_LEVELS
        or overlay.counts * spot.light > _EXPLICABLE_LEVELS
        or spot.colour > _EXPLICABLE_COLOUR_LEVELS
    ):
        return worst, False
    # In a large picture darkening all of it by a tenth would pass for a dropped profile, too.
    if worst > grid.same and overlay.counts * spot.colour > grid.same * (1 if grid is _GRIDS[0][1] else _COLOUR_SHARE):
        worst = min([worst, *(overlay.counts * left for left in _dropped(overlay.one, overlay.two, grid))])
    if worst <= grid.different and _is_mirrored(overlay.first, overlay.second, grid, worst / overlay.counts):
        return 2 * grid.different, True
    return worst, False


def _dropped(one: Image.Image, two: Image.Image, grid: _Grid) -> Iterator[float]:
    """The worst spot if either of them had been stored in a wide gamut and lost its profile. What is paler differs less
    in colour, and counts more, unless that explains much of all the picture.
    """
    pairs = [(paler, two) for paler in as_if_dropped(one)] + [(one, paler) for paler in as_if_dropped(two)]
    for pair in pairs:
        spot = _spot(*pair, grid)
        yield max(spot.light, spot.colour * (1 if _explained((one, two), pair) >= _UNPROFILED_SHARE else _PALER_WEIGHT))


def _is_mirrored(first: Image.Image, second: Image.Image, grid: _Grid, worst: float) -> bool:
    """Whether the mirror image fits far better."""
    mirrored = ImageOps.mirror(second)
    parts = aligned(first, mirrored)
    return (
        _spot(_on_grid(first, parts[0], grid), _on_grid(mirrored, parts[1], grid), grid).worst < _MIRRORED_SHARE * worst
    )


def _on_grid(picture: Image.Image, part: Box, grid: _Grid) -> Image.Image:
    return sampled(picture, part, grid.side, Image.Resampling.BICUBIC)


def _contrast(glance: Image.Image) -> float:
    """Standard deviation of its light."""
    light = glance.convert("L").tobytes()
    return math.sqrt(max(0.0, sum(map(mul, light, light)) / len(light) - (sum(light) / len(light)) ** 2))


def _spot(one: Image.Image, two: Image.Image, grid: _Grid) -> _Spot:
    """The spot that differs most, by its mean difference."""
    first, second = one.convert("RGB", _LIGHT_AND_COLOUR), two.convert("RGB", _LIGHT_AND_COLOUR)
    inside = (1, 1, one.width - 1, one.height - 1)
    off = ImageChops.subtract(first, second, _STEP, 128)  # about 128; what is far off is cut
    lit = off.getchannel(0).filter(ImageFilter.BoxBlur(1))
    middle = _middle(lit)
    wider = off.filter(ImageFilter.BoxBlur(grid.colour_reach))
    spots = Image.merge("RGB", (lit, *wider.split()[1:])).crop(inside)
    away = spots.point(_away_from(middle) + _AWAY_FROM_MIDDLE * 2)
    light, *colours = (most for _, most in _extremes(away))
    spot = _Spot(light * _STEP, grid.chroma * max(colours) * _STEP)
    if spot.worst < grid.same / 2:
        return spot  # nothing to forgive, and most pairs of one photo end here
    fine = ImageChops.darker(_texture(first), _texture(second)).crop(inside)
    light, *colours = (most for _, most in _extremes(ImageChops.subtract(away, fine.point(_forgiven(grid)))))
    return _Spot(light * _STEP, grid.chroma * max(colours) * _STEP)


def _middle(lit: Image.Image) -> int:
    """The difference of light that counts as none: how much brighter all of it is, as far as that is forgiven."""
    return round(max(128 - _FORGIVEN_LEVELS / _STEP, min(128 + _FORGIVEN_LEVELS / _STEP, _mean(lit))))


def _away_from(middle: int) -> list[int]:
    return _AWAY[256 - middle : 512 - middle]


@functools.cache
def _forgiven(grid: _Grid) -> list[int]:
    """By texture: how much of a difference it explains, of light and of both colours, in steps."""
    shares = (grid.texture, grid.colour_texture, grid.colour_texture)
    return [min(255, round(share * level / _STEP)) for share in shares for level in range(256)]


def _texture(picture: Image.Image) -> Image.Image:
    """How much light and colours change about each pixel, of 255."""
    around = ImageFilter.BoxBlur(2)
    return ImageChops.difference(picture, picture.filter(around)).filter(around)


def _extremes(picture: Image.Image) -> list[tuple[int, int]]:
    """Least and most of each band."""
    return cast(list[tuple[int, int]], list(picture.getextrema()))


def _most(picture: Image.Image) -> float:
    """Of the only band."""
    return cast(tuple[float, float], picture.getextrema())[1]


def _mean(picture: Image.Image) -> float:
    """Of the only band."""
    mean = picture.reduce(picture.size).getpixel((0, 0))
    assert isinstance(mean, int | float)
    return mean


def _rounded(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, right, bottom = map(round, box)
    return left, top, right, bottom


def thumbnails(data: bytes) -> tuple[bytes, bytes]:
    """The middle square, upright, as JPEGs without metadata: 240 px and at most 7,000 bytes, and 150 px and at most
    3,500. Raises `NotAPicture`."""
    made = []
    picture = decode(data, _THUMBNAILS[0][0]).picture
    for size, limit in _THUMBNAILS:
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.HAMMING)
        picture.info.clear()
        made.append(_saved(picture, limit))
    larger, smaller = made
    return larger, smaller


def _saved(picture: Image.Image, limit: int) -> bytes:
    """A JPEG as good as the limit lets it be; smaller where even the worst would not do."""
    for quality in (85, 75, 60, 45, 30, 15):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= limit:
            return out.getvalue()
    if min(picture.size) < 2:
        raise NotAPicture("too large")
    return _saved(picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BOX), limit)


def most_decisive(microsoft365: Sequence[bytes], sharepoint: Sequence[bytes]) -> Comparison:
    """Of all files that both sides hold of a photo (the original, thumbnails of other sizes), the comparison that says
    most: of those of the finest pictures, the one that is furthest from the border.

    Files that are no picture are passed over; raises `NotAPicture` if no two can be compared. All of one side are taken
    to show one photo: where its sizes differ among themselves, compare them one by one.
    """
    found, refused = [], NotAPicture("empty")
    for ours in microsoft365:
        for theirs in sharepoint:
            try:
                found.append(compare(ours, theirs))
            except NotAPicture as error:
                refused = error
    if not found:
        raise refused
    # Two large files see more than a thumbnail, whatever its figure: what a small one misses is no likeness.
    most = max(_grid_of(one) for one in found)
    return max((one for one in found if _grid_of(one) == most), key=lambda one: abs(one.similarity - 0.5))


def _grid_of(comparison: Comparison) -> int:
    """Pixels each way, as far as the sizes tell."""
    smaller = min(comparison.sizes[0] + comparison.sizes[1])
    return next(grid.side for least, grid in _GRIDS if smaller >= least)


def marked(microsoft365: bytes, sharepoint: bytes, size: int = 150, limit: int = 3_500) -> bytes:
    """SharePoint's picture in grey, with what differs from Microsoft 365's in red: a JPEG of at most `limit` bytes,
    `size` pixels square, without metadata. Raises `NotAPicture`.
    """
    first, second = decode(microsoft365, _DECODED_PIXELS), decode(sharepoint, _DECODED_PIXELS)
    grid = _grid(first, second)
    one, two = (picture.crop(_rounded(middle_square(picture))) for picture in (first.picture, second.picture))
    parts = aligned(one, two)
    one, two = _on_grid(one, parts[0], grid), _on_grid(two, parts[1], grid)
    off = ImageChops.difference(one, two).filter(ImageFilter.BoxBlur(1))
    most = functools.reduce(ImageChops.lighter, off.split())
    # Nothing at what is the same picture, all of it at what is another one.
    mask = most.point([round(255 * min(1, max(0, (level - grid.same) / grid.different))) for level in range(256)])
    grey = sampled(second.picture.crop(_rounded(middle_square(second.picture))), parts[1], size).convert("L")
    red = Image.new("RGB", (size, size), _MARKED_COLOUR)
    pale = grey.point([96 + level * 5 // 8 for level in range(256)]).convert("RGB")
    shown = Image.composite(Image.blend(pale, red, 0.7), pale, mask.resize((size, size), Image.Resampling.BICUBIC))
    return _saved(shown, limit)
