"""Lines that say the money is in."""

import fcntl
import os
import pty
import re
import termios
import tty
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.interface import DrawerRefused, PaidMessage, TornMessage
from device.paid_message import (
    LONGEST_LINE_BYTES,
    ON_ITS_WAY_S,
    STALLED_S,
    Heard,
    Paid,
    PaidLines,
    PaidMessagePort,
    paid_pattern,
)
from device.port import PortSettings
from tests.drawer_reports import running, until
from tests.moved_clock import MovedClock

CENTS = r"paid(?: (?P<amount>\d+))?"
EUROS = r"BEZAHLT EUR (?P<euros>\S+)"
LATER = 100.0
TORN = "torn"


def messages(data: bytes, pattern: str = CENTS) -> list[int | str | None]:
    return said(PaidLines(paid_pattern(pattern), opened_at=0.0).feed(data, LATER))


def said(heard: list[Heard]) -> list[int | str | None]:
    """The amount of each message, or that it was torn."""
    return [each.amount if isinstance(each, Paid) else TORN for each in heard]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\n\r"])
def test_a_line_ends_with_cr_lf_or_both(end: bytes) -> None:
    assert messages(b"paid 796" + end + b"paid 5" + end) == [796, 5]


@pytest.mark.parametrize(
    ("line", "pattern", "amount"),
    [
        (b"paid 796", CENTS, 796),
        (b" paid 796 ", CENTS, 796),
        (b"paid", CENTS, None),
        (b"paid 0", CENTS, 0),
        (b"BEZAHLT EUR 7,96", EUROS, 796),
        (b"BEZAHLT EUR 7.96", EUROS, 796),
        (b"BEZAHLT EUR 1234,00", EUROS, 123400),
    ],
)
def test_a_line_that_matches_is_a_message(line: bytes, pattern: str, amount: int | None) -> None:
    assert messages(line + b"\r", pattern) == [amount]


@pytest.mark.parametrize(
    "line",
    [b"unpaid 796", b"paid 796 cancelled", b"PAID 796", b"", b"coin 100", "bezahlt: fünf".encode()],
)
def test_a_line_that_does_not_match_whole_is_none(line: bytes) -> None:
    assert messages(line + b"\r") == []


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        (b"paid 1234567890", CENTS),
        (b"BEZAHLT EUR 7,9", EUROS),
        (b"BEZAHLT EUR 1.234,00", EUROS),
        (b"BEZAHLT EUR -7,96", EUROS),
        ("paid ٧٩٦".encode(), CENTS),
        (b"paid \xff", CENTS),
    ],
)
def test_a_line_of_which_something_cannot_be_read_is_torn(line: bytes, pattern: str) -> None:
    """A message whose amount cannot be read must not pass for one without an amount."""
    assert messages(line + b"\r", pattern) == [TORN]


def test_an_unended_line_is_not_a_message_yet() -> None:
    lines = PaidLines(paid_pattern(CENTS), opened_at=0.0)
    assert lines.feed(b"paid 79", LATER) == []
    assert said(lines.feed(b"6\r", LATER + 0.1)) == [796]


def test_the_tail_of_a_line_from_before_the_opening_is_none() -> None:
    lines = PaidLines(paid_pattern(r"(?P<amount>\d+)"), opened_at=10.0)
    assert said(lines.feed(b"96", 10.0 + ON_ITS_WAY_S / 2)) == [TORN]
    assert said(lines.feed(b"\r500\r", 10.5)) == [500]


def test_a_line_that_stalls_is_thrown_away_whole() -> None:
    lines = PaidLines(paid_pattern(r"(?P<amount>\d+)"), opened_at=0.0)
    assert lines.feed(b"7", LATER) == []
    assert said(lines.feed(b"96\r", LATER + STALLED_S + 0.1)) == [TORN]
    assert said(lines.feed(b"796\r", LATER + 5)) == [796]


def test_a_line_whose_rest_does_not_come_is_torn_once() -> None:
    lines = PaidLines(paid_pattern(r"(?P<amount>\d+)"), opened_at=0.0)
    assert lines.feed(b"796", LATER) == []
    assert lines.looked(LATER + STALLED_S / 2) == []
    assert said(lines.looked(LATER + STALLED_S)) == [TORN]
    assert lines.looked(LATER + 3 * STALLED_S) == []
    assert lines.feed(b"\r", LATER + 4 * STALLED_S) == []
    assert lines.looked(LATER + 6 * STALLED_S) == [], "nothing is waited for between two lines"


def test_a_line_that_is_too_long_is_thrown_away_whole() -> None:
    data = b"x" * (LONGEST_LINE_BYTES + 1) + b"paid 5\rpaid 796\r"
    assert messages(data) == [TORN, 796]


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("paid (", "not a regular expression"),
        ("", "an empty line"),
        (".*", "an empty line"),
        (r"(?P<amount>\d+) (?P<euros>.+)", "one of them"),
    ],
)
def test_a_wrong_pattern_is_refused_with_its_reason(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        paid_pattern(pattern)


@given(
    data=st.lists(st.sampled_from([b"paid 796\r", b"paid\n", b"x", b"\r\n", b"paid 5"]) | st.binary(max_size=5)).map(
        b"".join
    ),
    cuts=st.lists(st.integers(0, 100), max_size=6),
)
def test_any_split_of_the_same_bytes_says_the_same(data: bytes, cuts: list[int]) -> None:
    lines = PaidLines(re.compile(CENTS), opened_at=0.0)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    split = [each for start, end in pairwise(places) for each in lines.feed(data[start:end], LATER)]
    assert said(split) == messages(data)


class CashMachine:
    """The other side of a pseudo-terminal, under a name that outlives it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plug_in()

    def plug_in(self) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        self.path.unlink()
        os.close(self._slave)
        os.close(self.master)

    def was_read(self) -> bool:
        return fcntl.ioctl(self._slave, termios.FIONREAD, bytes(4)) == bytes(4)

    def heard(self) -> bytes:
        try:
            return os.read(self.master, 100)
        except BlockingIOError:
            return b""


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[CashMachine]:
    made = CashMachine(tmp_path / "recycler")
    yield made
    made.unplug()


def port(machine: CashMachine) -> PaidMessagePort:
    settings = PortSettings(path=str(machine.path), baudrate=9600)
    return PaidMessagePort(name="recycler", settings=settings, pattern=paid_pattern(CENTS))


async def test_a_message_comes_over_the_line_and_the_booking_goes_back(machine: CashMachine, clock: MovedClock) -> None:
    reader = port(machine)
    os.write(machine.master, b"paid 1\r")  # from before the opening
    async with running(reader) as reports:
        await reports.state("present")
        clock.advance(ON_ITS_WAY_S)
        os.write(machine.master, b"paid 796\r\n")
        message = await reports.next(PaidMessage)
        await reader.send_booked(b"OK A-17\r")
        heard = bytearray()

        def all_heard() -> bool:
            heard.extend(machine.heard())
            return heard.endswith(b"\r")

        await until(all_heard)

    assert (message.drawer, message.amount, message.connection) == ("recycler", 796, 1)
    assert heard == b"OK A-17\r"
    assert sum(isinstance(report, PaidMessage) for report in reports.all) == 1


async def test_a_lost_machine_is_picked_up_again_and_its_half_line_forgotten(
    machine: CashMachine, clock: MovedClock
) -> None:
    reader = port(machine)
    async with running(reader) as reports:
        await reports.state("present")
        os.write(machine.master, b"paid ")
        await until(lambda: not machine.heard())
        machine.unplug()
        await reports.state("lost")
        with pytest.raises(DrawerRefused, match="is not open"):
            await reader.send_booked(b"OK\r")
        machine.plug_in()
        await reports.state("present")
        clock.advance(ON_ITS_WAY_S)
        os.write(machine.master, b"7\rpaid 8\r")
        message = await reports.next(PaidMessage)

    assert (message.amount, message.connection) == (8, 2)


async def test_a_line_whose_rest_does_not_come_is_told_though_nothing_more_is_heard(
    machine: CashMachine, clock: MovedClock
) -> None:
    async with running(port(machine)) as reports:
        await reports.state("present")
        clock.advance(ON_ITS_WAY_S)
        os.write(machine.master, b"paid 79")
        await until(machine.was_read)
        clock.advance(STALLED_S)
        torn = await reports.next(TornMessage)

    assert torn.drawer == "recycler"
