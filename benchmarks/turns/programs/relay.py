"""(a) The least there can be: an activity is parsed and answered by one reply over TLS. No authentication, no state."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import aiohttp
import orjson
import uvloop
from aiohttp import web


async def session(app: web.Application) -> AsyncIterator[None]:
    """One shared client session, which trusts the sandbox through `SSL_CERT_FILE`."""
    async with aiohttp.ClientSession() as app[SESSION]:
        yield


SESSION = web.AppKey("session", aiohttp.ClientSession)
HEADERS = {"Authorization": f"Bearer {os.environ['BENCH_TOKEN']}", "Content-Type": "application/json"}


async def messages(request: web.Request) -> web.Response:
    """POST /api/messages"""
    activity = orjson.loads(await request.read())
    reply = {"type": "message", "text": f"you said: {activity['text']}", "replyToId": activity["id"]}
    url = f"{activity['serviceUrl']}v3/conversations/{activity['conversation']['id']}/activities"
    async with request.app[SESSION].post(url, data=orjson.dumps(reply), headers=HEADERS) as answer:
        await answer.read()
    return web.Response()


def main() -> None:
    """Serve on PORT."""
    app = web.Application()
    app.cleanup_ctx.append(session)
    app.router.add_post("/api/messages", messages)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)


if __name__ == "__main__":
    main()
