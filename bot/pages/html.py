"""HTML as values: a text put into an element is escaped, unless it is `Html` already. Nothing else makes `Html`."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_VOID = frozenset({"meta", "link", "input", "br", "rect", "circle", "line", "polyline"})


class Html(str):
    """Text that is HTML."""

    __slots__ = ()


Node = str | int | None | Iterable["Node"]
"""What can stand in an element; None is nothing."""


def join(*parts: Node) -> Html:
    """Parts one after the other."""
    return Html("".join(_text(part) for part in parts))


def tag(name: str, /, *inner: Node, **attributes: str | float | bool | None) -> Html:
    """An element. In names of attributes `_` is `-`, a last one is dropped (`class_`); None and False leave one out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID and not inner:
        return Html(f"<{name}{written}>" if name in ("meta", "link", "input", "br") else f"<{name}{written}/>")
    return Html(f"<{name}{written}>{join(*inner)}</{name}>")


def _text(part: Node) -> str:
    if part is None:
        return ""
    if isinstance(part, Html):
        return part
    if isinstance(part, str | int):
        return escape(str(part))
    return join(*part)
