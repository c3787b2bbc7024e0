"""A client of Tidings, written from docs/PROTOCOL.md alone.

    client.py FOLDER RELAY [CODE]

Signs in with CODE (or with what FOLDER has), keeps the inbox in FOLDER/inbox.json, acknowledges what waits for it, and writes one line
of JSON on standard output for each thing that happens. It ends at the end of its standard input.

Lines on standard input, each answered by what they cause:
    cut                  the connection breaks without a word
    connect              connects again
    cursor TEXT          the stored cursor becomes TEXT
    ack ID               acknowledges a notification
"""

import asyncio
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

UNDERSTANDS = ["notification", "retracted", "settings", "read_up_to", "erased"]
OPERATIONS_PER_FRAME = 500
BACK_OFF_SECONDS_MAX = 60
REFRESH_BEFORE_SECONDS = 60


def say(what, **fields):
    print(json.dumps({"is": what, **fields}), flush=True)


class Kept:
    """Everything that outlives the process. One file, replaced as a whole: items and cursor move together."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "inbox.json")
        self.state = {"cursor": None, "items": {}, "settings": None, "outbox": [], "tokens": None,
                      "device": str(uuid.uuid4()), "nonce": str(uuid.uuid4()), "marked": None, "applied": []}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                self.state = json.load(file)

    def __getitem__(self, name):
        return self.state[name]

    def change(self, **fields):
        self.state = {**self.state, **fields}
        part = self.path + ".part"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(self.state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self.path)
        folder = os.open(os.path.dirname(self.path) or ".", os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


class Refused(Exception):
    def __init__(self, problem):
        super().__init__(problem.get("detail"))
        self.code = problem.get("code")


def post(relay, path, body, key=None):
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    request = urllib.request.Request(relay + path, json.dumps(body).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code >= 500 or error.code == 429:
            raise
        raise Refused(json.load(error)) from error


class Client:
    def __init__(self, folder, relay):
        self.relay = relay
        self.kept = Kept(folder)
        self.may_connect = asyncio.Event()
        self.may_connect.set()
        self.socket = None
        self.in_flight = set()

    # Signing in

    def sign_in(self, code):
        kept = self.kept
        body = {"code": code, "device": kept["device"], "platform": "python", "nonce": kept["nonce"]}
        tokens = post(self.relay, "/v1/connect", body, key=f"connect-{kept['nonce']}")
        kept.change(tokens=tokens)
        say("signed_in", recipient=tokens["recipient"], device=tokens["device"])

    def fresh_token(self, at_once=False):
        tokens = self.kept["tokens"]
        if at_once or seconds_until(tokens["expires_at"]) < REFRESH_BEFORE_SECONDS:
            pair = post(self.relay, "/v1/me/token", {"refresh_token": tokens["refresh_token"]})
            self.kept.change(tokens={**tokens, **pair})
            say("refreshed")
        return self.kept["tokens"]["access_token"]

    # Staying connected

    async def run(self):
        failures, refresh_first = 0, False
        while True:
            await self.may_connect.wait()
            try:
                token = await asyncio.to_thread(self.fresh_token, refresh_first)
                bye = await self.session(token)
            except Refused as refused:
                say("signed_out", code=refused.code)
                return
            except (OSError, WebSocketException, asyncio.TimeoutError) as error:
                bye = None
                say("disconnected", why=type(error).__name__)
            self.socket = None
            if bye is None:
                failures += 1
                # The first wait is short, so that a relay that only restarted is found again soon.
                delay = min(BACK_OFF_SECONDS_MAX, 0.25 * 2 ** min(failures, 10)) * random.uniform(0.5, 1)
            else:
                failures, delay = 0, bye["reconnect_after_ms"] / 1000
                say("bye", code=bye["code"])
                if bye["code"] == "erased":
                    self.kept.change(items={}, settings=None, cursor=None, outbox=[], tokens=None)
                if bye["code"] in ("revoked", "erased", "replaced", "device_conflict"):
                    return
                refresh_first = bye["code"] in ("unauthorized", "token_expired")
            await asyncio.sleep(delay)

    async def session(self, token):
        """Until the connection ends; answers the bye, if there was one."""
        kept, url = self.kept, self.relay.replace("http", "ws", 1) + "/v1/socket"
        async with connect(url, subprotocols=["tidings.v1"], open_timeout=10, ping_interval=30,
                           max_size=None) as socket:
            self.socket, self.in_flight = socket, set()
            await self.send(t="hello", token=token, device=kept["device"], platform="python", nonce=kept["nonce"],
                            cursor=kept["cursor"], sdk="page/1", understands=UNDERSTANDS)
            async for text in socket:
                frame = json.loads(text)
                kind = frame.get("t")
                if kind == "welcome":
                    say("welcome", reset=frame["reset"])
                    await self.send_outbox()
                elif kind == "changes":
                    await self.changes(frame)
                elif kind == "done":
                    await self.done(frame)
                elif kind == "bye":
                    return frame
        return None

    async def send(self, **frame):
        if self.socket is not None:
            try:
                await self.socket.send(json.dumps(frame))
            except ConnectionClosed:
                pass  # Whatever it was, it is kept, and said again after the next welcome.

    # Changes down

    async def changes(self, page):
        kept = self.kept
        marked = kept["marked"]
        begins = page["reset"] and page["from"] is None
        if begins:
            marked = []
        elif page["from"] != kept["cursor"]:
            say("gap", frm=page["from"], cursor=kept["cursor"])
            await self.send(t="resume", cursor=kept["cursor"])
            return
        items, settings, applied = dict(kept["items"]), kept["settings"], list(kept["applied"])
        for item in page["items"]:
            kind = item.get("kind")
            if kind == "notification":
                items[item["id"]] = item
                if not page["reset"]:
                    applied.append(item["id"])
            elif kind == "retracted":
                items.pop(item["id"], None)
            elif kind == "settings":
                settings = item
            elif kind == "read_up_to":
                read_up_to(items, item)
            elif kind == "erased":
                items, settings = {}, None
            if page["reset"] and marked is not None and "id" in item:
                marked.append(item["id"])
        if page["reset"] and not page["more"]:
            items = {id: item for id, item in items.items() if id in (marked or [])}
            marked = None
        kept.change(items=items, settings=settings, cursor=page["to"], marked=marked if page["reset"] else None,
                    applied=applied)
        for item in page["items"]:
            if item.get("kind") == "notification":
                say("item", id=item["id"], title=item["title"], reset=page["reset"])
        if not page["more"]:
            await self.send(t="held", cursor=page["to"])
            say("stored", cursor=page["to"], items=len(items), reset=page["reset"])

    # Operations up

    async def ask(self, **fields):
        operation = {"id": str(uuid.uuid4()), "at": now(), **fields}
        self.kept.change(outbox=[*self.kept["outbox"], operation])
        say("asked", id=operation["id"])
        await self.send_outbox()

    async def send_outbox(self):
        waiting = [operation for operation in self.kept["outbox"] if operation["id"] not in self.in_flight]
        for begin in range(0, len(waiting), OPERATIONS_PER_FRAME):
            part = waiting[begin : begin + OPERATIONS_PER_FRAME]
            if self.socket is not None:
                self.in_flight.update(operation["id"] for operation in part)
                await self.send(t="ops", ops=part)

    async def done(self, frame):
        ended = set(frame["done"]) | {refused["id"] for refused in frame["refused"] if refused["permanent"]}
        self.in_flight -= ended | {refused["id"] for refused in frame["refused"]}
        self.kept.change(outbox=[operation for operation in self.kept["outbox"] if operation["id"] not in ended])
        say("done", done=frame["done"], refused=[refused["code"] for refused in frame["refused"]])

    # What the test asks for

    async def obey(self, line):
        word, _, rest = line.strip().partition(" ")
        if word == "cut":
            self.may_connect.clear()
            if self.socket is not None:
                self.socket.transport.abort()
        elif word == "connect":
            self.may_connect.set()
        elif word == "cursor":
            self.kept.change(cursor=rest)
            say("cursor", cursor=rest)
        elif word == "ack":
            await self.ask(op="receipt", notification=rest, receipt="acknowledged")


def read_up_to(items, mark):
    for id, item in items.items():
        view, unread = item["view"], item["view"].get("unread")
        meant = item["place"] <= mark["place"] and mark.get("category") in (None, item["category"])
        later = unread is None or (unread["at"], unread["by"]) < (mark["at"], mark["by"])
        if meant and later and "read_at" not in view:
            kept = {name: value for name, value in view.items() if name != "unread"}
            items[id] = {**item, "view": {**kept, "read_at": mark["at"]}}


def now():
    seconds = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"


def seconds_until(text):
    import calendar

    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.time()


async def main():
    folder, relay = sys.argv[1:3]
    client = Client(folder, relay)
    if len(sys.argv) > 3:
        client.sign_in(sys.argv[3])
    running = asyncio.create_task(client.run())
    while line := await asyncio.to_thread(sys.stdin.readline):
        await client.obey(line)
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main())
