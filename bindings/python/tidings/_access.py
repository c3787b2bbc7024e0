"""How a device proves who it is, and what the embedder's own code brings for that.

Functions of the embedder run on the event loop in which the client was opened. The client waits for them on a thread of its
own; one that raises, or takes longer than 30 seconds, counts as no answer.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from .raw import tidings_ffi as ffi

# Generated classes of variants are attributes of one another, which type checkers do not follow.
_raw: Any = ffi

T = TypeVar("T")

# As long as the client waits.
_ANSWER_SECONDS_MAX = 30.0


@dataclass(frozen=True)
class Saved:
    """What an earlier run stored."""


@dataclass(frozen=True)
class Code:
    """A connect code, as ``tidings connect`` prints it. Giving the same code again does no harm."""

    code: str


@dataclass(frozen=True)
class Token:
    """One fixed access token. When the relay does not take it any more, the client is signed out."""

    token: str


@dataclass(frozen=True)
class Later:
    """There is no token at the moment; ask again later."""


@dataclass(frozen=True)
class SignedOutByBackend:
    """The recipient is signed out."""


TokenFunction: TypeAlias = Callable[[ffi.TokenWanted], Awaitable[str | Later | SignedOutByBackend]]
"""Brings a token from the embedder's own backend."""

Access: TypeAlias = Saved | Code | Token | TokenFunction
"""How a device proves who it is."""


class SecretStore(Protocol):
    """A keychain. Both methods may block; they are called on a thread of the client's own."""

    def load(self, name: str) -> bytes | None:
        """What was saved under a name."""

    def save(self, name: str, secret: bytes) -> None:
        """Keeps a secret under a name, in the place of an older one."""


class _Waiting:
    """Threads of the client that wait for the embedder's code. They are sent home when the interpreter ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[concurrent.futures.Future[Any]] = set()
        self._ended = False

    def run(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._ended or loop.is_closed():
                coroutine.close()
                raise RuntimeError("the event loop has ended")
            answer = asyncio.run_coroutine_threadsafe(coroutine, loop)
            self._under_way.add(answer)
        try:
            return answer.result(_ANSWER_SECONDS_MAX)
        except TimeoutError:
            answer.cancel()
            raise
        finally:
            with self._lock:
                self._under_way.discard(answer)

    def end(self) -> None:
        with self._lock:
            self._ended = True
            under_way = list(self._under_way)
        for answer in under_way:
            answer.cancel()


waiting = _Waiting()


class _TokenSource(ffi.ForeignTokenSource):
    def __init__(self, function: TokenFunction) -> None:
        self._function = function
        self._loop = asyncio.get_running_loop()

    async def _ask(self, why: ffi.TokenWanted) -> str | Later | SignedOutByBackend:
        return await self._function(why)

    def token(self, why: ffi.TokenWanted) -> Any:
        try:
            answer = waiting.run(self._loop, self._ask(why))
        except BaseException as error:  # a cancelled future is no Exception
            raise _raw.EmbedderError.Failed(repr(error)) from error
        match answer:
            case Later():
                return _raw.TokenAnswer.LATER()
            case SignedOutByBackend():
                return _raw.TokenAnswer.SIGNED_OUT()
            case token:
                return _raw.TokenAnswer.TOKEN(token)


class _Keychain(ffi.ForeignSecretStore):
    def __init__(self, store: SecretStore) -> None:
        self._store = store

    def load(self, name: str) -> bytes | None:
        try:
            return self._store.load(name)
        except Exception as error:
            raise _raw.EmbedderError.Failed(repr(error)) from error

    def save(self, name: str, secret: bytes) -> None:
        try:
            self._store.save(name, secret)
        except Exception as error:
            raise _raw.EmbedderError.Failed(repr(error)) from error


class _PushEndpoint(ffi.ForeignPushEndpoint):
    def __init__(self, function: Callable[[], Awaitable[str | None]]) -> None:
        self._function = function
        self._loop = asyncio.get_running_loop()

    async def _ask(self) -> str | None:
        return await self._function()

    def address(self) -> str | None:
        try:
            return waiting.run(self._loop, self._ask())
        except BaseException as error:
            raise _raw.EmbedderError.Failed(repr(error)) from error


def raw_access(access: Access) -> Any:
    match access:
        case Saved():
            return _raw.ClientAccess.SAVED()
        case Code(code):
            return _raw.ClientAccess.CODE(code)
        case Token(token):
            return _raw.ClientAccess.TOKEN(token)
        case function:
            return _raw.ClientAccess.SOURCE(_TokenSource(function))


def raw_secret_store(store: SecretStore | None) -> ffi.ForeignSecretStore | None:
    return None if store is None else _Keychain(store)


def raw_push_endpoint(function: Callable[[], Awaitable[str | None]] | None) -> ffi.ForeignPushEndpoint | None:
    return None if function is None else _PushEndpoint(function)
