"""Who it is about: tenants, guests, groups, names, other people's cards."""

from __future__ import annotations

import json
from dataclasses import replace

from sandbox.channel import Delivered
from tests.acceptance.ground import Act, Environment, Row

TENANT = 'photosync_refused_total{reason="tenant"}'
FOREIGN = 'photosync_refused_total{reason="foreign"}'


def _tenant(conversation: str | None, channel: str | None) -> Act:
    async def act(g: Environment) -> Delivered:
        made = g.activity()
        made["conversation"] = {**made["conversation"], "tenantId": conversation or g.channel.tenant}
        made["channelData"] = {"tenant": {"id": channel or g.channel.tenant}}
        return await g.chat.deliver(made)

    return act


async def _others_button(g: Environment) -> int:
    ben = g.other()
    await ben.chat.say("my photo is wrong")
    await g.chat.say("hello")
    return await g.chat.press(ben.data("next"))


async def _others_card_alone(g: Environment) -> int:
    """Somebody the bot has never met presses a button of somebody else's card."""
    ben = g.other()
    await ben.chat.say("my photo is wrong")
    return (await g.send(text=None, value=ben.data("next"), replyToId="1")).status


async def _ticket_for_another(g: Environment) -> int:
    ben = g.other()
    await ben.chat.say("my photo is wrong")
    await ben.chat.press("ticket")
    await g.chat.say("hello")
    status = await g.chat.press({**ben.data("send_ticket"), "comment": "mine"})
    assert all(one.body["person"]["id"] != g.chat.person.id for one in g.scene.tenant.helpdesk.tickets)
    return status


async def _forged_person(g: Environment) -> int:
    await g.chat.say("my photo is wrong")
    ben = g.other("match")
    return await g.chat.press({**g.data("check"), "person": ben.chat.person.id, "aadObjectId": ben.chat.person.id})


async def _in_front_of_others(g: Environment, kind: str) -> int:
    group = g.channel.group(g.chat.person.id, kind)
    before = len(g.scene.tenant.graph.requests)
    status = await group.say("my photo is wrong")
    card = json.dumps(group.card(), ensure_ascii=False)
    assert "private" in card
    assert g.chat.person.name not in card
    assert len(g.scene.tenant.graph.requests) == before
    return status


async def _unmentioned(g: Environment) -> Delivered:
    conversation = {"id": "19:x@thread.v2", "conversationType": "groupChat", "isGroup": True, "tenantId": g.channel.tenant}  # fmt: skip
    return await g.send(conversation=conversation)


async def _unidentified(g: Environment) -> Delivered:
    return await g.send(**{"from": {"id": f"29:{g.chat.person.id}", "name": "Somebody"}})


async def _guest(g: Environment) -> int:
    _become(g, user_type="Guest")
    return await g.chat.say("my photo is wrong")


async def _disabled(g: Environment) -> int:
    _become(g, enabled=False)
    return await g.chat.say("my photo is wrong")


async def _without_sharepoint(g: Environment) -> int:
    _become(g, sharepoint=False)
    return await g.chat.say("my photo is wrong")


def _become(g: Environment, **changes: object) -> None:
    world, person = g.world, g.chat.person
    made = replace(person, **changes)  # type: ignore[arg-type]
    world.people = tuple(made if one.id == person.id else one for one in world.people)


async def _bot(g: Environment) -> Delivered:
    return await g.send(**{"from": {"id": g.channel.bot_account, "name": "Photosync", "role": "bot"}})


async def _greeted(g: Environment) -> int:
    status = await g.chat.say("hello")
    (greeting,) = [one["text"] for one in g.chat.card()["body"] if one.get("text", "").startswith("Hello, ")]
    raw = g.chat.person.name
    assert not ("](" in raw and "](" in greeting)
    assert "\n" not in greeting
    assert len(greeting) < 200
    return status


async def _ticket_with_markup(g: Environment) -> int:
    await g.chat.say("my photo is wrong")
    await g.chat.press("ticket")
    status = await g.chat.press("send_ticket", {"comment": "[click](https://evil.example) <script>alert(1)</script>"})
    ticket = g.scene.tenant.helpdesk.tickets[-1]
    assert ticket.body["comment"] == "[click](https://evil.example) <script>alert(1)</script>"
    assert "evil.example" not in json.dumps(g.chat.card())
    assert "\n" not in ticket.body["person"]["name"]
    return status


def named(what: str, name: str) -> Row:
    return Row("D7", what, _greeted, sees="desk.menu: Hello", name=name)


ROWS = [
    Row("D1", "another tenant", _tenant("11111111-1111-4111-8111-111111111111", "11111111-1111-4111-8111-111111111111"), (403,), "", TENANT, "none"),
    Row("D1", "another tenant in the conversation", _tenant("11111111-1111-4111-8111-111111111111", None), (403,), "", TENANT, "none"),
    Row("D1", "another tenant in the channel data", _tenant(None, "11111111-1111-4111-8111-111111111111"), (403,), "", TENANT, "none"),
    Row("D1", "no tenant at all", lambda g: g.send(conversation={"id": "a:1"}, channelData=None), (403,), "", TENANT, "none"),
    Row("D2", "another person's button", _others_button, sees="desk.menu: belongs to another person", metric=FOREIGN),
    Row("D2", "another person's button, from somebody new", _others_card_alone, sees="desk.menu: belongs to another person", metric=FOREIGN),
    Row("D3", "another person's ticket", _ticket_for_another, sees="desk.menu", metric=FOREIGN),
    Row("D3", "another person's id in the data", _forged_person, sees="resync.waiting"),
    Row("D4", "mentioned in a group chat", lambda g: _in_front_of_others(g, "groupChat"), store="none"),
    Row("D4", "mentioned in a channel", lambda g: _in_front_of_others(g, "channel"), store="none"),
    Row("D4", "not mentioned in a group chat", _unmentioned, store="none"),
    Row("D5", "a guest", _guest, sees="look.guest: home organization"),
    Row("D5", "no aadObjectId", _unidentified, sees="no button: can't tell who you are", store="none"),
    Row("D5", "no mailbox", lambda g: g.chat.say("my photo is wrong"), sees="look.direct", story="entra-only"),
    Row("D5", "the account is switched off", _disabled, sees="look.blocked: turned off"),
    Row("D5", "no SharePoint plan", _without_sharepoint, sees="look.blocked: no SharePoint license", story="missing"),
    Row("D6", "the bot itself", _bot, store="none"),
    named("a name with a link", "[Reset](https://evil.example)"),
    named("a name with markup", "<at>everyone</at> **<img src=x>**"),
    named("a name of 10,000 letters", "x" * 10_000),
    named("a name with line breaks", "Ada\n\n# Heading\r\n- list"),
    named("a name from right to left", "عمر الخطيب"),
    named("a name of emoji", "🧑🏽‍💻👩‍👩‍👧‍👦"),
    Row("D7", "markup in a comment", _ticket_with_markup, sees="desk.ticket_sent", name="*Ada*\n[x](https://evil.example)"),
]  # fmt: skip
