"""Where the log goes: to systemd's journal as fields, or to standard error as lines. Long numbers are masked in both.

The journal is written to by its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): one datagram an entry.
"""

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping

from agent.card import mask_numbers

JOURNAL_SOCKET = "/run/systemd/journal/socket"
LONGEST_MESSAGE = 32 << 10
"""Characters: a datagram holds them, and a traceback is seldom longer."""
_LINE = "%(levelname)s %(name)s: %(message)s"
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))  # syslog(3)
_DEBUG = 7
_IDS = {"CHECKOUT_ID": re.compile(r"\bco_[0-9a-z]+\b"), "TRANSACTION_ID": re.compile(r"\bSTX_[A-Za-z0-9]+\b")}


def start_logging(environment: Mapping[str, str]) -> None:
    """Log from INFO on: into the journal where it reads our standard error, else there."""
    handler = JournalHandler() if _is_journal(environment) else logging.StreamHandler(sys.stderr)
    handler.setFormatter(MaskedFormatter("%(message)s" if isinstance(handler, JournalHandler) else _LINE))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _is_journal(environment: Mapping[str, str]) -> bool:
    """Say whether standard error is the stream that systemd made for it (systemd.exec(5), JOURNAL_STREAM)."""
    error = os.fstat(sys.stderr.fileno())
    return environment.get("JOURNAL_STREAM") == f"{error.st_dev}:{error.st_ino}"


class MaskedFormatter(logging.Formatter):
    """Hides every long number, whoever logged it and a traceback's too."""

    def format(self, record: logging.LogRecord) -> str:
        return mask_numbers(super().format(record))


class JournalHandler(logging.Handler):
    """Sends each record as one entry. What the journal has no room for is lost: a till does not wait for it."""

    def __init__(self, path: str = JOURNAL_SOCKET) -> None:
        super().__init__()
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._socket.sendto(entry(_fields(record, self.format(record), self._lost)), self._path)
        except OSError:
            self._lost += 1
        else:
            self._lost = 0

    def close(self) -> None:
        self._socket.close()
        super().close()


def _fields(record: logging.LogRecord, message: str, lost: int) -> Iterator[tuple[str, str]]:
    yield "MESSAGE", message[:LONGEST_MESSAGE]
    yield "PRIORITY", str(next((number for level, number in _PRIORITIES if record.levelno >= level), _DEBUG))
    yield "SYSLOG_IDENTIFIER", "tillwire"
    yield "LOGGER", record.name
    yield "CODE_FILE", record.pathname
    yield "CODE_LINE", str(record.lineno)
    yield "CODE_FUNC", record.funcName or ""
    for name, form in _IDS.items():
        if found := form.search(message):
            yield name, found[0]
    if lost:
        yield "ENTRIES_LOST_BEFORE", str(lost)


def entry(fields: Iterator[tuple[str, str]]) -> bytes:
    """Return an entry as the journal reads it; a value of several lines carries its length (64 bits, little-endian)."""
    return b"".join(_field(name.encode(), value.encode(errors="replace")) for name, value in fields)


def _field(name: bytes, value: bytes) -> bytes:
    if b"\n" not in value:
        return name + b"=" + value + b"\n"
    return name + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
