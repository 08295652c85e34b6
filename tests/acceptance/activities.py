"""What is in the request: bodies, fields, types, sizes, shapes."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

from sandbox.channel import Delivered
from tests.acceptance.ground import Act, Environment, Row

BAD = 'photosync_refused_total{reason="not_an_activity"}'


def _body(body: bytes, headers: dict[str, str] | None = None) -> Act:
    return lambda g: g.channel.post(body, None, headers)


async def _wire(g: Environment, lines: bytes, body: bytes) -> int:
    """One request written by hand; the status of the first answer, 0 if the connection is closed without one."""
    host, port = g.scene.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(lines.replace(b"$TOKEN", g.channel.token().encode()) + b"\r\n\r\n" + body)
        await writer.drain()
        head = await asyncio.wait_for(reader.readline(), 12)
        return int(head.split()[1]) if head else 0
    finally:
        writer.close()


def _by_hand(lines: bytes, body: bytes = b"") -> Act:
    return lambda g: _wire(g, lines, body)


_START = (
    b"POST /api/messages HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\nAuthorization: Bearer $TOKEN\r\n"
)


async def _smuggled(g: Environment) -> int:
    """Two lengths that disagree: whatever is made of it, no second request may come out of the body."""
    hidden = json.dumps(g.activity()).encode()
    inner = (
        b"POST /api/messages HTTP/1.1\r\nHost: bot\r\nContent-Length: "
        + str(len(hidden)).encode()
        + b"\r\n\r\n"
        + hidden
    )
    return await _wire(g, _START + b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"0\r\n\r\n" + inner)


async def _long_text(g: Environment) -> Delivered:
    return await g.send(text="my photo is wrong " + "x" * 100_000)


async def _without_end(g: Environment) -> int:
    chunk = b"4000\r\n" + b"a" * 0x4000 + b"\r\n"
    return await _wire(g, _START + b"Transfer-Encoding: chunked", chunk * 20)


async def _method(g: Environment, method: str) -> int:
    async with g.channel._session.request(method, f"{g.scene.url}/api/messages") as answer:  # type: ignore[union-attr]
        return answer.status


def _typed(text: str) -> Act:
    return lambda g: g.send(text=text)


def bad(what: str, act: Act, ref: str = "B4") -> Row:
    return Row(ref, what, act, (400,), "", BAD, "none")


def field(what: str, **changes: Any) -> Row:
    return bad(what, lambda g: g.send(**changes))


def ignored(ref: str, what: str, act: Act) -> Row:
    return Row(ref, what, act, store="none")


async def _edited(g: Environment) -> int:
    await g.chat.say("hello")
    return await g.chat.edit("my photo is wrong")


async def _elsewhere(g: Environment, address: str) -> Delivered:
    return await g.send(g.channel.token(serviceurl=address), serviceUrl=address)


SENDER = {"id": "29:a", "aadObjectId": "0a000000-0000-4000-8000-00000000000a"}

ROWS = [
    bad("an empty body", _body(b""), "B1"),
    bad("not JSON", _body(b"hello"), "B1"),
    bad("cut JSON", _body(b'{"type": "mess'), "B1"),
    bad("a list", _body(b"[]"), "B1"),
    bad("NaN", _body(b'{"type": NaN}'), "B1"),
    bad("a name twice", _body(b'{"type": "message", "type": "invoke"}'), "B1"),
    bad("bad UTF-8", _body(b'{"type": "\xff"}'), "B1"),
    bad("10,000 levels deep", _body(b"[" * 10_000 + b"]" * 10_000), "B1"),
    bad("a number of 10,000 digits", _body(b'{"type": ' + b"1" * 10_000 + b"}"), "B1"),
    Row("B2", "5 MB", _by_hand(_START + b"Content-Length: 5000000", b'{"type": "' + b"a" * 100_000), (413,), "", 'photosync_refused_total{reason="too_large"}', "none"),
    Row("B2", "256 KiB and one byte", _body(b" " * (256 * 1024 + 1)), (413,), "", 'photosync_refused_total{reason="too_large"}', "none"),
    Row("B2", "gzip", _body(gzip.compress(b"{}"), {"Content-Encoding": "gzip"}), (415,), "", 'photosync_refused_total{reason="content_type"}', "none"),
    Row("B2", "chunks without end", _without_end, (413,), "", 'photosync_refused_total{reason="too_large"}', "none"),
    Row("B2", "a length that disagrees with the chunks", _smuggled, (400,), "", "", "none"),
    Row("B2", "two lengths", _by_hand(_START + b"Content-Length: 2\r\nContent-Length: 3", b"{}x"), (400,), "", "", "none"),
    Row("B2", "a space before the colon", _by_hand(_START + b"Content-Length : 2", b"{}"), (400,), "", "", "none"),
    Row("B2", "a negative length", _by_hand(_START + b"Content-Length: -2", b"{}"), (400,), "", "", "none"),
    Row("B3", "GET", lambda g: _method(g, "GET"), (405,), "", "", "none"),
    Row("B3", "PUT", lambda g: _method(g, "PUT"), (405,), "", "", "none"),
    Row("B3", "text/plain", _body(b"{}", {"Content-Type": "text/plain"}), (415,), "", 'photosync_refused_total{reason="content_type"}', "none"),
    Row("B3", "a form", _body(b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}), (415,), "", 'photosync_refused_total{reason="content_type"}', "none"),
    Row("B3", "JSON in UTF-16", _body("{}".encode("utf-16"), {"Content-Type": "application/json; charset=utf-16"}), (415,), "", 'photosync_refused_total{reason="content_type"}', "none"),
    field("no type", type=None),
    field("no id", id=None),
    field("no sender", **{"from": None}),
    field("the sender is null in all but name", **{"from": {"name": "Ada"}}),
    field("text is a number", text=5),
    field("text is a list", text=["hello"]),
    field("value is text", value="x"),
    field("the name is an object", **{"from": {**SENDER, "name": {"a": 1}}}),
    field("aadObjectId is a path", **{"from": {"id": "29:a", "aadObjectId": "../../me"}}),
    field("aadObjectId is a list", **{"from": {"id": "29:a", "aadObjectId": ["x"]}}),
    field("an id of 2,000 letters", id="1" * 2_000),
    field("replyToId is a number", replyToId=1),
    field("recipient is text", recipient="28:bot"),
    ignored("B5", "an unknown type", lambda g: g.send(type="surprise")),
    ignored("B5", "typing", lambda g: g.send(type="typing")),
    ignored("B5", "an event", lambda g: g.send(type="event", name="application/vnd.microsoft.readReceipt")),
    Row("B5", "an unknown invoke", lambda g: g.send(type="invoke", name="composeExtension/query", value={}), (501,), "", 'photosync_refused_total{reason="unknown_invoke"}', "none"),
    Row("B6", "100 kB of text", _long_text, sees="look.differ"),
    Row("B6", "right-to-left overrides", _typed("\u202e\u202d my photo is wrong \u2066"), sees="look.differ"),
    Row("B6", "letters with nothing between", _typed("my\u200bphoto\u200bis\u200bwrong\u200b"), sees="look.differ"),
    Row("B6", "emoji only", _typed("🙂🙂🙂"), sees="desk.menu: didn't understand"),
    Row("B6", "no text at all", lambda g: g.send(text=None), sees="desk.menu"),
    Row("B6", "half an emoji", _typed("\ud83d my photo is wrong"), sees="look.differ"),
    Row("B6", "an edited message", _edited, sees="desk.menu"),
    Row("B6", "an attachment without text", lambda g: g.send(text=None, attachments=[{"contentType": "image/png", "contentUrl": "https://evil.example/x"}]), sees="desk.menu"),
    Row("B6", "a locale that is none", lambda g: g.send(locale="../../x"), sees="desk.menu"),
    Row("B6", "a serviceUrl on another host under our claim", lambda g: _elsewhere(g, "https://smba.trafficmanager.net.evil.example/"), (403,), "", 'photosync_refused_total{reason="service_host"}', "none"),
    Row("E8", "a serviceUrl on 169.254.169.254", lambda g: _elsewhere(g, "https://169.254.169.254/"), (403,), "", 'photosync_refused_total{reason="service_host"}', "none"),
    Row("E8", "a serviceUrl without TLS", lambda g: _elsewhere(g, g.channel.service_url.replace("https", "http")), (403,), "", 'photosync_refused_total{reason="service_host"}', "none"),
    Row("E8", "a serviceUrl with a user in it", lambda g: _elsewhere(g, g.channel.service_url.replace("https://", "https://evil@")), (403,), "", 'photosync_refused_total{reason="service_host"}', "none"),
]  # fmt: skip
