"""Serial devices as pyserial and the kernel give them, on pseudo-terminals."""

import errno
import os
import pty
import termios
from collections.abc import Iterator

import pytest

from device.tty import LineCounts, LinesNotSupported, PortSettings, Tty, open_tty


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """The master's descriptor and the path of the port."""
    master, slave = pty.openpty()
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


@pytest.fixture
def port(terminal: tuple[int, str]) -> Iterator[Tty]:
    tty = open_tty(PortSettings(path=terminal[1]))
    yield tty
    tty.close()


def test_bytes_go_both_ways_unchanged(terminal: tuple[int, str], port: Tty) -> None:
    data = bytes(range(256))
    os.write(terminal[0], data)
    assert port.read() == data
    assert port.write(data) == 256
    assert os.read(terminal[0], 4096) == data


def test_reading_when_nothing_came_does_not_block(port: Tty) -> None:
    with pytest.raises(BlockingIOError):
        port.read()


def test_what_lay_in_the_buffers_is_discarded_when_the_port_is_opened(terminal: tuple[int, str]) -> None:
    os.write(terminal[0], b"old")
    port = open_tty(PortSettings(path=terminal[1]))
    os.write(terminal[0], b"new")
    assert port.read() == b"new"
    port.close()


def test_what_was_not_read_can_be_discarded_later(terminal: tuple[int, str], port: Tty) -> None:
    os.write(terminal[0], b"old")
    port.discard()
    with pytest.raises(BlockingIOError):
        port.read()


def test_a_second_opener_is_refused_and_the_next_is_not(terminal: tuple[int, str]) -> None:
    first = open_tty(PortSettings(path=terminal[1]))
    with pytest.raises(OSError) as refused:  # noqa: PT011 - the errno is looked at
        open_tty(PortSettings(path=terminal[1]))
    assert refused.value.errno in (errno.EAGAIN, errno.EBUSY)
    first.close()
    open_tty(PortSettings(path=terminal[1])).close()


def test_the_settings_reach_the_line(terminal: tuple[int, str]) -> None:
    settings = PortSettings(path=terminal[1], baudrate=19200, bytesize=7, parity="odd", stopbits=2, xonxoff=True)
    port = open_tty(settings)
    iflag, _, cflag, _, ispeed, ospeed, _ = termios.tcgetattr(port.fileno())
    port.close()
    assert (ispeed, ospeed) == (termios.B19200, termios.B19200)
    assert cflag & (termios.PARODD | termios.CSTOPB) == termios.PARODD | termios.CSTOPB  # a pty takes no more of it
    assert iflag & (termios.IXON | termios.IXOFF) == termios.IXON | termios.IXOFF


def test_closing_the_port_does_not_drop_its_lines(port: Tty) -> None:
    assert not termios.tcgetattr(port.fileno())[2] & termios.HUPCL


def test_a_pseudo_terminal_has_no_modem_lines_and_counts_nothing(port: Tty) -> None:
    with pytest.raises(LinesNotSupported):
        port.lines()
    with pytest.raises(LinesNotSupported):
        port.set_line("rts", high=True)
    assert port.counts() is None


def test_only_bytes_that_were_lost_or_damaged_are_errors() -> None:
    counts = LineCounts(cts=9, dsr=9, dcd=9, ri=9, frame=1, overrun=2, parity=3, brk=4)
    assert counts.errors == 10


def test_a_port_whose_other_end_went_says_so() -> None:
    master, slave = pty.openpty()
    port = open_tty(PortSettings(path=os.ttyname(slave)))
    os.close(slave)
    os.close(master)
    with pytest.raises(OSError) as gone:  # noqa: PT011 - the errno is looked at
        port.write(b"x")
    assert gone.value.errno == errno.EIO
    port.close()


@pytest.mark.parametrize(("path", "number"), [("/dev/none-such", errno.ENOENT), ("/dev", errno.EISDIR)])
def test_what_cannot_be_opened_is_an_oserror_with_its_number(path: str, number: int) -> None:
    with pytest.raises(OSError) as refused:  # noqa: PT011 - the errno is looked at
        open_tty(PortSettings(path=path))
    assert refused.value.errno == number


def test_what_is_no_port_is_an_oserror() -> None:
    with pytest.raises(OSError, match="configure"):
        open_tty(PortSettings(path="/dev/null"))
