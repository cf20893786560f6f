"""What Stripe promises about the header Idempotency-Key, and localstripe does not know.

The first answer under a key is kept and given to every repetition. The same key with another path or other parameters
is refused, and so is a repetition that overtakes the first request. What was refused because it made no sense, or
because there was no such object, leaves the key free.
"""

import asyncio
import json

from aiohttp import web

# Long enough that requests which race do meet.
_WORK = 0.002


class Keys:
    def __init__(self):
        self.done = {}
        self.running = set()

    async def once(self, account, request, handler):
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or key is None:
            return await handler(request)
        key = (account, key)
        asked = (request.path, await request.read())
        if key in self.running:
            return refuse(409, "idempotency_key_in_use")
        if key in self.done:
            first, status, body = self.done[key]
            if first != asked:
                return refuse(400, None)
            replay = {"Idempotent-Replayed": "true"}
            return web.Response(status=status, body=body, content_type="application/json", headers=replay)
        self.running.add(key)
        try:
            await asyncio.sleep(_WORK)
            response = await handler(request)
            if is_kept(response):
                self.done[key] = (asked, response.status, response.body)
            return response
        finally:
            self.running.discard(key)


def is_kept(response):
    if response.status < 400 or response.status == 402:
        return True
    code = json.loads(response.body).get("error", {}).get("code") or ""
    return code.endswith("_state") or code.startswith("charge_already_")


def refuse(status, code):
    error = {"type": "idempotency_error", "message": "the idempotency key is taken"}
    if code:
        error["code"] = code
    return web.json_response({"error": error}, status=status)
