"""One account on one device."""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from types import TracebackType

from . import _access, _values
from .raw import tidings_ffi as ffi
from ._errors import ClosedError, SignedOutError
from ._follow import Follow


@atexit.register
def _end() -> None:
    """The library's threads must not call into an interpreter that is gone."""
    _access.waiting.end()
    ffi.end_for_good()


def _go_on(handle: int, code: int) -> None:
    """Tells a loop that something it waits for went on. One that was closed meanwhile waits for nothing any more; the
    generated layer has no answer to that but a traceback on standard error."""
    loop, future = ffi._UniffiContinuationHandleMap.remove(handle)  # type: ignore[no-untyped-call]
    try:
        loop.call_soon_threadsafe(ffi._uniffi_set_future_result, future, code)
    except RuntimeError:
        if not loop.is_closed():
            raise


ffi._uniffi_continuation_callback = ffi._UNIFFI_RUST_FUTURE_CONTINUATION_CALLBACK(_go_on)


async def open(
    relay_url: str,
    folder: str | os.PathLike[str],
    *,
    access: _access.Access = _access.Saved(),
    account: str | None = None,
    encryption_key: bytes | None = None,
    secret_store: _access.SecretStore | None = None,
    push_endpoint: Callable[[], Awaitable[str | None]] | None = None,
    device: str | None = None,
    platform: str = "python",
) -> Client:
    """Opens the account's file and begins to connect; never waits for the network.

    :param access: a code, what was saved, a token, or an ``async`` function that brings one.
    :param encryption_key: 32 random bytes that encrypt what notifications say on this device.
    :param secret_store: keeps such a key, which is then made at the first start.
    :param push_endpoint: where a push service reaches this device; asked once in each run.
    :raises InvalidError: if an argument makes no sense.
    :raises StorageError: if the file cannot be opened. A damaged one is set aside, which is no error.
    """
    options = ffi.ClientOptions(
        relay_url=relay_url,
        folder=os.fspath(folder),
        access=_access.raw_access(access),
        account=account,
        encryption_key=encryption_key,
        secret_store=_access.raw_secret_store(secret_store),
        push_endpoint=_access.raw_push_endpoint(push_endpoint),
        device=device,
        platform=platform,
    )
    return Client(await ffi.open_client(options))


class Client:
    """One account on one device: it stays connected, stores, and sends what it is asked to.

    What the recipient does is durable when the call returns, with or without a network; each such call returns the id of
    its operation. Every call raises a :class:`ClientError` by what can be done about it, with ``code`` and ``text``.
    """

    def __init__(self, raw: ffi.Client) -> None:
        self._raw = raw
        self._pushed = 0
        self._screen: Follow[_values.Presentation] | None = None
        self._refused: Follow[ffi.RefusedOperation] | None = None
        self._push_turn = asyncio.Lock()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends everything. Closing again does nothing; other calls raise ``ClosedError`` from then on."""
        await self._raw.shut()

    # How the device stands with the relay.

    @property
    def connection(self) -> _values.Connection:
        """How the device stands with the relay, now."""
        return _values.connection(self._raw.connection())

    def connections(self) -> Follow[_values.Connection]:
        """Follows that: the state now, and then each that comes."""
        observer = self._raw.observe_connection()
        return Follow(observer.next, lambda told: [_values.connection(told.state)])

    @property
    def completeness(self) -> _values.Completeness:
        """Whether the device knows everything that the relay has for it."""
        return _values.completeness(self._raw.completeness())

    def completenesses(self) -> Follow[_values.Completeness]:
        """Follows that."""
        observer = self._raw.observe_completeness()
        return Follow(observer.next, lambda told: [_values.completeness(told.completeness)])

    async def wait_until_live(self) -> None:
        """Returns when the device is connected and complete.

        :raises SignedOutError: if it will not connect by itself.
        """
        async for state in self.connections():
            match state:
                case _values.Live():
                    return
                case _values.SignedOut(why):
                    raise SignedOutError("signed_out", f"the device is signed out: {why.name.lower()}")
        raise ClosedError("closed", "the client was closed")

    async def network_changed(self) -> None:
        """The network may be back: tries at once if the next try is some time away."""
        await self._raw.network_changed()

    @property
    def set_aside(self) -> str | None:
        """Where a damaged file was put when the client was opened, if there was one."""
        return self._raw.set_aside()

    async def device(self) -> str:
        """The id under which the relay knows this device."""
        return await self._raw.device()

    async def owner(self) -> ffi.Owner | None:
        """Whose inbox it is; none before the first sign-in."""
        return await self._raw.owner()

    async def sign_out(self, what: ffi.SignOut) -> None:
        """Ends the connection and forgets the credentials; keeps the inbox or wipes it."""
        await self._raw.sign_out(what)

    # The inbox on this device.

    async def page(self, query: ffi.Query | None = None, after: str | None = None, limit: int = 50) -> ffi.Page:
        """One page, newest first, after a place or from the beginning; 1 to 500 items."""
        return await self._raw.page(query or ffi.Query(), after, limit)

    async def item(self, id: str) -> ffi.InboxItem | None:
        """One notification; none if it is not on this device."""
        return await self._raw.item(id)

    def observe(self, query: ffi.Query | None = None, limit: int = 200) -> Follow[_values.Change]:
        """Follows the first items of a list: its whole first, then each change."""
        observer = self._raw.observe(query or ffi.Query(), limit)
        return Follow(observer.next, lambda told: map(_values.change, told.changes))

    def search(self, text: str, query: ffi.Query | None = None) -> Follow[ffi.InboxItem]:
        """Looks for a text, newest first. Hits come as they are found; the loop ends with the last."""
        wanted = query or ffi.Query()
        with_text = ffi.Query(
            category=wanted.category,
            unread=wanted.unread,
            text=text,
            archived=wanted.archived,
            asleep=wanted.asleep,
        )
        return Follow(self._raw.search(with_text).next, lambda told: told.items)

    async def unread(self, category: str | None = None) -> int:
        """How many are unread and not archived."""
        return await self._raw.unread(category)

    def unread_counts(self, category: str | None = None) -> Follow[int]:
        """Follows that."""
        counter = self._raw.observe_unread(category)
        return Follow(counter.next, lambda told: [told.unread])

    # The screen.

    def presentations(self) -> Follow[_values.Presentation]:
        """What is to be shown, withdrawn or summed up. However often it is asked for, it is the same stream: what one loop
        did not take before it was cancelled comes out of the next."""
        if self._screen is None:
            screen = self._raw.presentations()
            self._screen = Follow(screen.next, lambda told: [_values.presentation(told.presentation)])
        return self._screen

    async def handle_push(self, payload: bytes, deadline: timedelta) -> list[_values.Presentation]:
        """Woken by a push: catches up within the deadline and returns what is to be shown."""
        async with self._push_turn:
            told = await self._raw.handle_push(payload, deadline, self._pushed)
            self._pushed = told.number
            return [_values.presentation(presentation) for presentation in told.presentations]

    async def set_push_address(self, address: str) -> str:
        """Tells the relay at which address a push service reaches this device."""
        return await self._raw.set_push_address(address)

    # What the recipient does with a notification.

    async def mark_read(self, id: str) -> str:
        """Marks a notification as read."""
        return await self._raw.mark_read(id)

    async def mark_unread(self, id: str) -> str:
        """Marks a notification as unread again."""
        return await self._raw.mark_unread(id)

    async def mark_all_read(self, before: str | None = None, category: str | None = None) -> str:
        """Marks everything as read up to a page's mark; without one, everything that is on this device."""
        return await self._raw.mark_all_read(before, category)

    async def archive(self, id: str) -> str:
        """Takes a notification out of the inbox."""
        return await self._raw.archive(id)

    async def unarchive(self, id: str) -> str:
        """Puts a notification back into the inbox."""
        return await self._raw.unarchive(id)

    async def snooze(self, id: str, until: datetime) -> str:
        """Lets a notification sleep until an instant, which has a time zone; it is shown again then."""
        return await self._raw.snooze(id, until)

    async def acknowledge(self, id: str) -> str:
        """Confirms a notification to its sender."""
        return await self._raw.acknowledge(id)

    async def act(self, id: str, action: str) -> str:
        """One of the notification's actions was chosen."""
        return await self._raw.act(id, action)

    async def clicked(self, id: str) -> str:
        """The notification's link was followed."""
        return await self._raw.clicked(id)

    async def dismissed(self, id: str) -> str:
        """The notification was swept off the screen."""
        return await self._raw.dismissed(id)

    async def shown(self, id: str) -> str:
        """The notification was shown: the answer to ``Show`` and ``Update``."""
        return await self._raw.shown(id)

    async def feedback(self, id: str, value: ffi.Feedback) -> str:
        """Says whether a notification was of use."""
        return await self._raw.feedback(id, value)

    async def pending(self) -> list[ffi.PendingOperation]:
        """The operations that the relay has not answered, oldest first."""
        return await self._raw.pending()

    def refused(self) -> Follow[ffi.RefusedOperation]:
        """What the relay refused for good; what it assumed was put back. One stream, as :meth:`presentations`."""
        if self._refused is None:
            self._refused = Follow(self._raw.refused().next, lambda told: [told.refused])
        return self._refused

    # Settings and consent.

    async def settings(self) -> ffi.Settings | None:
        """The recipient's settings with what was changed here on top; none before the first sync."""
        return await self._raw.settings()

    async def set_preference(self, category: str, chosen: bool, channel: str | None = None) -> str:
        """Wants a category on a channel, or does not; without a channel, on all that the category has."""
        return await self._raw.set_preference(category, channel, chosen)

    async def set_quiet_hours(self, hours: ffi.QuietHours | None) -> str:
        """Sets the recipient's own quiet hours; none goes back to the project's."""
        return await self._raw.set_quiet_hours(hours)

    async def pause(self, until: datetime | None) -> str:
        """Holds back everything that may be held back until an instant; none ends the pause."""
        return await self._raw.pause(until)

    async def set_profile(self, time_zone: str | None = None, locale: str | None = None) -> str:
        """Says where the recipient is (an IANA zone) and which language they read (a BCP 47 tag)."""
        return await self._raw.set_profile(time_zone, locale)

    async def decide_consent(self, category: str, channel: str, granted: bool) -> str:
        """Grants consent to a category on a channel, or says no."""
        return await self._raw.decide_consent(category, channel, granted)

    # What the relay knows; these need the network.

    async def story(self, id: str) -> ffi.Story:
        """Why a notification came and what became of it. Its ``because`` is on the device already."""
        return await self._raw.story(id)

    async def send_test(self) -> str:
        """Asks the relay to notify this recipient of nothing but that it works."""
        return await self._raw.send_test()

    async def devices(self) -> list[ffi.DeviceEntry]:
        """The recipient's devices, the newest first."""
        return await self._raw.devices()

    async def remove_device(self, id: str) -> None:
        """Signs one of the recipient's devices out, at once; it may be this one."""
        await self._raw.remove_device(id)

    async def export(self) -> bytes:
        """Everything that the relay stores of this recipient, as a JSON document."""
        return await self._raw.export()

    async def erase(self) -> None:
        """Erases this recipient at the relay, and everything of them on this device. It cannot be undone."""
        await self._raw.erase()
