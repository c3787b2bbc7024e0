"""What calls of the client cost across the border, beside the same calls in Rust. `scripts/bindings cost` runs it.

Without arguments it starts a relay and measures each command of the environment's TIDINGS_COST, a JSON object of commands by
language; with a relay, a folder and a connect code it is the measure of Python.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AT_ONCE = 500
ROUNDS = 20
LISTS = 300
RECEIPTS = 200


async def measure(relay: str, folder: str, code: str) -> None:
    import tidings

    async with await tidings.open(relay, folder, access=tidings.Code(code)) as client:
        await client.wait_until_live()
        began = time.perf_counter()
        changed = rounds = 0
        async for change in client.observe(limit=AT_ONCE):
            match change:
                case tidings.Reset():
                    print("more", flush=True)
                case tidings.Changed():
                    changed += 1
                    if changed % AT_ONCE == 0:
                        rounds += 1
                        if rounds == ROUNDS:
                            break
                        print("more", flush=True)
        observed = time.perf_counter() - began
        lists, receipts = [], []
        for _ in range(LISTS):
            began = time.perf_counter()
            page = await client.page(limit=50)
            lists.append(time.perf_counter() - began)
        for _ in range(RECEIPTS):
            began = time.perf_counter()
            await client.clicked(page.items[0].id)
            receipts.append(time.perf_counter() - began)
        figures = {
            "list_50_us": round(statistics.median(lists) * 1e6),
            "receipt_us": round(statistics.median(receipts) * 1e6),
            "observed_10000_ms": round(observed * 1e3),
        }
        print(json.dumps(figures), flush=True)


def compare() -> None:
    from relay import Relay
    from scenario import scenario_folder

    commands: dict[str, list[str]] = json.loads(os.environ["TIDINGS_COST"])
    for language, command in commands.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            relay = Relay(folder)
            relay.apply((scenario_folder() / "document.yaml").read_text())
            event = {"type": "alarm", "data": {"who": "alice"}}
            arguments = [*command, relay.url, str(folder), relay.code("alice")]
            process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip() == "more":
                    relay.call("POST", "/v1/events?verdicts=none", [event] * AT_ONCE)
                else:
                    print(f"{language:8} {line.strip()}", flush=True)
            process.wait()
            relay.kill()


if __name__ == "__main__":
    if len(sys.argv) == 4:
        asyncio.run(measure(*sys.argv[1:4]))
    else:
        compare()
