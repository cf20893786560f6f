"""localstripe with what Stripe does and localstripe leaves out.

    python peer.py PORT

Added here, each because an adapter relies on it:
- idempotency keys (idempotency.py) and the life of payment intents (intents.py);
- accounts: every API key has its own, so that tests do not see each other;
- keys that are not good: `sk_test_expired…` has expired and `sk_test_revoked…` is not known any more;
- faults: POST /peer/fault with `request-lost`, `answer-lost` or `request-duplicated` as its body lets the account's next
  request with an idempotency key meet with that;
- `Request-Id` on every answer, and the code of an object that is not there.

Still not there: limits of rates, permissions of restricted keys, connected accounts, the balance, disputes, amounts a
currency does not take, and whatever else only Stripe knows. Nothing is written to the disk.
"""

import asyncio
import contextvars
import json
import secrets
import sys

from aiohttp import web
from localstripe import resources

import intents
from idempotency import Keys

_ACCOUNT = contextvars.ContextVar("account", default="")
_EXPIRED, _REVOKED = "sk_test_expired", "sk_test_revoked"


class Accounts:
    """Stands in for localstripe's one store: a dictionary for each account."""

    def __init__(self):
        self.stores = {}

    def __getattr__(self, name):
        return getattr(self.stores.setdefault(_ACCOUNT.get(), {}), name)

    def __setitem__(self, key, value):
        self.stores.setdefault(_ACCOUNT.get(), {})[key] = value

    def __delitem__(self, key):
        del self.stores[_ACCOUNT.get()][key]

    def dump_to_disk(self):
        pass


resources.store = Accounts()
intents.install()

# Only now, because it makes its routes of what it finds.
from localstripe import server  # noqa: E402

server.store = resources.store
KEYS = Keys()
FAULTS = {}


def unauthorised(code):
    error = {"type": "invalid_request_error", "message": "the API key is not accepted"}
    if code:
        error["code"] = code
    return web.json_response({"error": error}, status=401)


def explained(request, response):
    """Says in a code what localstripe says in words."""
    if response.status != 404 or not response.body:
        return response
    try:
        body = json.loads(response.body)
    except ValueError:
        return response
    body.setdefault("error", {}).setdefault("code", "resource_missing")
    # An object that a parameter names, not the path.
    status = 400 if request.method == "POST" and "id" not in request.match_info else 404
    return web.json_response(body, status=status)


async def disturbed(account, request, work):
    """Answers a request, through the fault that the account has asked for if this is an effect."""
    if request.path == "/peer/fault":
        FAULTS[account] = await request.text()
        return web.Response()
    fault = FAULTS.pop(account, None) if "Idempotency-Key" in request.headers else None
    if fault == "request-duplicated":
        return (await asyncio.gather(work(), work()))[0]
    if fault != "request-lost":
        response = await work()
    if fault:
        request.transport.close()
        return web.Response()
    return response


@web.middleware
async def stripe(request, handler):
    if request.path == "/ready":
        return web.Response()
    key = request.headers.get("Authorization", "").removeprefix("Bearer ")
    _ACCOUNT.set(key)
    if key.startswith(_EXPIRED):
        response = unauthorised("api_key_expired")
    elif key.startswith(_REVOKED):
        response = unauthorised(None)
    else:

        async def handle(request):
            return explained(request, await handler(request))

        response = await disturbed(key, request, lambda: KEYS.once(key, request, handle))
    response.headers["Request-Id"] = "req_" + secrets.token_hex(7)
    return response


server.app.middlewares.insert(0, stripe)

if __name__ == "__main__":
    web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
