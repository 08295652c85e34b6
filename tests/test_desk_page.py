"""The helpdesk's part of the demo's page, over HTTP: an agent's answer reaches the chat, and the person's the agent."""

from __future__ import annotations

from typing import Any

import aiohttp

from sandbox.chat_page import ChatPage
from tests.chatting import eventually, step
from tests.tickets.test_states import handed_over, staged


class _Bot:
    async def case(self, _: str) -> dict[str, Any] | None:
        return None

    async def forget(self, _: str) -> None: ...


async def test_an_agents_answer_on_the_page_comes_into_the_chat_and_the_persons_onto_the_page() -> None:
    async with staged("zammad") as stage:
        page = ChatPage(stage.tenant, {}, _Bot(), {}, stage.desk, "http://127.0.0.1:9/helpdesk")
        await page.start(0)
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{page.port}") as session:
                await _played(stage, session)
        finally:
            await page.stop()


async def _played(stage: Any, session: aiohttp.ClientSession) -> None:
    chat = await handed_over(stage)
    person = chat.person

    async def ticket() -> dict[str, Any]:
        async with session.get(f"/api/behind/{person.id}") as answer:
            (found,) = (await answer.json())["tickets"]
        return dict(found)

    async def does(document: dict[str, Any], who: str = person.id) -> int:
        async with session.post(f"/api/desk/{who}", json=document) as answer:
            return answer.status

    first = await ticket()
    assert (first["customer"], first["state"], first["evidence"]["comment"]) == (person.upn, "new", "please")
    assert "SharePoint has a different photo than Microsoft 365" in first["articles"][0]["text"]
    number = first["ticket"]
    assert await does({"ticket": number, "act": "take"}) == 200
    await eventually(lambda: step(chat) == "desk.ticket_working")
    assert await does({"ticket": number, "act": "ask", "text": "Which page?"}) == 200
    await eventually(lambda: step(chat) == "desk.ticket_waiting")
    await chat.press("send_ticket", {"comment": "The org chart."})
    assert "The org chart." in (await ticket())["articles"][-1]["text"]
    assert await does({"ticket": number, "act": "solved"}) == 200
    await eventually(lambda: step(chat) == "look.differ")
    # Nothing else is taken: no words, another act, another person's ticket.
    wrong = [{"ticket": number, "act": "ask"}, {"ticket": number, "act": "close"}, {"ticket": 1, "act": "take"}, {}]
    other = next(one.id for one in stage.tenant.world.people if one.id != person.id)
    assert {*[await does(one) for one in wrong], await does({"ticket": number, "act": "take"}, other)} == {400}
