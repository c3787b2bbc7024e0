"""What can go wrong, by what a caller can do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .raw import tidings_ffi as ffi

if TYPE_CHECKING:

    class ClientError(Exception):
        """Why a call did not do what it says."""

        code: str
        """The stable word."""
        text: str
        """A sentence."""

        def __init__(self, code: str, text: str) -> None: ...

    class OfflineError(ClientError):
        """The relay was not reached. What is durable is sent by itself; ask again for the rest."""

    class SignedOutError(ClientError):
        """There are no good credentials. Open the client again with new access."""

    class RefusedError(ClientError):
        """The relay or a limit said no; ``code`` says why."""

    class StorageError(ClientError):
        """The store on this device failed; nothing was half done. ``code`` is full, corrupt, busy or unavailable."""

        recoverable: bool
        """Whether it works again after space was made, after another process is done, or after opening again."""

    class InvalidError(ClientError):
        """An argument makes no sense."""

        field: str
        """Which one."""

    class ClosedError(ClientError):
        """The client was closed."""

else:
    # The generated classes have them as attributes of one another, which type checkers do not follow.
    ClientError = ffi.ClientError
    OfflineError = ffi.ClientError.Offline
    SignedOutError = ffi.ClientError.SignedOut
    RefusedError = ffi.ClientError.Refused
    StorageError = ffi.ClientError.Storage
    InvalidError = ffi.ClientError.Invalid
    ClosedError = ffi.ClientError.Closed
