"""What fails outside: the connector, Graph, the login, the pictures themselves."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable
from functools import cache

from PIL import Image

from sandbox.channel import Delivered
from sandbox.faults import Fault
from sandbox.portraits import silhouette
from tests.acceptance.ground import Act, Environment, Row
from tests.chatting import step
from tests.portraits import portrait

WRONG = "my photo is wrong"


# The connector


def _sending(*faults: Fault, cards: int = 1) -> Act:
    async def act(g: Environment) -> int:
        g.fail("connector", *(Fault(**{**vars(one), "path": "/activities"}) for one in faults))
        status = await g.chat.say("hello")
        assert len(g.cards()) == cards
        g.world.faults.connector.clear()
        return status

    return act


def _updating(*faults: Fault) -> Act:
    async def act(g: Environment) -> int:
        await g.chat.say(WRONG)
        g.fail("connector", *faults)
        status = await g.chat.press("next")
        assert len(g.cards()) == 1
        g.world.faults.connector.clear()
        return status

    return act


async def _blocked(g: Environment) -> int:
    g.fail("connector", Fault(403, code="MessageWritesBlocked"))
    await g.chat.say("hello")
    assert g.cards() == []
    return await g.chat.say("hello")  # who writes again is answered again


async def _gone(g: Environment) -> int:
    await g.chat.say(WRONG)
    g.fail("connector", Fault(404, code="ActivityNotFoundInConversation"))
    return await g.chat.press("next")


# Graph and the login


ALL = 6  # of the first requests of a look, which are made together


def _looking(*faults: Fault) -> Act:
    async def act(g: Environment) -> int:
        g.fail("graph", *faults)
        status = await g.chat.say(WRONG)
        g.world.faults.graph.clear()
        return status

    return act


def _always(fault: Fault) -> Act:
    async def act(g: Environment) -> int:
        g.world.faults.graph_always = fault
        status = await g.chat.say(WRONG)
        g.world.faults.graph_always = None
        return status

    return act


def _files(*faults: Fault) -> Act:
    async def act(g: Environment) -> int:
        g.fail("files", *faults)
        status = await g.chat.say(WRONG)
        g.world.faults.files.clear()
        return status

    return act


def _switched(**switches: object) -> Act:
    async def act(g: Environment) -> int:
        for name, value in switches.items():
            setattr(g.world.faults, name, value)
        return await g.chat.say(WRONG)

    return act


async def _spared(g: Environment) -> int:
    """Ten failures in a row: then nobody asks Graph, and people still get the walk."""
    g.world.faults.graph_always = Fault(500)
    for _ in range(11):
        await g.other().chat.say(WRONG)
    before = len(g.scene.tenant.graph.requests)
    status = await g.chat.say(WRONG)
    assert len(g.scene.tenant.graph.requests) == before
    await g.chat.press("next")
    assert step(g.chat) == "resync.steps"
    g.world.faults.graph_always = None
    return status


async def _cold_crowd(g: Environment) -> list[int]:
    others = [g.other("match") for _ in range(40)]
    answers = await asyncio.gather(*(one.chat.say("check") for one in (g, *others)))
    assert g.scene.tenant.login.requests <= 2  # one for Graph, one for the connector
    return list(answers)


async def _slow_login(g: Environment) -> int:
    """The token at hand is not taken any more, and the login service takes its time with the next."""
    await g.chat.say("hello")
    g.fail("graph", Fault(401, code="InvalidAuthenticationToken"))
    g.world.faults.login_delay = 2.0
    asking = asyncio.create_task(g.chat.say("check"))
    await asyncio.sleep(0.2)
    begun = time.monotonic()
    assert (await g.scene.get("/healthz"))[0] == 200
    assert time.monotonic() - begun < 0.5
    return await asking


async def _renewed(g: Environment) -> int:
    await g.chat.say("hello")
    g.fail("graph", Fault(401, code="InvalidAuthenticationToken"))
    return await g.chat.say("check")


async def _secret(g: Environment) -> int:
    """The token for Graph is not taken any more, and there is no other."""
    await g.chat.say("hello")
    g.fail("graph", Fault(401, code="InvalidAuthenticationToken"))
    g.world.faults.login_refuses = True
    return await g.chat.say(WRONG)


# Pictures


@cache
def _face(side: int = 300) -> Image.Image:
    return portrait("crowd-1").resize((side, side), Image.Resampling.LANCZOS).convert("RGB")


def _saved(make: Callable[[io.BytesIO], None]) -> bytes:
    out = io.BytesIO()
    make(out)
    return out.getvalue()


def _copy(data: Callable[[], bytes]) -> Act:
    """SharePoint's file is these bytes."""

    async def act(g: Environment) -> Delivered | int:
        body = data()
        # More than one look takes: people of other rows are looked at meanwhile.
        g.fail("files", *[Fault(200, body=body, content_type="image/jpeg")] * 20)
        status = await g.chat.say(WRONG)
        g.world.faults.files.clear()
        return status

    return act


def _both(data: Callable[[], bytes], copy: Callable[[], bytes]) -> Act:
    async def act(g: Environment) -> int:
        for _ in range(4):  # more than one look takes: people of other rows are looked at meanwhile
            g.fail("graph", Fault(200, body=data(), content_type="image/jpeg", path="$value"))
            g.fail("files", Fault(200, body=copy(), content_type="image/jpeg"))
        status = await g.chat.say(WRONG)
        g.world.faults.files.clear()
        g.world.faults.graph.clear()
        return status

    return act


def _jpeg(picture: Image.Image | None = None, **how: object) -> bytes:
    return _saved(lambda out: (picture or _face()).save(out, "JPEG", quality=88, **how))  # type: ignore[arg-type]


def _png(mode: str) -> bytes:
    return _saved(lambda out: _face().convert(mode).save(out, "PNG"))


def _rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _jpeg(_face().rotate(90), exif=exif)


def _grey_16() -> bytes:
    wide = _face().convert("L").convert("I").point(lambda level: level * 257)
    return _saved(lambda out: wide.convert("I;16").save(out, "PNG"))


def _animated(kind: str) -> bytes:
    frames = [_face(64), _face(64).rotate(180)]
    return _saved(lambda out: frames[0].save(out, kind, save_all=True, append_images=frames[1:]))


def _bomb() -> bytes:
    return _saved(lambda out: Image.new("1", (30_000, 30_000)).save(out, "PNG", compress_level=1))


def unknown(ref: str, what: str, act: Act, why: str, **more: object) -> Row:
    return Row(ref, what, act, sees=f"look.unknown: {why}", metric='photosync_checks_total{verdict="unknown"}', store="step", **more)  # type: ignore[arg-type]  # fmt: skip


def verdict(ref: str, what: str, act: Act, step_: str, **more: object) -> Row:
    return Row(ref, what, act, sees=step_, metric=f'photosync_checks_total{{verdict="{step_.partition(".")[2]}"}}', **more)  # type: ignore[arg-type]  # fmt: skip


PICTURE = "isn't a picture"
SLOW = "took too long"
DOWN = "isn't answering properly"

ROWS = [
    Row("E1", "429 with seconds", _sending(Fault(429, retry_after="0.3")), sees="desk.menu", metric='photosync_messages_sent_total{result="sent"}'),
    Row("E1", "429 with a fraction", _sending(Fault(429, retry_after="0.128")), sees="desk.menu"),
    Row("E1", "429 without a word", _sending(Fault(429)), sees="desk.menu"),
    Row("E2", "412", _sending(Fault(412)), sees="desk.menu"),
    Row("E3", "503 on creating", _sending(Fault(503)), sees="desk.menu"),
    Row("E3", "502 on creating: once more", _sending(Fault(502)), sees="desk.menu"),
    Row("E3", "the answer to a creation is lost: two copies at most", _sending(Fault(504, lost=True), cards=2), sees="desk.menu"),
    Row("E3", "502 three times on updating", _updating(Fault(502), Fault(502), Fault(502)), sees="resync.private_window"),
    Row("E3", "a dropped connection on updating", _updating(Fault(kind="drop")), sees="resync.private_window"),
    Row("E4", "blocked by the person, who then writes", _blocked, sees="desk.menu"),
    Row("E5", "the card to update is gone", _gone, sees="no button: continues in a newer message"),
    Row("E6", "401 from the connector: one new token", _sending(Fault(401)), sees="desk.menu"),
    verdict("F1", "no photo: 404", lambda g: g.chat.say(WRONG), "look.no_photo", story="no-photo"),
    verdict("F1", "no photo: one pixel", lambda g: g.chat.say(WRONG), "look.no_photo", story="one-pixel"),
    unknown("F2", "nobody of that name", _looking(*[Fault(404, code="Request_ResourceNotFound")] * ALL), "didn't find your account"),
    verdict("F3", "401 once: a new token", _renewed, "look.differ"),
    unknown("F3", "403 on the photo", lambda g: g.chat.say(WRONG), "not allowed", story="forbidden"),
    unknown("F3", "403 on the site: never 'no photo'", _switched(site_grant=False), "not allowed", alone=True),
    verdict("F4", "429 once", _looking(Fault(429, retry_after="0.2")), "look.differ"),
    unknown("F4", "429 for long: looks again by itself", _always(Fault(429, retry_after="120")), "busy right now", alone=True),
    unknown("F5", "500", _always(Fault(500)), DOWN, alone=True),
    verdict("F5", "503 once", _looking(Fault(503)), "look.differ"),
    verdict("F5", "a dropped connection", _looking(Fault(kind="drop")), "look.differ"),
    unknown("F5", "a byte a second", _looking(*[Fault(kind="slow")] * 3), SLOW, alone=True),
    verdict("F5", "fewer bytes than told", _looking(Fault(kind="short")), "look.differ"),
    unknown("F5", "HTML with 200", _looking(*[Fault(200, body=b"<html>sign in</html>", content_type="text/html")] * ALL), DOWN),
    unknown("F5", "a redirect to a sign-in page", _looking(*[Fault(302, body=b"", content_type="text/html")] * ALL), DOWN),
    unknown("F5", "JSON that is a list", _looking(*[Fault(200, body=b"[]")] * ALL), DOWN),
    unknown("F5", "JSON that is deep", _looking(*[Fault(200, body=b"[" * 5_000)] * ALL), DOWN),
    unknown("F5", "a library that is not there", _switched(library="none"), "didn't find the place", alone=True),
    verdict("F5", "a library that shows as a list", _switched(library="list"), "look.differ", alone=True),
    verdict("F5", "mySite may not be read", _switched(my_site=False), "look.differ", alone=True),
    Row("F5", "failures in a row: Graph is spared", _spared, sees="resync.steps", alone=True),
    Row("F6", "the secret is refused: told when we may speak again", _secret, sees="look.unknown: couldn't sign in", alone=True),
    Row("F7", "forty people on a cold start", _cold_crowd, sees="look.match", story="match", alone=True),
    Row("F7", "a login of two seconds stops nobody else", _slow_login, sees="look.match", story="match", alone=True),
    unknown("G1", "30,000 x 30,000 pixels", _copy(_bomb), PICTURE),
    unknown("G1", "9 MB", _copy(lambda: _jpeg() + b"\0" * (9 << 20)), DOWN),
    unknown("G2", "0 bytes", _copy(lambda: b""), PICTURE),
    unknown("G2", "HTML", _copy(lambda: b"<html></html>"), PICTURE),
    unknown("G2", "a cut JPEG", _copy(lambda: _jpeg()[:4_000]), PICTURE),
    unknown("G2", "SVG", _copy(lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>'), PICTURE),
    unknown("G2", "an animated GIF", _copy(lambda: _animated("GIF")), PICTURE),
    unknown("G2", "an animated PNG", _copy(lambda: _animated("PNG")), PICTURE),
    unknown("G2", "TIFF", _copy(lambda: _saved(lambda out: _face().save(out, "TIFF"))), PICTURE),
    unknown("G2", "random bytes after a JPEG's first three", _copy(lambda: b"\xff\xd8\xff" + bytes(range(256)) * 8), PICTURE),
    verdict("G3", "turned by EXIF", _both(_jpeg, _rotated), "look.match"),
    verdict("G3", "CMYK", _both(_jpeg, lambda: _jpeg(_face().convert("CMYK"))), "look.match"),
    verdict("G3", "a palette PNG", _both(lambda: _png("P"), _jpeg), "look.match"),
    verdict("G3", "PNG with alpha", _both(lambda: _png("RGBA"), _jpeg), "look.match"),
    verdict("G3", "16-bit grey against its JPEG", _both(_grey_16, lambda: _jpeg(_face().convert("L"))), "look.match"),
    verdict("G3", "a black-and-white version is another picture", _both(_jpeg, lambda: _jpeg(_face().convert("L"))), "look.differ"),
    verdict("G3", "the mirror image is another picture", _both(_jpeg, lambda: _jpeg(_face().transpose(Image.Transpose.FLIP_LEFT_RIGHT))), "look.differ"),
    verdict("G3", "1 x 1 pixel is no photo", _copy(lambda: _jpeg(Image.new("RGB", (1, 1)))), "look.missing"),
    verdict("G5", "a silhouette in SharePoint", _copy(lambda: _jpeg(silhouette(300))), "look.missing"),
]  # fmt: skip
