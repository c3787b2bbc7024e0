"""Processes that meet a bad end or a bad surrounding: what `test_faults.py` starts, by the name of the first argument."""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path


# The library waits two seconds for functions that do not come back; a busy machine needs some time of its own.
IN_TIME_SECONDS = 4.0


def say(text: str) -> None:
    print(text, flush=True)


def threads() -> int:
    """How many threads there are that clients run on."""

    def is_ours(task: Path) -> bool:
        try:
            return (task / "comm").read_text() == "tidings\n"
        except OSError:
            # It ended while it was looked at.
            return False

    return sum(map(is_ours, Path("/proc/self/task").iterdir()))


left_at = 0.0


def tell_the_end() -> None:
    seconds = time.monotonic() - left_at
    # The system lists a thread a moment longer than whoever waited for its end waits.
    for _ in range(100):
        if threads() == 0:
            break
        time.sleep(0.01)
    say(f"threads {threads() > 0}")
    say("in time" if seconds < IN_TIME_SECONDS else f"after {seconds:.1f} s")


if __name__ == "__main__" and sys.argv[1] == "leave_open":
    # What is registered before the package is imported is called after what the package registers.
    atexit.register(tell_the_end)

import tidings
from tidings.raw import tidings_ffi


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
    # The first call of all takes its time.
    presented = await client.handle_push(b"", timedelta(seconds=30))
    say("pushing")
    for presentation in presented:
        say(f"presents {presentation.count if isinstance(presentation, tidings.Summary) else 1}")
    while True:
        for presentation in await client.handle_push(b'{"tidings":1}', timedelta(seconds=30)):
            say(f"presents {presentation.count if isinstance(presentation, tidings.Summary) else 1}")


kept: list[object] = []


async def leave_open(url: str, folder: str, account: str, left: str) -> None:
    """Ends without closing, while the library waits for the embedder's code and a loop waits for the library.

    The client is ``kept`` until the interpreter is gone, or ``forgotten`` a moment before; or the log is ``stuck``.
    """
    asked = asyncio.Event()

    async def never(_: tidings.TokenWanted) -> str:
        asked.set()
        if left == "stuck":
            raise RuntimeError("a line for the log")
        await asyncio.sleep(3600)
        return ""

    entered = threading.Event()

    def log(_: tidings.LogLine) -> None:
        entered.set()
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
    if left == "stuck":
        await asyncio.to_thread(entered.wait)
    say(f"leaves {waiting.done()}")
    waiting.cancel()
    global left_at
    left_at = time.monotonic()


async def end(url: str, folder: str, account: str) -> None:
    """Goes on after the library was ended, as what runs at the very end of an interpreter may."""

    async def later(_: tidings.TokenWanted) -> tidings.Later:
        return tidings.Later()

    function = weakref.ref(later)
    client = await tidings.open(url, folder, access=later, account=account)
    del later
    tidings_ffi.end_for_good()
    calls: list[Callable[[], Awaitable[object]]] = [client.page, lambda: tidings.open(url, folder, account="other")]
    for call in calls:
        try:
            await call()
        except tidings.ClosedError as error:
            say(error.code)
    tidings_ffi.end_for_good()
    del client, calls, call
    gc.collect()
    # It would be given back by a call into an interpreter that may be gone.
    say(f"given back {function() is None}")


async def drop(url: str, folder: str, account: str) -> None:
    """Forgets a client without closing it."""

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
