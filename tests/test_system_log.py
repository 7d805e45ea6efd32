"""The log in systemd's journal, over a real datagram socket."""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.system_log import JournalHandler, MaskedFormatter, entry

CARD = "9276004429942845"
NAMES = st.from_regex(r"[A-Z][A-Z_]{0,10}", fullmatch=True)


def fields_of(datagram: bytes) -> list[tuple[str, str]]:
    """Read an entry as journald does."""
    found = []
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[8 + length + 1 :]
        found.append((name.decode(), value.decode()))
        datagram = rest
    return found


@given(st.lists(st.tuples(NAMES, st.text(st.characters(exclude_categories=["Cs"])))))
def test_the_journal_reads_what_was_written(fields: list[tuple[str, str]]) -> None:
    assert fields_of(entry(iter(fields))) == fields


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(str(tmp_path / "journal"))
        listening.settimeout(5)
        yield listening


@pytest.fixture
def log(tmp_path: Path) -> Iterator[logging.Logger]:
    handler = JournalHandler(str(tmp_path / "journal"))
    handler.setFormatter(MaskedFormatter("%(message)s"))
    logger = logging.Logger("tillwire.test")  # noqa: LOG001 - one that no other test hears
    logger.addHandler(handler)
    yield logger
    handler.close()


def test_an_entry_has_its_fields(journal: socket.socket, log: logging.Logger) -> None:
    log.warning("%s: STX_4711ABC was refused", "co_0123abcd")
    told = dict(fields_of(journal.recv(65536)))
    assert told["MESSAGE"] == "co_0123abcd: STX_4711ABC was refused"
    assert told["PRIORITY"] == "4"
    assert told["SYSLOG_IDENTIFIER"] == "tillwire"
    assert told["LOGGER"] == "tillwire.test"
    assert (told["CHECKOUT_ID"], told["TRANSACTION_ID"]) == ("co_0123abcd", "STX_4711ABC")


def test_no_card_number_reaches_the_journal_not_even_in_a_traceback(
    journal: socket.socket, log: logging.Logger
) -> None:
    try:
        int(f"card {CARD}")
    except ValueError:
        log.exception("scanned %s", CARD)
    told = journal.recv(65536)
    assert CARD.encode() not in told
    assert told.count(b"9276********2845") == 2


def test_what_the_journal_did_not_take_is_counted(tmp_path: Path, log: logging.Logger) -> None:
    log.info("nobody listens")
    log.info("nor now")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(str(tmp_path / "journal"))
        listening.settimeout(5)
        log.info("here")
        log.info("and there")
        assert dict(fields_of(listening.recv(65536)))["ENTRIES_LOST_BEFORE"] == "2"
        assert "ENTRIES_LOST_BEFORE" not in dict(fields_of(listening.recv(65536)))


def test_an_entry_longer_than_a_datagram_is_cut_and_not_lost(journal: socket.socket, log: logging.Logger) -> None:
    log.error("x" * 1_000_000)
    assert len(dict(fields_of(journal.recv(1 << 20)))["MESSAGE"]) == 32768


@pytest.mark.parametrize("is_journal", [True, False])
def test_the_journal_is_taken_where_it_reads_standard_error(is_journal: bool) -> None:
    script = (
        "import logging, os; from agent.system_log import start_logging; start_logging(os.environ);"
        f"logging.info('card {CARD}'); print(type(logging.getLogger().handlers[0]).__name__)"
    )
    reading, writing = os.pipe()
    with closing(os.fdopen(reading)) as error:
        stream = os.fstat(writing)
        environment = {"JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"} if is_journal else {}
        ran = subprocess.run(
            [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, stderr=writing, env=environment
        )
        os.close(writing)
        said = error.read()
    assert ran.stdout.decode().strip() == ("JournalHandler" if is_journal else "StreamHandler")
    assert said == ("" if is_journal else "INFO root: card 9276********2845\n")
