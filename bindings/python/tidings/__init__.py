"""The client of a Tidings relay: receives notifications, keeps them, acknowledges them, with or without a network.

    async with await tidings.open(relay, folder, access=tidings.Code("K7QF92MX")) as client:
        async for presentation in client.presentations():
            match presentation:
                case tidings.Show(item):
                    print(item.title)
                    await client.shown(item.id)

One client is one account with one file. Close it, with ``async with`` or ``await client.close()``; what is still open when
the interpreter ends is closed then.
"""

from ._access import Access, Code, Later, Saved, SecretStore, SignedOutByBackend, Token, TokenFunction
from ._client import Client, open
from ._errors import (
    ClientError,
    ClosedError,
    InvalidError,
    OfflineError,
    RefusedError,
    SignedOutError,
    StorageError,
)
from ._follow import Follow
from ._log import LogFunction, set_log
from ._values import (
    CatchingUp,
    Change,
    Changed,
    Complete,
    Completeness,
    Connection,
    Incomplete,
    Live,
    Offline,
    Presentation,
    Removed,
    Reset,
    Show,
    SignedOut,
    Summary,
    Update,
    Withdraw,
)
from .raw.tidings_ffi import (
    Action,
    Because,
    CategorySettings,
    Decision,
    DeviceEntry,
    Feedback,
    InboxItem,
    LegalClass,
    LogLevel,
    LogLine,
    OperationRequest,
    Owner,
    Page,
    PendingOperation,
    Policy,
    Priority,
    Push,
    Query,
    QuietHours,
    QuietSpan,
    RefusedOperation,
    Settings,
    SignedOutReason,
    SignOut,
    Story,
    StoryEntry,
    TokenWanted,
    library_version,
    read_push,
)

__version__ = library_version()

__all__ = [
    "Access", "Action", "Because", "CatchingUp", "CategorySettings", "Change", "Changed", "Client", "ClientError", "ClosedError", "Code",
    "Complete", "Completeness", "Connection", "Decision", "DeviceEntry", "Feedback", "Follow", "InboxItem", "Incomplete",
    "InvalidError",    "Later", "LegalClass", "Live", "LogFunction", "LogLevel", "LogLine", "Offline", "OfflineError", "OperationRequest", "Owner", "Page",
    "PendingOperation", "Policy", "Presentation", "Priority", "Push", "Query", "QuietHours", "QuietSpan",
    "RefusedError", "RefusedOperation", "Removed", "Reset", "Saved", "SecretStore", "Settings", "Show", "SignOut", "SignedOut",
    "SignedOutByBackend", "SignedOutError", "StorageError", "SignedOutReason", "Story", "StoryEntry", "Summary", "Token", "TokenFunction", "TokenWanted",
    "Update", "Withdraw", "library_version", "open", "read_push", "set_log",
]
