"""A process of its own on an account's file: shows what comes, and says so on standard output."""

from __future__ import annotations

import asyncio
import sys

import tidings


def say(text: str) -> None:
    print(text, flush=True)


async def main(url: str, folder: str, account: str) -> None:
    async with await tidings.open(url, folder, account=account) as client:
        say("open")
        async for presentation in client.presentations():
            match presentation:
                case tidings.Show(item):
                    await client.shown(item.id)
                    say(f"shown {item.id}")
                case other:
                    say(repr(other))


asyncio.run(main(*sys.argv[1:4]))
