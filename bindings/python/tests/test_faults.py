"""What goes wrong ends in a typed error or mends itself; never in a crash of the host."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import trustme

import tidings
from scenario import PATIENCE_SECONDS, Child, until
from tidings.raw import tidings_ffi as ffi
from with_relay import WithRelay

NOWHERE = "http://127.0.0.1:1"
# Lines that may wait for a log, as `bindings/src/log.rs` says.
LINES_MAX = 1_000
SOMEBODY_ELSES = b'{"tidings": 1, "recipient": "somebody-else"}'


class Faults(WithRelay):
    async def signed_in(self, account: str = "phone") -> tidings.Client:
        access = tidings.Code(self.relay.code("alice"))
        client = await tidings.open(self.relay.url, self.folder, access=access, account=account)
        self.addAsyncCleanup(client.close)
        await client.wait_until_live()
        return client

    async def again(self, account: str = "phone", url: str | None = None) -> tidings.Client:
        client = await tidings.open(url or self.relay.url, self.folder, account=account)
        self.addAsyncCleanup(client.close)
        return client

    async def reaches(self, client: tidings.Client, kind: type) -> tidings.Connection:
        async def first() -> tidings.Connection:
            async for state in client.connections():
                if isinstance(state, kind):
                    return state
            raise AssertionError("closed")

        return await asyncio.wait_for(first(), PATIENCE_SECONDS)

    async def has(self, client: tidings.Client, id: str) -> None:
        async def is_so() -> bool:
            return await client.item(id) is not None

        await until(is_so, "the item")

    def child(self, way: str, *arguments: str) -> Awaitable[asyncio.subprocess.Process]:
        script = str(Path(__file__).with_name("faults_child.py"))
        return asyncio.create_subprocess_exec(
            sys.executable, script, way, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )

    async def test_a_wrong_address_is_an_argument_that_makes_no_sense(self) -> None:
        for url in ["", "relay", "ftp://relay.example", "http://"]:
            with self.assertRaises(tidings.InvalidError) as raised:
                await tidings.open(url, self.folder)
            self.assertEqual(raised.exception.field, "relay_url")
        with self.assertRaises(tidings.InvalidError) as raised:
            await tidings.open(NOWHERE, self.folder, encryption_key=b"short")
        self.assertEqual(raised.exception.field, "encryption_key")

    async def test_without_a_relay_the_inbox_works_and_what_needs_it_says_offline(self) -> None:
        client = await self.signed_in()
        sent = self.relay.send("alice", "Here")
        await self.has(client, sent)
        await client.close()
        away = await self.again(url=NOWHERE)
        await self.reaches(away, tidings.Offline)
        self.assertEqual([item.title for item in (await away.page()).items], ["Here"])
        await away.mark_read(sent)
        with self.assertRaises(tidings.OfflineError):
            await away.export()

    async def test_a_certificate_that_is_not_trusted_is_named(self) -> None:
        client = await self.signed_in()
        await client.close()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        async with server:
            cheated = await self.again(url=f"https://127.0.0.1:{port}")
            with self.assertRaises(tidings.RefusedError) as raised:
                await cheated.export()
            self.assertEqual(raised.exception.code, "untrusted_certificate")
            self.assertIsInstance(cheated.connection, tidings.Offline)

    async def test_a_source_of_tokens_that_raises_is_asked_again(self) -> None:
        failures = 0

        async def bring(_: tidings.TokenWanted) -> str:
            nonlocal failures
            if failures < 2:
                failures += 1
                raise RuntimeError("the backend is down")
            return await asyncio.to_thread(self.relay.token, "alice", "phone", "10m")

        client = await tidings.open(self.relay.url, self.folder, access=bring)
        self.addAsyncCleanup(client.close)

        async def hurried() -> bool:
            await client.network_changed()
            return isinstance(client.connection, tidings.Live)

        await until(hurried, "a token")
        self.assertEqual(failures, 2)

    async def test_a_token_that_ran_out_and_cannot_be_renewed_signs_the_device_out(self) -> None:
        token = self.relay.token("alice", "phone", "2s")
        client = await tidings.open(self.relay.url, self.folder, access=tidings.Token(token))
        self.addAsyncCleanup(client.close)
        state = await self.reaches(client, tidings.SignedOut)
        self.assertEqual(state, tidings.SignedOut(tidings.SignedOutReason.UNAUTHORIZED))
        with self.assertRaises(tidings.SignedOutError):
            await client.export()

        async def gone(_: tidings.TokenWanted) -> tidings.SignedOutByBackend:
            return tidings.SignedOutByBackend()

        other = await tidings.open(self.relay.url, self.folder, access=gone, account="other")
        self.addAsyncCleanup(other.close)
        await self.reaches(other, tidings.SignedOut)

    async def test_a_damaged_file_is_set_aside_and_the_inbox_fetched_again(self) -> None:
        client = await self.signed_in()
        sent = self.relay.send("alice", "Still there")
        await self.has(client, sent)
        await client.close()
        file = self.folder / "phone.tidings"
        whole = file.read_bytes()
        file.write_bytes(whole[:100] + os.urandom(len(whole) - 100))
        access = tidings.Code(self.relay.code("alice"))
        mended = await tidings.open(self.relay.url, self.folder, access=access, account="phone")
        self.addAsyncCleanup(mended.close)
        assert mended.set_aside is not None
        self.assertTrue(Path(mended.set_aside).exists())
        await self.has(mended, sent)

    async def test_a_full_disk_is_told_and_passes(self) -> None:
        disk = self.folder / "disk"
        disk.mkdir()
        self.relay.send("alice", "On a small disk")
        inside = 'mount -t tmpfs -o size=2m none "$1" && shift && exec "$@"'
        script = str(Path(__file__).with_name("faults_child.py"))
        command = ["unshare", "-Urm", "sh", "-c", inside, "sh", str(disk), sys.executable, script]
        arguments = ["full_disk", self.relay.url, str(disk), self.relay.code("alice")]
        ended = await asyncio.to_thread(subprocess.run, [*command, *arguments], capture_output=True, text=True, timeout=120)
        self.assertEqual(ended.stdout.split("\n"), ["full True", "reads 1", "goes on", ""], ended.stderr)

    async def test_calls_after_the_end_say_so_and_closing_again_does_nothing(self) -> None:
        client = await self.signed_in()
        follow = client.presentations()
        waiting = asyncio.ensure_future(anext(follow))
        await asyncio.sleep(0)
        await asyncio.gather(client.close(), client.close())
        await client.close()
        with self.assertRaises(StopAsyncIteration):
            await waiting
        calls: list[Callable[[], Awaitable[object]]] = [
            client.page,
            client.settings,
            client.pending,
            client.export,
            client.erase,
            lambda: client.mark_read("n1"),
            lambda: client.handle_push(b"", timedelta()),
        ]
        for call in calls:
            with self.assertRaises(tidings.ClosedError):
                await call()

    async def test_calls_from_many_threads_all_count(self) -> None:
        client = await self.signed_in()
        sent = self.relay.send("alice", "For all threads")
        await self.has(client, sent)
        done: list[str] = []

        async def work() -> None:
            for _ in range(25):
                await client.page()
                done.append(await client.mark_read(sent))

        threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
        self.assertEqual(len(set(done)), 200)

    async def test_a_listener_that_blocks_holds_nothing_up_but_itself(self) -> None:
        client = await self.signed_in()
        release = threading.Event()
        tidings.set_log(lambda _: release.wait(PATIENCE_SECONDS), tidings.LogLevel.DEBUG)
        self.addCleanup(tidings.set_log, None)
        self.addCleanup(release.set)
        # Each of these is a line of the log, and they are more than may wait.
        for _ in range(LINES_MAX + 100):
            await asyncio.wait_for(client.handle_push(SOMEBODY_ELSES, timedelta(seconds=1)), PATIENCE_SECONDS)
        first = self.relay.send("alice", "1")
        shown = [await asyncio.wait_for(anext(client.presentations()), PATIENCE_SECONDS)]
        rest = [self.relay.send("alice", str(number)) for number in range(2, 8)]
        # The loop of this thread is what listens: it does nothing for a while, and the device goes on receiving.
        time.sleep(2)
        for id in rest:
            self.assertIn("received", self.states(id))
        shown += [await asyncio.wait_for(anext(client.presentations()), PATIENCE_SECONDS) for _ in rest]
        self.assertEqual([show.item.id for show in shown if isinstance(show, tidings.Show)], [first, *rest])

    def states(self, id: str) -> set[str]:
        timeline = self.relay.call("GET", f"/v1/notifications/{id}")["timeline"]
        return {entry.get("state") for entry in timeline}

    async def test_a_loop_that_is_cancelled_again_and_again_loses_nothing(self) -> None:
        client = await self.signed_in()
        sent, shown = [], []

        async def take() -> None:
            shown.append(await anext(client.presentations()))

        for number in range(40):
            sent.append(self.relay.send("alice", str(number)))
            for patience in (0.0, 0.001, 0.002, 0.004):
                try:
                    await asyncio.wait_for(take(), patience)
                except TimeoutError:
                    pass
        while len(shown) < len(sent):
            await asyncio.wait_for(take(), PATIENCE_SECONDS)
        self.assertEqual([show.item.id for show in shown if isinstance(show, tidings.Show)], sent)

    async def test_a_keychain_that_fails_opens_nothing_and_says_why(self) -> None:
        class Locked:
            def load(self, name: str) -> bytes | None:
                raise PermissionError("locked")

            def save(self, name: str, secret: bytes) -> None:
                raise AssertionError("nothing is saved over what may be there")

        with self.assertRaises(tidings.RefusedError) as raised:
            await tidings.open(NOWHERE, self.folder, secret_store=Locked())
        self.assertEqual(raised.exception.code, "secret_store")
        self.assertIn("locked", raised.exception.text)

    async def test_words_of_a_push_are_shown_without_a_relay_and_not_again_with_it(self) -> None:
        await (await self.signed_in()).close()
        sent = self.relay.send("alice", "In full")
        self.relay.kill()
        client = await self.again()
        pushed = {"tidings": 1, "notification": sent, "title": "In short", "category": "general", "priority": "high"}
        shown = await client.handle_push(json.dumps(pushed).encode(), timedelta(seconds=5))
        assert len(shown) == 1 and isinstance(shown[0], tidings.Show), shown
        item = shown[0].item
        self.assertEqual((item.id, item.title, item.priority), (sent, "In short", tidings.Priority.HIGH))
        await client.shown(sent)
        free = {"tidings": 1, "notification": "another"}
        self.assertEqual(await client.handle_push(json.dumps(free).encode(), timedelta(seconds=5)), [])
        self.relay.start()
        await client.network_changed()
        await self.reaches(client, tidings.Live)
        last = self.relay.send("alice", "After it")
        show = await asyncio.wait_for(anext(client.presentations()), PATIENCE_SECONDS)
        self.assertEqual(show.item.id if isinstance(show, tidings.Show) else show, last)
        self.assertEqual([item.title for item in (await client.page()).items], ["After it", "In full"])

    async def test_a_process_that_is_killed_while_it_works_on_a_push_harms_nothing(self) -> None:
        await (await self.signed_in()).close()
        sent: set[str] = set()
        presented = 0
        for kill in range(8):
            process = await self.child("push", self.relay.url, str(self.folder), "phone")
            assert process.stdout is not None
            self.assertEqual(await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS), b"pushing\n")
            # It fetches, stores and claims all the time, and so ends in the middle of one of them.
            sent |= {self.relay.send("alice", f"{kill} {number}") for number in range(10)}
            process.kill()
            lines = (await process.communicate())[0].decode().splitlines()
            presented += sum(int(line.removeprefix("presents ")) for line in lines)
        client = await self.again()
        self.assertIsNone(client.set_aside)

        async def complete() -> bool:
            return {item.id for item in (await client.page(limit=500)).items} == sent

        await until(complete, "the whole inbox")
        # What comes now is shown, and all together nothing was presented twice.
        last = self.relay.send("alice", "After it")
        came = False
        try:
            while presented <= len(sent) + 1:
                next = anext(client.presentations())
                presentation = await asyncio.wait_for(next, 0.3 if came else PATIENCE_SECONDS)
                presented += presentation.count if isinstance(presentation, tidings.Summary) else 1
                came = came or (isinstance(presentation, tidings.Show) and presentation.item.id == last)
        except TimeoutError:
            pass
        self.assertTrue(came)
        self.assertLessEqual(presented, len(sent) + 1)

    async def test_two_processes_on_one_file_show_each_notification_once(self) -> None:
        await (await self.signed_in()).close()
        other = await Child.start(self.relay.url, self.folder, "phone")
        self.addAsyncCleanup(other.kill)
        here = await self.again()
        await self.reaches(here, tidings.Live)
        sent, shown = [], []

        async def there() -> None:
            while True:
                shown.append((await other.line()).removeprefix("shown "))

        listening = asyncio.ensure_future(there())
        for number in range(15):
            sent.append(self.relay.send("alice", str(number)))
            while len(shown) < len(sent):
                try:
                    show = await asyncio.wait_for(anext(here.presentations()), 0.02)
                    shown.append(show.item.id if isinstance(show, tidings.Show) else repr(show))
                except TimeoutError:
                    pass
        listening.cancel()
        self.assertEqual(sorted(shown), sorted(sent))

    async def test_two_processes_that_both_work_on_pushes_show_each_notification_once(self) -> None:
        here = await self.signed_in()
        other = await self.child("push", self.relay.url, str(self.folder), "phone")
        assert other.stdout is not None
        self.assertEqual(await asyncio.wait_for(other.stdout.readline(), PATIENCE_SECONDS), b"pushing\n")
        presented = 0
        for number in range(60):
            self.relay.send("alice", str(number))
            for presentation in await here.handle_push(b'{"tidings":1}', timedelta(seconds=30)):
                presented += presentation.count if isinstance(presentation, tidings.Summary) else 1
        # What the other claimed a moment ago it is still about to say.
        await asyncio.sleep(0.5)
        other.kill()
        lines = (await other.communicate())[0].decode().splitlines()
        self.assertEqual(presented + sum(int(line.removeprefix("presents ")) for line in lines), 60)

    async def leaves(self, left: str, account: str) -> None:
        process = await self.child("leave_open", self.relay.url, str(self.folder), account, left)
        out, error = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        self.assertEqual(out, b"leaves False\nlast line True\nthreads False\nin time\n", error)
        self.assertEqual((process.returncode, error), (0, b""))

    async def test_an_interpreter_that_ends_with_everything_open_ends_in_order(self) -> None:
        # Several at once, so that threads are held up at places where they are not when they have the machine to themselves.
        for left in ("kept", "forgotten"):
            for _ in range(3):
                await asyncio.gather(*(self.leaves(left, f"{left}{number}") for number in range(4)))

    async def test_what_comes_for_a_loop_that_is_closed_is_dropped(self) -> None:
        loop = asyncio.new_event_loop()
        handle = ffi._UniffiContinuationHandleMap.insert((loop, loop.create_future()))  # type: ignore[no-untyped-call]
        loop.close()
        said: list[object] = []
        before, sys.unraisablehook = sys.unraisablehook, said.append
        try:
            ffi._uniffi_continuation_callback(handle, 0)
        finally:
            sys.unraisablehook = before
        self.assertEqual(said, [])

    async def test_an_interpreter_that_ends_does_so_though_a_function_never_returns(self) -> None:
        await asyncio.gather(*(self.leaves("stuck", f"stuck{number}") for number in range(4)))

    async def test_after_the_end_everything_is_closed(self) -> None:
        process = await self.child("end", self.relay.url, str(self.folder), "phone")
        out, error = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        self.assertEqual((process.returncode, out, error), (0, b"closed\nclosed\ngiven back False\n", b""))

    async def test_a_client_that_nobody_closed_ends_when_it_is_forgotten(self) -> None:
        process = await self.child("drop", self.relay.url, str(self.folder), "phone")
        out, error = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        self.assertEqual(out, b"threads True\nended\n", error)


if __name__ == "__main__":
    unittest.main()
