"""Plays the scenario that every language's package plays: `bindings/scenario/scenario.json`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import tidings
from relay import Relay

PATIENCE_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.02

Step = dict[str, Any]


def chapters() -> list[Any]:
    scenario = json.loads((scenario_folder() / "scenario.json").read_text())
    return list(scenario["chapters"])


def scenario_folder() -> Path:
    return Path(__file__).parents[2] / "scenario"


async def until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Looks until it is so."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_SECONDS
    while not await is_so():
        assert loop.time() < end, f"not in time: {what}"
        await asyncio.sleep(LOOK_EVERY_SECONDS)


class Child:
    """A process of its own on a device's file; it shows what comes and says so."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, url: str, folder: Path, account: str) -> Child:
        script = Path(__file__).with_name("child.py")
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(script), url, str(folder), account, stdout=asyncio.subprocess.PIPE
        )
        child = cls(process)
        assert await child.line() == "open"
        return child

    async def line(self) -> str:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_SECONDS)
        return line.decode().strip()

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


class Stage:
    """Devices, a relay, and the names of what was sent."""

    def __init__(self, relay: Relay, folder: Path) -> None:
        self._relay = relay
        self._folder = folder
        self._devices: dict[str, tidings.Client] = {}
        self._children: dict[str, Child] = {}
        self._ids: dict[str, str] = {}
        self._brought: dict[str, int] = {}
        self._next_try: dict[str, datetime] = {}

    async def play(self, steps: list[Step]) -> None:
        for number, step in enumerate(steps, 1):
            try:
                # Longer than any wait of a step that says for what it waits.
                await asyncio.wait_for(getattr(self, f"_{step['do']}")(step), 2 * PATIENCE_SECONDS)
            except Exception as error:
                raise AssertionError(f"step {number}, {step}: {error!r}") from error

    async def end(self) -> None:
        for child in self._children.values():
            await child.kill()
        for device in self._devices.values():
            await device.close()

    def _client(self, step: Step) -> tidings.Client:
        return self._devices[step["device"]]

    def _id(self, step: Step) -> str:
        return str(step["id"]) if "id" in step else self._ids[step["as"]]

    # Steps that do something.

    async def _open(self, step: Step) -> None:
        device = step["device"]
        address = step.get("push_address")

        async def push_address() -> str | None:
            return str(address)

        self._devices[device] = await tidings.open(
            self._relay.url,
            self._folder,
            access=self._access(step),
            account=device,
            push_endpoint=push_address if address else None,
        )

    def _access(self, step: Step) -> tidings.Access:
        match step["access"]:
            case "code":
                return tidings.Code(self._relay.code(step["recipient"]))
            case "saved":
                return tidings.Saved()
        device = step["device"]
        self._brought[device] = 0

        async def bring(why: tidings.TokenWanted) -> str:
            self._brought[device] += 1
            return await asyncio.to_thread(self._relay.token, step["recipient"], device, step["expires"])

        return bring

    async def _close(self, step: Step) -> None:
        await self._client(step).close()

    async def _send(self, step: Step) -> None:
        self._ids[step["as"]] = self._relay.send(step["to"], step["title"], step.get("category", "general"))

    async def _alarm(self, step: Step) -> None:
        self._ids[step["as"]] = self._relay.alarm(step["to"])

    async def _stop_relay(self, _: Step) -> None:
        self._relay.kill()

    async def _start_relay(self, _: Step) -> None:
        self._relay.start()

    async def _network_changed(self, step: Step) -> None:
        await self._client(step).network_changed()

    async def _spawn(self, step: Step) -> None:
        self._children[step["device"]] = await Child.start(self._relay.url, self._folder, step["device"])

    async def _kill_child(self, step: Step) -> None:
        await self._children.pop(step["device"]).kill()

    async def _call(self, step: Step) -> None:
        client = self._client(step)
        match step["call"]:
            case "mark_read":
                await client.mark_read(self._id(step))
            case "archive":
                await client.archive(self._id(step))
            case "act":
                await client.act(self._id(step), step["action"])
            case "story":
                await client.story(self._id(step))
            case "snooze":
                until = datetime.now(timezone.utc) + timedelta(seconds=step["seconds"])
                await client.snooze(self._id(step), until)
            case "decide_consent":
                await client.decide_consent(step["category"], step["channel"], step["granted"])
            case "set_preference":
                await client.set_preference(step["category"], step["chosen"])
            case "set_quiet_hours":
                span = tidings.QuietSpan(begins=step["begins"], ends=step["ends"])
                await client.set_quiet_hours(tidings.QuietHours(spans=[span]))
            case "erase":
                await client.erase()
            case other:
                raise AssertionError(f"no such call: {other}")

    # Steps that expect something.

    async def _fails(self, step: Step) -> None:
        kinds = {
            "offline": tidings.OfflineError,
            "signed_out": tidings.SignedOutError,
            "refused": tidings.RefusedError,
            "invalid": tidings.InvalidError,
            "closed": tidings.ClosedError,
        }
        try:
            await self._call(step)
        except kinds[step["error"]] as error:
            assert error.code and error.text, error
        else:
            raise AssertionError("it did not fail")

    async def _is(self, step: Step) -> None:
        async for state in self._client(step).connections():
            match state:
                case tidings.Live():
                    word = "live"
                case tidings.Offline():
                    word = "offline"
                case tidings.SignedOut(why):
                    word = "signed_out"
                    assert why.name.lower() == step.get("why", why.name.lower()), why
                case _:
                    continue
            if word == step["connection"]:
                assert not step.get("early") or datetime.now(timezone.utc) < self._next_try[step["device"]], "too late"
                return

    async def _waits(self, step: Step) -> None:
        async for state in self._client(step).connections():
            if isinstance(state, tidings.Offline) and state.next_try is not None:
                if state.next_try >= datetime.now(timezone.utc) + timedelta(seconds=step["seconds"]):
                    self._next_try[step["device"]] = state.next_try
                    return

    async def _owner(self, step: Step) -> None:
        owner = await self._client(step).owner()
        assert owner is not None and owner.recipient == step["recipient"], owner

    async def _next(self, step: Step) -> tidings.Presentation:
        return await asyncio.wait_for(anext(self._client(step).presentations()), PATIENCE_SECONDS)

    async def _shows(self, step: Step) -> None:
        presentation = await self._next(step)
        assert isinstance(presentation, tidings.Show), presentation
        item = presentation.item
        assert item.id == self._id(step), item
        assert item.title == step.get("title", item.title), item
        assert item.because.rule == step.get("because", item.because.rule), item
        await self._client(step).shown(item.id)

    async def _withdraws(self, step: Step) -> None:
        presentation = await self._next(step)
        assert presentation == tidings.Withdraw(self._id(step)), presentation

    async def _child_shows(self, step: Step) -> None:
        assert await self._children[step["device"]].line() == f"shown {self._id(step)}"

    async def _push(self, step: Step) -> None:
        payload = {
            name: self._ids[value[1:]] if isinstance(value, str) and value.startswith("$") else value
            for name, value in step["payload"].items()
        }
        shown = await self._client(step).handle_push(json.dumps(payload).encode(), timedelta(seconds=30))
        ids = [presentation.item.id for presentation in shown if isinstance(presentation, tidings.Show)]
        assert ids == [self._ids[name] for name in step["shows"]], shown
        for id in ids:
            await self._client(step).shown(id)

    async def _has(self, step: Step) -> None:
        async def is_so() -> bool:
            item = await self._client(step).item(self._id(step))
            return (
                item is not None
                and (not step.get("read") or item.read_at is not None)
                and (not step.get("acknowledged") or item.acknowledged_at is not None)
                and (not step.get("snoozed") or item.snoozed_until is not None)
            )

        await until(is_so, "the item")

    async def _lists(self, step: Step) -> None:
        async def is_so() -> bool:
            titles = [item.title for item in (await self._client(step).page()).items]
            return bool(titles == step["titles"])

        await until(is_so, "the list")

    async def _found(self, step: Step) -> None:
        hits = [item.title async for item in self._client(step).search(step["text"])]
        assert hits == step["titles"], hits

    async def _unread(self, step: Step) -> None:
        async for count in self._client(step).unread_counts():
            if count == step["count"]:
                return

    async def _pending(self, step: Step) -> None:
        ops = [operation.request.op for operation in await self._client(step).pending()]
        assert ops == step["ops"], ops

    async def _flushed(self, step: Step) -> None:
        async def is_so() -> bool:
            return not await self._client(step).pending()

        await until(is_so, "the relay's answers")

    async def _receipts(self, step: Step) -> None:
        async def is_so() -> bool:
            return set(step["include"]) <= self._relay.receipts(self._id(step))

        await until(is_so, "the receipts")

    async def _story(self, step: Step) -> None:
        story = await self._client(step).story(self._id(step))
        assert story.state == step["state"], story.state
        assert story.timeline, story

    async def _stopped(self, step: Step) -> None:
        made = self._relay.decide(step["to"], step["category"], step["title"])
        assert made["state"] == "suppressed", made
        assert made["stopped_by"]["gate"] == step["gate"], made

    async def _consent(self, step: Step) -> None:
        async def is_so() -> bool:
            settings = await self._client(step).settings()
            assert settings is not None
            decided = {category.id: category.consent for category in settings.categories}[step["category"]]
            return decided[step["channel"]].name.lower() == str(step["decision"])

        await until(is_so, "the decision")

    async def _quiet(self, step: Step) -> None:
        settings = await self._client(step).settings()
        assert settings is not None and settings.quiet_hours is not None
        assert [span.begins for span in settings.quiet_hours.spans] == [step["begins"]]

    async def _endpoint(self, step: Step) -> None:
        async def is_so() -> bool:
            return self._relay.push_addresses(step["recipient"]) == [str(step["address"])]

        await until(is_so, "the push address")

    async def _tokens(self, step: Step) -> None:
        async def is_so() -> bool:
            return self._brought[step["device"]] >= int(step["at_least"])

        await until(is_so, "another token")

    async def _forgotten(self, step: Step) -> None:
        async def is_so() -> bool:
            return not self._relay.knows(step["recipient"])

        await until(is_so, "the end of what is known")

    async def _exports(self, step: Step) -> None:
        assert step["text"] in (await self._client(step).export()).decode()
