"""Values with variants, as classes that ``match`` takes apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from .raw import tidings_ffi as ffi


@dataclass(frozen=True)
class Show:
    """Show it; then call :meth:`Client.shown`."""

    item: ffi.InboxItem


@dataclass(frozen=True)
class Update:
    """Show it in the place of one that is on the screen; then call :meth:`Client.shown`."""

    item: ffi.InboxItem
    replaces: str


@dataclass(frozen=True)
class Withdraw:
    """Take it off the screen: it was read, archived or retracted, or it expired."""

    id: str


@dataclass(frozen=True)
class Summary:
    """Many came while the device was away: say how many."""

    count: int


Presentation: TypeAlias = Show | Update | Withdraw | Summary
"""One thing to do on the screen."""


@dataclass(frozen=True)
class Reset:
    """The list as it is; what was known before is void."""

    page: ffi.Page


@dataclass(frozen=True)
class Changed:
    """This one is new in the list, or changed."""

    item: ffi.InboxItem


@dataclass(frozen=True)
class Removed:
    """This one is not in the list any more."""

    id: str


Change: TypeAlias = Reset | Changed | Removed
"""A change of an observed list."""


@dataclass(frozen=True)
class Live:
    """Connected and complete."""


@dataclass(frozen=True)
class CatchingUp:
    """Connected, pages are on their way."""


@dataclass(frozen=True)
class Offline:
    """Not connected: since when, if it is known, and when the next try is."""

    since: datetime | None
    next_try: datetime | None


@dataclass(frozen=True)
class SignedOut:
    """It will not connect by itself."""

    why: ffi.SignedOutReason


Connection: TypeAlias = Live | CatchingUp | Offline | SignedOut
"""How the device stands with the relay."""


@dataclass(frozen=True)
class Complete:
    """Nothing was missing at this instant, and the connection has been watched since."""

    as_of: datetime


@dataclass(frozen=True)
class Incomplete:
    """Something may be missing; nothing was up to here."""

    missing_after: datetime | None


Completeness: TypeAlias = Complete | Incomplete
"""Whether the device knows everything that the relay has for it."""


# The generated classes of variants are known by their kind only, so the values are taken as they come.


def presentation(told: Any) -> Presentation:
    if told.is_SHOW():
        return Show(told.item)
    if told.is_UPDATE():
        return Update(told.item, told.replaces)
    if told.is_WITHDRAW():
        return Withdraw(told.id)
    return Summary(told.count)


def change(told: Any) -> Change:
    if told.is_RESET():
        return Reset(told.page)
    if told.is_CHANGED():
        return Changed(told.item)
    return Removed(told.id)


def connection(told: Any) -> Connection:
    if told.is_LIVE():
        return Live()
    if told.is_CATCHING_UP():
        return CatchingUp()
    if told.is_OFFLINE():
        return Offline(told.since, told.next_try)
    return SignedOut(told.why)


def completeness(told: Any) -> Completeness:
    if told.is_COMPLETE():
        return Complete(told.as_of)
    return Incomplete(told.missing_after)
