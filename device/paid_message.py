r"""A line that says the money is in: from a till, a cash machine, a recycler or a microcontroller, as `paid 796`.

A line counts whole or not at all. It ends with CR, LF or both; what matches is the whole line, since `unpaid 796` must
not pass for `paid 796`. The configured pattern may name one amount: `(?P<amount>\d+)` in cents, or
`(?P<euros>\d+[.,]\d\d)` in euros and cents. A named amount that is no amount makes the line no message; a group that
took no part in the match is a message without an amount.

What was on its way when the port was opened is the tail of some line, and is thrown away up to its end.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from device.interface import DrawerRefused, PaidMessage, Receiver, Report
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
STALLED_S = 1.0  # the rest of a line comes within this time, or something was lost in its middle
LONGEST_AMOUNT_DIGITS = 9  # ten million euros


@dataclass(frozen=True, slots=True)
class Paid:
    """The money is in; `amount` in cents where the message has one."""

    amount: int | None
    at: float


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

    def feed(self, data: bytes, at: float) -> list[Paid]:
        """Take bytes that arrived at `at`, and give the messages that are now whole."""
        if at - self._opened_at < ON_ITS_WAY_S and self._last is None:
            self._torn = True
        if self._line and self._last is not None and at - self._last > STALLED_S:
            self._torn = True
        self._last = at
        return [paid for byte in data if (paid := self._byte(byte, at))]

    def _byte(self, byte: int, at: float) -> Paid | None:
        if byte not in b"\r\n":
            self._line.append(byte)
            if len(self._line) > LONGEST_LINE_BYTES:
                self._line.clear()
                self._torn = True
            return None
        text, torn = self._line.decode("utf-8", errors="replace"), self._torn
        self._line.clear()
        self._torn = False
        return None if torn or not text else self._message(text, at)

    def _message(self, text: str, at: float) -> Paid | None:
        match = self._pattern.fullmatch(text.strip())
        if match is None:
            return None
        groups = match.groupdict()
        if (euros := groups.get("euros")) is not None:
            return _paid(re.fullmatch(r"(\d+)[.,](\d\d)", euros, re.ASCII), at)
        if (cents := groups.get("amount")) is not None:
            return _paid(re.fullmatch(r"(\d+)", cents, re.ASCII), at)
        return Paid(None, at)


def _paid(digits: re.Match[str] | None, at: float) -> Paid | None:
    amount = "".join(digits.groups()) if digits else ""
    return Paid(int(amount), at) if 0 < len(amount) <= LONGEST_AMOUNT_DIGITS else None


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
            await keep_open(self._use_once, name=self._name, kind="drawer", report=report, plugging=self._plugging)
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
            for paid in lines.feed(data, at):
                self._tell(paid)

        async with opened_port(self._settings, on_data=received, on_lost=lost.set_result, opener=self._opener) as port:
            lines = PaidLines(self._pattern, opened_at=loop.time())  # before the loop can read a byte
            self._connections += 1
            self._line = SharedLine(port, self._settings.baudrate)
            present()
            try:
                return await lost
            finally:
                self._line = None

    def _tell(self, paid: Paid) -> None:
        message = PaidMessage(drawer=self._name, amount=paid.amount, connection=self._connections, at=paid.at)
        self._report(message)


def _nobody(report: Report) -> None:
    """Nobody wants to know: the port is not held."""
