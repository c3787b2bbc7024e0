"""Each chapter of the scenario is a test."""

from __future__ import annotations

import unittest
from typing import Any

import scenario
from with_relay import WithRelay


class Scenario(WithRelay):
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
