"""A serial device as the kernel shows it: settings, bytes, modem lines, counters.

The only module that knows pyserial, and it uses it for what it does well: opening and setting the line. Reading and
writing go to the descriptor. Everything here is quick but `open_tty` and `Tty.close`, which may block for seconds
(a USB adapter that does not answer, output that drains) and belong into an executor.
"""

import contextlib
import errno
import fcntl
import os
import struct
import termios
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import serial

Parity = Literal["none", "even", "odd", "mark", "space"]

TIOCM_CTS, TIOCM_CAR, TIOCM_RNG, TIOCM_DSR = 0x020, 0x040, 0x080, 0x100
TIOCM_LINE = {"dtr": 0x002, "rts": 0x004}
COUNTERS = struct.Struct("20i")  # struct serial_icounter_struct of linux/serial.h
READ_BYTES = 4096  # what the tty's own buffer holds
PARITIES = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
    "mark": serial.PARITY_MARK,
    "space": serial.PARITY_SPACE,
}


class LinesNotSupported(Exception):
    """A port without modem lines: a pseudo-terminal, or an adapter that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSettings:
    """How a serial port is opened.

    The kernel raises DTR and RTS when a port is opened, before anybody can say no. `dtr` and `rts` are what the
    lines are set to at once after that: True leaves them as they are, False lowers them and shortens the pulse.
    """

    path: str
    baudrate: int = 9600
    bytesize: Literal[5, 6, 7, 8] = 8
    parity: Parity = "none"
    stopbits: Literal[1, 2] = 1
    xonxoff: bool = False
    rtscts: bool = False
    dtr: bool = True
    rts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemLines:
    """The levels of the four input lines."""

    cts: bool
    dsr: bool
    dcd: bool
    ri: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCounts:
    """What the driver counted since it was loaded: edges of the input lines, and errors (TIOCGICOUNT)."""

    cts: int
    dsr: int
    dcd: int
    ri: int
    frame: int
    overrun: int
    parity: int
    brk: int

    @property
    def errors(self) -> int:
        """Bytes that were lost or came in damaged. Only its moving means something."""
        return self.frame + self.overrun + self.parity + self.brk


class Tty(Protocol):
    """An open serial device. Every call but `close` returns at once; OSError when the device is gone."""

    def fileno(self) -> int: ...

    def read(self) -> bytes:
        """What lies ready. BlockingIOError when nothing does; empty when the line was hung up."""
        ...

    def write(self, data: bytes) -> int:
        """Hand over what the kernel takes now, and say how much that was. BlockingIOError when it is nothing."""
        ...

    def lines(self) -> ModemLines:
        """The levels now. Raises LinesNotSupported."""
        ...

    def set_line(self, line: Literal["dtr", "rts"], *, high: bool) -> None:
        """Set an output line. Raises LinesNotSupported."""
        ...

    def counts(self) -> LineCounts | None:
        """The driver's counters, where it has any."""
        ...

    def unsent(self) -> int:
        """Bytes that were written and did not leave the driver yet; 0 where it does not say (TIOCOUTQ)."""
        ...

    def discard(self) -> None:
        """Drop what was received and not read, and what was written and not sent."""
        ...

    def close(self) -> None:
        """Give the port back, without waiting for output to drain."""
        ...


class SerialTty:
    """A Tty opened by pyserial."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._fd: int = port.fileno()

    @classmethod
    def open(cls, settings: PortSettings) -> Self:
        """Open, lock and flush the port. Raises OSError."""
        port = serial.Serial(
            baudrate=settings.baudrate,
            bytesize=settings.bytesize,
            parity=PARITIES[settings.parity],
            stopbits=settings.stopbits,
            xonxoff=settings.xonxoff,
            rtscts=settings.rtscts,
            timeout=0,
            exclusive=True,
        )
        port.port = settings.path
        port.dtr = settings.dtr
        port.rts = settings.rts
        port.open()
        try:
            _prepare(port)
        except BaseException:
            port.close()
            raise
        return cls(port)

    def fileno(self) -> int:
        return self._fd

    def read(self) -> bytes:
        return os.read(self._fd, READ_BYTES)

    def write(self, data: bytes) -> int:
        return os.write(self._fd, data)

    def lines(self) -> ModemLines:
        bits = _lines_ioctl(self._fd, termios.TIOCMGET, 0)
        return ModemLines(
            cts=bool(bits & TIOCM_CTS),
            dsr=bool(bits & TIOCM_DSR),
            dcd=bool(bits & TIOCM_CAR),
            ri=bool(bits & TIOCM_RNG),
        )

    def set_line(self, line: Literal["dtr", "rts"], *, high: bool) -> None:
        _lines_ioctl(self._fd, termios.TIOCMBIS if high else termios.TIOCMBIC, TIOCM_LINE[line])

    def counts(self) -> LineCounts | None:
        try:
            raw = fcntl.ioctl(self._fd, termios.TIOCGICOUNT, bytes(COUNTERS.size))
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EINVAL):
                return None
            raise
        cts, dsr, ri, dcd, _rx, _tx, frame, overrun, parity, brk, buffer_overrun, *_ = COUNTERS.unpack(raw)
        return LineCounts(
            cts=cts,
            dsr=dsr,
            dcd=dcd,
            ri=ri,
            frame=frame,
            overrun=overrun + buffer_overrun,
            parity=parity,
            brk=brk,
        )

    def unsent(self) -> int:
        raw = fcntl.ioctl(self._fd, termios.TIOCOUTQ, struct.pack("i", 0))
        return int(struct.unpack("i", raw)[0])

    def discard(self) -> None:
        try:
            termios.tcflush(self._fd, termios.TCIOFLUSH)
        except termios.error as error:  # is no OSError, and the rest of the house knows only OSError
            raise OSError(*error.args) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):  # a port that is gone needs no flushing, and has nobody to keep out
            self.discard()
            fcntl.ioctl(self._fd, termios.TIOCNXCL)
        self._port.close()


def open_tty(settings: PortSettings) -> Tty:
    """Open a serial device. May block; raises OSError with the kernel's errno."""
    try:
        return SerialTty.open(settings)
    except termios.error as error:
        raise OSError(*error.args) from error


def _prepare(port: serial.Serial) -> None:
    """Keep others out, make an empty read mean a hang-up, and start without what lay in the buffers."""
    fd = port.fileno()
    fcntl.ioctl(fd, termios.TIOCEXCL)
    attributes = termios.tcgetattr(fd)
    attributes[2] &= ~termios.HUPCL  # closing makes no edge on DTR and RTS: a restart must not pop a drawer
    attributes[6][termios.VMIN] = 1  # pyserial's 0 makes an empty read ambiguous
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    with contextlib.suppress(OSError, ValueError):  # only FTDI and the like know a latency
        port.set_low_latency_mode(low_latency_settings=True)
    termios.tcflush(fd, termios.TCIOFLUSH)


def _lines_ioctl(fd: int, request: int, bits: int) -> int:
    try:
        raw = fcntl.ioctl(fd, request, struct.pack("I", bits))
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL):
            raise LinesNotSupported("this port has no modem lines") from error
        raise
    return int(struct.unpack("I", raw)[0])
