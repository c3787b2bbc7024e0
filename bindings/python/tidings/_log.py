"""The client's log, handed to a function of the embedder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from .raw import tidings_ffi as ffi

# Generated classes of variants are attributes of one another, which type checkers do not follow.
_raw: Any = ffi

LogFunction: TypeAlias = Callable[[ffi.LogLine], object]
"""Takes a line. It is called on a thread of the client's own; what it raises is of no consequence."""

_LEVELS = {
    ffi.LogLevel.ERROR: logging.ERROR,
    ffi.LogLevel.WARN: logging.WARNING,
    ffi.LogLevel.INFO: logging.INFO,
    ffi.LogLevel.DEBUG: logging.DEBUG,
}


class _Sink(ffi.ForeignLogSink):
    def __init__(self, function: LogFunction) -> None:
        self._function = function

    def log(self, line: ffi.LogLine) -> None:
        try:
            self._function(line)
        except Exception as error:
            raise _raw.EmbedderError.Failed(repr(error)) from error


def to_logging(line: ffi.LogLine) -> None:
    """Writes a line with the module ``logging``, under the name ``tidings``."""
    logging.getLogger("tidings").log(_LEVELS[line.level], line.text)


def set_log(function: LogFunction | None = to_logging, level: ffi.LogLevel = ffi.LogLevel.WARN) -> None:
    """Sends the log of every client of this process to a function, from a level upwards; ``None`` ends that."""
    ffi.set_log_sink(None if function is None else _Sink(function), level)
