"""Answers with status 200 that are not what was asked for."""

from __future__ import annotations

import functools
import struct
import zlib

from sandbox.faults import Fault


def web_page(path: str = "") -> Fault:
    """A sign-in page, as proxies and captive networks send it."""
    return Fault(200, body=b"<!doctype html><title>Sign in</title>", content_type="text/html", path=path)


def cut(picture: bytes, path: str = "") -> Fault:
    """The first half of a picture, complete as far as HTTP can tell."""
    return Fault(200, body=picture[: len(picture) // 2], content_type="image/jpeg", path=path)


def oversized(size: int, path: str = "") -> Fault:
    """A JPEG's beginning and `size` bytes of nothing."""
    return Fault(200, body=b"\xff\xd8\xff\xe0" + bytes(size), content_type="image/jpeg", path=path)


def bomb(path: str = "") -> Fault:
    """A PNG of 9000 x 9000 pixels in some ten kilobytes."""
    return Fault(200, body=_bomb(), content_type="image/png", path=path)


@functools.cache
def _bomb() -> bytes:
    side = 9000
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)  # one bit per pixel, grey
    rows = bytes((1 + (side + 7) // 8) * side)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
