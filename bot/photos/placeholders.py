"""Is it what stands where there is no photo: a picture of one colour, a grey silhouette, a plain tile with initials?

The last two have just two colours and the edges between. A silhouette is grey, symmetric and stands on the lower edge;
initials stand in the middle of their tile. SharePoint stores all of them as if they were photos (docs/photos.md).
"""

from __future__ import annotations

from functools import reduce
from typing import cast

from PIL import Image, ImageChops, ImageOps, ImageStat

from bot.photos.decode import decode, middle_square

_SIDE = 48  # pixels looked at, each way
_PIXELS = _SIDE * _SIDE
_LEAST = 8  # pixels: less shows no face
_NEAR = 20  # of 255: still the same of two colours
_BLANK = 6  # of 255: the most difference of light or colour in a picture of one colour
_RIM = 3  # pixels at each edge that may be a frame around it
_GREY = 24  # of 255: the most colour in a silhouette
_LETTERS = (0.12, 0.88)  # where initials stand, of the side

_Colour = tuple[int, ...]


def is_placeholder(data: bytes) -> bool:
    """Whether the picture stands for no photo. Raises `NotAPicture`."""
    decoded = decode(data, 2 * _SIDE)
    if min(decoded.picture.size) < _LEAST:
        return True  # a single pixel stands for "no photo"
    picture, *others = (
        one.resize((_SIDE, _SIDE), Image.Resampling.BOX, middle_square(one))
        for one in (decoded.picture, decoded.on_black)
        if one is not None
    )
    if all(map(_blank, (picture, *others))):
        return True
    ground = _middle_colour(picture.crop((0, 0, _SIDE, 2)))
    distance = _distance(picture, ground)
    reach = ImageStat.Stat(distance).extrema[0][1]
    if reach <= 2 * _NEAR:
        return False
    figure = _above(distance, reach / 2)
    colours = ground, _middle_colour(picture, _above(distance, 0.9 * reach))
    return _of_two_colours(picture, distance, reach, colours) and (_silhouette(figure, colours) or _initials(figure))


def _blank(picture: Image.Image) -> bool:
    inside = picture.crop((_RIM, _RIM, _SIDE - _RIM, _SIDE - _RIM))
    return all(most - least <= _BLANK for least, most in cast(list[tuple[int, int]], inside.getextrema()))


def _of_two_colours(
    picture: Image.Image, distance: Image.Image, reach: float, colours: tuple[_Colour, _Colour]
) -> bool:
    """Every pixel lies between the two, and few in the middle: only edges."""
    weight = distance.point([min(255, round(level * 255 / reach)) for level in range(256)])
    ground, figure = (Image.new("RGB", picture.size, colour) for colour in colours)
    expected = Image.composite(figure, ground, weight)
    off = sum(_largest(ImageChops.difference(picture, expected)).histogram()[_NEAR:])
    between = sum(weight.histogram()[64:192])
    return off <= 0.02 * _PIXELS and between <= 0.12 * _PIXELS


def _silhouette(figure: Image.Image, colours: tuple[_Colour, _Colour]) -> bool:
    if any(max(colour) - min(colour) > _GREY for colour in colours):
        return False
    unlike_mirrored = _share(ImageChops.difference(figure, ImageOps.mirror(figure)))
    foot = _share(figure.crop((_SIDE // 4, _SIDE - 2, _SIDE * 3 // 4, _SIDE)))
    head = _share(figure.crop((0, 0, _SIDE, 2)))
    return unlike_mirrored <= 0.05 and foot >= 0.9 and head == 0 and 0.15 <= _share(figure) <= 0.75


def _initials(figure: Image.Image) -> bool:
    box = figure.getbbox()
    if box is None:
        return False
    low, high = (part * _SIDE for part in _LETTERS)
    left, top, right, bottom = box
    inside = left >= low and top >= low and right <= high and bottom <= high
    centred = abs(left + right - _SIDE) <= 0.1 * _SIDE and abs(top + bottom - _SIDE) <= 0.16 * _SIDE
    return inside and centred and bottom - top >= 0.15 * _SIDE and _share(figure) <= 0.2


def _distance(picture: Image.Image, colour: _Colour) -> Image.Image:
    """How far each pixel is from a colour, of 255."""
    return _largest(ImageChops.difference(picture, Image.new("RGB", picture.size, colour)))


def _above(plane: Image.Image, limit: float) -> Image.Image:
    return plane.point([255 if level > limit else 0 for level in range(256)])


def _largest(picture: Image.Image) -> Image.Image:
    return reduce(ImageChops.lighter, picture.split())


def _middle_colour(picture: Image.Image, mask: Image.Image | None = None) -> _Colour:
    return tuple(ImageStat.Stat(picture, mask).median)


def _share(mask: Image.Image) -> float:
    """How much of it is set."""
    return mask.histogram()[255] / (mask.width * mask.height)
