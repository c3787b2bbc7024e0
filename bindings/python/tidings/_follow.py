"""What is followed with ``async for``. Nothing is lost when a loop is cancelled between two steps."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


class Told(Protocol):
    """What came, with the number to say when asking for the next."""

    number: int


class Follow(AsyncIterator[T], Generic[T]):
    """Values as they come. It ends when the client is closed.

    Several tasks may take from one: each value goes to one of them. A task that is cancelled while it waits takes nothing.
    """

    def __init__(
        self, following: Callable[[int], Awaitable[Any | None]], values: Callable[[Any], Iterable[T]]
    ) -> None:
        self._following = following
        self._values = values
        self._received = 0
        self._ready: deque[T] = deque()
        self._turn = asyncio.Lock()

    def __aiter__(self) -> Follow[T]:
        return self

    async def __anext__(self) -> T:
        async with self._turn:
            while not self._ready:
                told = await self._following(self._received)
                if told is None:
                    raise StopAsyncIteration
                # From here to the end there is no point at which a task can be cancelled.
                self._received = told.number
                self._ready.extend(self._values(told))
            return self._ready.popleft()
