"""What calls of the client cost across the border, beside the same calls in Rust. `scripts/bindings cost` runs it, on Linux.

Without arguments it starts a relay and the command of each language in the environment's TIDINGS_COST, a JSON object, and lets
them work in turns: Rust, another, Rust, another. With a relay, a folder and a connect code it is the measure of Python;
`sdk/client/examples/cost.rs` says how they talk.
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
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from relay import Relay
from scenario import scenario_folder

AT_ONCE = 500
# What is done in one block, and how many blocks count.
BLOCKS = {"observe": (AT_ONCE, 20), "list": (300, 8), "receipt": (100, 8)}
# Blocks before those: a virtual machine compiles what it runs often.
WARMING = 4


async def measure(relay: str, folder: str, code: str) -> None:
    import tidings

    async with await tidings.open(relay, folder, access=tidings.Code(code)) as client:
        await client.wait_until_live()
        changes = client.observe(limit=AT_ONCE)
        await anext(changes)
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            what, count = line.split()
            match what:
                case "observe":
                    changed = 0
                    while changed < int(count):
                        changed += isinstance(await anext(changes), tidings.Changed)
                    taken = 0
                case "list":
                    taken = await median(lambda: client.page(limit=50), int(count))
                case "receipt":
                    await client.mark_all_read()
                    id = (await client.page(limit=1)).items[0].id
                    taken = await median(lambda: client.clicked(id), int(count))
                case _:
                    raise ValueError(what)
            print(taken, flush=True)


async def median(call: Callable[[], Awaitable[object]], count: int) -> int:
    times = []
    for _ in range(count):
        began = time.perf_counter_ns()
        await call()
        times.append(time.perf_counter_ns() - began)
    return round(statistics.median(times))


@dataclass
class Cost:
    """What one block took, for each call of it."""

    wall_us: float
    processor_us: float


@dataclass
class Measured:
    """A language's process."""

    process: subprocess.Popen[str]
    recipient: str
    # Each block with one of Rust's just before it.
    costs: dict[str, list[tuple[Cost, Cost]]] = field(default_factory=lambda: {what: [] for what in BLOCKS})

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the measured process ended"
        return line.strip()

    def processor_ns(self) -> int:
        """What all its threads have had, those that ended too: Linux names the clock of a process by its number."""
        return time.clock_gettime_ns((~self.process.pid << 3) | 2)

    def block(self, what: str, count: int, meanwhile: Callable[[], object]) -> Cost:
        """Has it do a block, and tells what one call cost. What is done meanwhile does not count as time."""
        assert self.process.stdin is not None
        before = self.processor_ns()
        self.process.stdin.write(f"{what} {count}\n")
        self.process.stdin.flush()
        meanwhile()
        began = time.perf_counter_ns()
        taken = int(self.line()) or (time.perf_counter_ns() - began) / count
        return Cost(taken / 1e3, (self.processor_ns() - before) / count / 1e3)


class Comparison:
    """One relay, and each language's process with an inbox of its own."""

    def __init__(self, folder: Path, commands: dict[str, list[str]]) -> None:
        self._relay = Relay(folder)
        self._relay.apply((scenario_folder() / "document.yaml").read_text())
        self._measured = {language: self._start(folder, language, command) for language, command in commands.items()}

    def _start(self, folder: Path, language: str, command: list[str]) -> Measured:
        recipient = language.lower()
        (folder / recipient).mkdir()
        arguments = [*command, self._relay.url, str(folder / recipient), self._relay.code(recipient)]
        process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        measured = Measured(process, recipient)
        assert measured.line() == "ready"
        return measured

    def run(self) -> None:
        """Rust, another, Rust, another: each block of another language has one of Rust just before it."""
        for what, (count, blocks) in BLOCKS.items():
            for number in range(WARMING + blocks):
                for language in self._measured:
                    if language != "Rust":
                        pair = [self._block(name, what, count) for name in ("Rust", language)]
                        if number >= WARMING:
                            self._measured[language].costs[what].append((pair[0], pair[1]))
        for measured in self._measured.values():
            measured.process.communicate()
        self._relay.kill()

    def _block(self, language: str, what: str, count: int) -> Cost:
        measured = self._measured[language]
        event = {"type": "alarm", "data": {"who": measured.recipient}}

        def publish() -> None:
            if what == "observe":
                self._relay.call("POST", "/v1/events?verdicts=none", [event] * count)

        return measured.block(what, count, publish)

    def tell(self) -> None:
        """The medians, and the median of the ratios of neighbours: what else the machine does meets both."""
        print(f"{'':24}{'wall, µs':>20}{'processor, µs':>20}{'ratios':>16}")
        for language, measured in self._measured.items():
            for what, pairs in measured.costs.items():
                if pairs:
                    wall = [(rust.wall_us, other.wall_us) for rust, other in pairs]
                    processor = [(rust.processor_us, other.processor_us) for rust, other in pairs]
                    print(
                        f"{language:9}{what:9}{columns(wall):>26}{columns(processor):>20}"
                        f"{ratio(wall):9.2f}{ratio(processor):7.2f}"
                    )


def columns(pairs: list[tuple[float, float]]) -> str:
    rust, other = (statistics.median(side) for side in zip(*pairs))
    return f"{rust:.0f} → {other:.0f}"


def ratio(pairs: list[tuple[float, float]]) -> float:
    return statistics.median(other / rust for rust, other in pairs)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        asyncio.run(measure(*sys.argv[1:4]))
    else:
        with tempfile.TemporaryDirectory() as name:
            comparison = Comparison(Path(name), json.loads(os.environ["TIDINGS_COST"]))
            comparison.run()
            comparison.tell()
