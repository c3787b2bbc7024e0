"""What tests stand on: a relay with the scenario's document and a folder for devices, both gone afterwards."""

from __future__ import annotations

import asyncio
import tempfile
import unittest
from pathlib import Path

from relay import Relay
from scenario import scenario_folder


class WithRelay(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        # Its warnings are about calls of the test's own backend, which block.
        asyncio.get_running_loop().set_debug(False)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.relay = Relay(self.folder)
        self.addCleanup(self.relay.kill)
        self.relay.apply((scenario_folder() / "document.yaml").read_text())
