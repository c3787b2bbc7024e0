"""A small inbox on the terminal: connects with a code, prints what there is, then what comes.

``tidings connect alice`` prints a code; then ``scripts/bindings example python http://127.0.0.1:7420 CODE``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import tidings


async def main(relay: str, code: str) -> None:
    # A program of its own takes its data folder, and gives an encryption key or a secret store.
    folder = Path(tempfile.gettempdir()) / "tidings-inbox-example"
    async with await tidings.open(relay, folder, access=tidings.Code(code)) as client:
        page = await client.page(limit=10)
        print(f"{page.unread} unread")
        for item in page.items:
            print(f"  {item.created_at:%x %X}  {item.title}")
        async for presentation in client.presentations():
            match presentation:
                case tidings.Show(item):
                    print(f"{item.category}: {item.title} ({item.because.text})")
                    await client.shown(item.id)
                case tidings.Update(item, replaces):
                    print(f"{item.title} (in the place of {replaces})")
                    await client.shown(item.id)
                case tidings.Withdraw(id):
                    print(f"{id} is settled")
                case tidings.Summary(count):
                    print(f"{count} came while you were away")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("give the relay's address and a connect code")
    asyncio.run(main(sys.argv[1], sys.argv[2]))
