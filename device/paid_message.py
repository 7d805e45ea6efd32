r"""A line that says the money is in: from a till, a cash machine, a recycler or a microcontroller, as `paid 796`.

A line counts whole or not at all. It ends with CR, LF or both; what matches is the whole line, since `unpaid 796` must
not pass for `paid 796`. The configured pattern may name one amount: `(?P<amount>\d+)` in cents, or
`(?P<euros>\d+[.,]\d\d)` in euros and cents. A group that took no part in the match is a message without an amount.

A line is torn, and told as such, since it may have been a message, when its rest does not come, when it is longer than
any message, when a byte of it is no character, or when the amount that it names is none. What was on its way when the
port was opened is the tail of some line, and torn. A whole line that does not match says something else.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from device.interface import DrawerRefused, PaidMessage, Receiver, Report, TornMessage
from device.plugging import Plugging
from device.port import PortSettings
from device.reconnect import keep_open
from device.shared_line import NotSent, SharedLine, opened_port
from device.tty import Tty, open_tty

log = logging.getLogger("tillwire.drawer")

LONGEST_LINE_BYTES = 256  # a message is a few words; what is longer is another device, or noise
# Bytes within this time of opening the port belong to a line that was on its way: a byte at 300 Bd takes 33 ms, and an
# adapter hands over its buffer every 16 ms.
ON_ITS_WAY_S = 0.2
NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"  # in place of a byte that is none in UTF-8
STALLED_S = 1.0  # the rest of a line comes within this time, or something was lost in its middle
LONGEST_AMOUNT_DIGITS = 9  # ten million euros


@dataclass(frozen=True, slots=True)
class Paid:
    """The money is in; `amount` in cents where the message has one."""

    amount: int | None
    at: float


@dataclass(frozen=True, slots=True)
class TornLine:
    """It may have said that the money is in."""

    at: float


Heard = Paid | TornLine


def paid_pattern(pattern: str) -> re.Pattern[str]:
    """The configured pattern. Raises ValueError with what is wrong."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if not pattern or compiled.fullmatch(""):
        raise ValueError("matches an empty line, so that anything would say the money is in")
    if {"amount", "euros"} <= compiled.groupindex.keys():
        raise ValueError("names both amount (cents) and euros; one of them")
    return compiled


class PaidLines:
    """PURE: bytes of one connection -> messages. `opened_at` is when the port was opened (monotonic seconds)."""

    def __init__(self, pattern: re.Pattern[str], opened_at: float) -> None:
        self._pattern = pattern
        self._opened_at = opened_at
        self._line = bytearray()
        self._torn = False
        self._last: float | None = None

    def feed(self, data: bytes, at: float) -> list[Heard]:
        """Take bytes that arrived at `at`, and give the messages that are now whole, and what is torn."""
        was_on_its_way = at - self._opened_at < ON_ITS_WAY_S and self._last is None
        heard = self._tear(at) if was_on_its_way else self.looked(at)
        self._last = at
        return heard + [each for byte in data for each in self._byte(byte, at)]

    def looked(self, now: float) -> list[Heard]:
        """Nothing more came until now: the rest of a line may be missing."""
        stalls_at = self.stalls_at
        return self._tear(now) if stalls_at is not None and now >= stalls_at else []

    @property
    def stalls_at(self) -> float | None:
        """When the rest of the present line is taken for lost; None: none is awaited."""
        is_awaited = bool(self._line) and not self._torn
        return self._last + STALLED_S if is_awaited and self._last is not None else None

    def _tear(self, at: float) -> list[Heard]:
        """Up to its end nothing of this line counts; it is told once."""
        if self._torn:
            return []
        self._torn = True
        return [TornLine(at)]

    def _byte(self, byte: int, at: float) -> list[Heard]:
        if byte in b"\r\n":
            return self._ended(at)
        self._line.append(byte)
        if len(self._line) <= LONGEST_LINE_BYTES:
            return []
        self._line.clear()
        return self._tear(at)

    def _ended(self, at: float) -> list[Heard]:
        text, torn = self._line.decode("utf-8", errors="replace"), self._torn
        self._line.clear()
        self._torn = False
        return [] if torn or not text else self._line_says(text, at)

    def _line_says(self, text: str, at: float) -> list[Heard]:
        match = self._pattern.fullmatch(text.strip())
        if match is None:
            return [TornLine(at)] if NO_CHARACTER in text else []
        groups = match.groupdict()
        if (euros := groups.get("euros")) is not None:
            return [_paid(re.fullmatch(r"(\d+)[.,](\d\d)", euros, re.ASCII), at)]
        if (cents := groups.get("amount")) is not None:
            return [_paid(re.fullmatch(r"(\d+)", cents, re.ASCII), at)]
        return [Paid(None, at)]


def _paid(digits: re.Match[str] | None, at: float) -> Heard:
    amount = "".join(digits.groups()) if digits else ""
    return Paid(int(amount), at) if 0 < len(amount) <= LONGEST_AMOUNT_DIGITS else TornLine(at)


class PaidMessages:
    """Reports what the lines of one connection say; also that the rest of one did not come. Ended by `close`."""

    def __init__(self, pattern: re.Pattern[str], *, drawer: str, connection: int, report: Receiver) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines = PaidLines(pattern, opened_at=self._loop.time())
        self._drawer = drawer
        self._connection = connection
        self._report = report
        self._look: asyncio.TimerHandle | None = None

    def received(self, data: bytes, at: float) -> None:
        self.close()
        self._tell(self._lines.feed(data, at))
        if (stalls_at := self._lines.stalls_at) is not None:
            self._look = self._loop.call_at(stalls_at, self._look_again, stalls_at)

    def close(self) -> None:
        if self._look is not None:
            self._look.cancel()

    def _look_again(self, at: float) -> None:
        self._tell(self._lines.looked(at))

    def _tell(self, heard: list[Heard]) -> None:
        for each in heard:
            if isinstance(each, Paid):
                self._report(
                    PaidMessage(drawer=self._drawer, amount=each.amount, connection=self._connection, at=each.at)
                )
            else:
                self._report(TornMessage(drawer=self._drawer, at=each.at))


class PaidMessagePort:
    """The port that a till or a cash machine writes to, and to which the agent answers."""

    def __init__(
        self,
        *,
        name: str,
        settings: PortSettings,
        pattern: re.Pattern[str],
        plugging: Plugging | None = None,
        opener: Callable[[PortSettings], Tty] = open_tty,
    ) -> None:
        self._name = name
        self._settings = settings
        self._pattern = pattern
        self._plugging = plugging
        self._opener = opener
        self._report: Receiver = _nobody
        self._connections = 0
        self._line: SharedLine | None = None

    @property
    def name(self) -> str:
        return self._name

    async def run(self, report: Receiver) -> None:
        """Hold the port and read messages until cancelled."""
        self._report = report
        try:
            await keep_open(
                self._use_once, name=self._name, kind="paid_message", report=report, plugging=self._plugging
            )
        finally:
            self._report = _nobody

    async def send_booked(self, text: bytes) -> None:
        """Tell the other side that the payment is booked. Raises DrawerRefused when nothing was sent."""
        if self._line is None:
            raise DrawerRefused(f"{self._settings.path} is not open: plug the device in, and see `tillwire check`")
        try:
            await self._line.send(text)
        except NotSent as error:
            raise DrawerRefused(f"{error}; nothing was sent") from error

    async def _use_once(self, present: Callable[[], None]) -> str:
        loop = asyncio.get_running_loop()
        lost: asyncio.Future[str] = loop.create_future()

        def received(data: bytes, at: float) -> None:
            messages.received(data, at)

        async with opened_port(self._settings, on_data=received, on_lost=lost.set_result, opener=self._opener) as port:
            self._connections += 1
            messages = PaidMessages(  # before the loop can read a byte
                self._pattern, drawer=self._name, connection=self._connections, report=self._report
            )
            self._line = SharedLine(port, self._settings.baudrate)
            present()
            try:
                return await lost
            finally:
                messages.close()
                self._line = None


def _nobody(report: Report) -> None:
    """Nobody wants to know: the port is not held."""
