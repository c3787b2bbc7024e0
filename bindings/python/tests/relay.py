"""A real relay for tests: started, killed, started again on the same data; and calls as a backend makes them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

BINARY = os.environ["TIDINGS_BIN"]


class Relay:
    """``tidings serve`` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self._key = ""
        self.start()

    def start(self) -> None:
        listen = self.url.removeprefix("http://") or "127.0.0.1:0"
        with open(self._folder / "relay.log", "a") as log:
            self._process = subprocess.Popen(
                [BINARY, "serve", "--json", "--listen", listen, "--data", str(self._folder / "relay")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        first = json.loads(self._process.stdout.readline())
        self.url = first["address"]
        self._key = first.get("key") or self._key

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Any:
        data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self._key}", "content-type": content}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
        except HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(text) if text else None

    def apply(self, document: str) -> None:
        self.call("PUT", "/v1/configuration", document, "application/yaml")

    def code(self, recipient: str) -> str:
        return str(self.call("POST", "/v1/connect-codes", {"recipient": recipient})["code"])

    def token(self, recipient: str, device: str, expires: str) -> str:
        asked = {"recipient": recipient, "device": device, "expires": expires}
        return str(self.call("POST", "/v1/tokens", asked)["token"])

    def decide(self, recipient: str, category: str, title: str) -> Any:
        """Sends something and answers what became of it."""
        body = {"recipients": [recipient], "category": category, "content": {"title": title}}
        return self.call("POST", "/v1/notifications", body)["notifications"][0]

    def send(self, recipient: str, title: str, category: str = "general") -> str:
        made = self.decide(recipient, category, title)
        assert made["state"] == "active", made
        return str(made["id"])

    def alarm(self, recipient: str) -> str:
        event = {"type": "alarm", "recipient": recipient, "data": {"who": recipient}}
        return str(self.call("POST", "/v1/events", event)["results"][0]["notifications"][0]["id"])

    def receipts(self, id: str) -> set[str]:
        timeline = self.call("GET", f"/v1/notifications/{id}")["timeline"]
        return {str(entry["receipt"]) for entry in timeline if "receipt" in entry}

    def knows(self, recipient: str) -> bool:
        try:
            self.call("GET", f"/v1/recipients/{recipient}")
        except AssertionError as error:
            if ": 404 " in str(error):
                return False
            raise
        return True

    def push_addresses(self, recipient: str) -> list[str]:
        endpoints = self.call("GET", f"/v1/recipients/{recipient}/export")["endpoints"]
        return [endpoint["address"] for endpoint in endpoints if endpoint["channel"] == "push"]
