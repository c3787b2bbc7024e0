"""Processes that meet a bad end or a bad surrounding: what `test_faults.py` starts, by the name of the first argument."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path

import tidings
from tidings.raw import tidings_ffi


def say(text: str) -> None:
    print(text, flush=True)


async def full_disk(url: str, folder: str, code: str) -> None:
    """The folder is a small disk of its own."""
    filler = Path(folder) / "filler"
    async with await tidings.open(url, folder, access=tidings.Code(code)) as client:
        await client.wait_until_live()
        async for change in client.observe():
            if isinstance(change, tidings.Changed) or (isinstance(change, tidings.Reset) and change.page.items):
                break
        id = (await client.page()).items[0].id
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        try:
            for _ in range(10_000):
                await client.mark_unread(id)
                await client.mark_read(id)
            say("never full")
        except tidings.StorageError as error:
            say(f"{error.code} {error.recoverable}")
        say(f"reads {len((await client.page()).items)}")
        filler.unlink()
        await client.mark_read(id)
        say("goes on")


async def push(url: str, folder: str, account: str) -> None:
    client = await tidings.open(url, folder, account=account)
    say("pushing")
    while True:
        await client.handle_push(b'{"tidings":1}', timedelta(seconds=30))


kept: list[object] = []


async def leave_open(url: str, folder: str, account: str, left: str) -> None:
    """Ends without closing, while the library waits for the embedder's code and a loop waits for the library.

    The client is ``kept`` until the interpreter is gone, or ``forgotten`` a moment before; or the log is ``stuck``.
    """
    asked = asyncio.Event()

    async def never(_: tidings.TokenWanted) -> str:
        asked.set()
        await asyncio.sleep(3600)
        return ""

    def log(_: tidings.LogLine) -> None:
        threading.Event().wait(0.01)
        while left == "stuck":
            # It wants to go on all the time, also while the interpreter ends.
            time.sleep(0.0005)

    tidings.set_log(log, tidings.LogLevel.DEBUG)
    client = await tidings.open(url, folder, access=never, account=account)
    follow = client.presentations()
    if left != "forgotten":
        kept.extend((client, follow))
    waiting = asyncio.ensure_future(anext(follow))
    await asked.wait()
    say(f"leaves {waiting.done()}")
    waiting.cancel()


async def end(url: str, folder: str, account: str) -> None:
    """Goes on after the library was ended, as what runs at the very end of an interpreter may."""
    client = await tidings.open(url, folder, account=account)
    tidings_ffi.end_for_good()
    calls: list[Callable[[], Awaitable[object]]] = [client.page, lambda: tidings.open(url, folder, account="other")]
    for call in calls:
        try:
            await call()
        except tidings.ClosedError as error:
            say(error.code)
    tidings_ffi.end_for_good()


async def drop(url: str, folder: str, account: str) -> None:
    """Forgets a client without closing it."""

    def is_ours(task: Path) -> bool:
        try:
            return (task / "comm").read_text().startswith("tidings")
        except OSError:
            # It ended while it was looked at.
            return False

    def threads() -> int:
        return sum(map(is_ours, Path("/proc/self/task").iterdir()))

    client = await tidings.open(url, folder, account=account)
    say(f"threads {threads() > 0}")
    del client
    for _ in range(600):
        if threads() == 0:
            say("ended")
            return
        await asyncio.sleep(0.05)
    say("still there")


if __name__ == "__main__":
    ways: dict[str, Callable[..., Coroutine[object, object, None]]]
    ways = {"full_disk": full_disk, "push": push, "leave_open": leave_open, "drop": drop, "end": end}
    asyncio.run(ways[sys.argv[1]](*sys.argv[2:]))
    if sys.argv[1] == "leave_open":
        say(f"last line {os.getpid() > 0}")
