"""Each chapter of the scenario is a test."""

from __future__ import annotations

import asyncio
import tempfile
import unittest
from pathlib import Path
from typing import Any

import scenario
from relay import Relay


class Scenario(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        # Its warnings are about calls of the test's own backend, which block.
        asyncio.get_running_loop().set_debug(False)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.relay = Relay(self.folder)
        self.addCleanup(self.relay.kill)
        self.relay.apply((scenario.scenario_folder() / "document.yaml").read_text())

    async def play(self, chapter: Any) -> None:
        stage = scenario.Stage(self.relay, self.folder)
        try:
            await stage.play(chapter["steps"])
        finally:
            await stage.end()


def add(number: int, chapter: Any) -> None:
    async def plays(self: Scenario) -> None:
        await self.play(chapter)

    plays.__doc__ = chapter["name"]
    setattr(Scenario, f"test_{number:02}", plays)


for _number, _chapter in enumerate(scenario.chapters(), 1):
    add(_number, _chapter)


if __name__ == "__main__":
    unittest.main()
