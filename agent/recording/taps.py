"""Where a recording listens: to the API behind the transport, to the devices, to the local interface, to the till.

Each tap takes what passes, and leaves its cleaning and writing to the recorder's thread.
"""

import json
import secrets
from collections.abc import Callable

from agent.card import CardNumber, CardRules
from agent.checkout.state import Checkout
from agent.kiosk.kiosk import KioskCall
from agent.recording.recorder import Recorder
from agent.recording.records import (
    Asked,
    Begun,
    DeviceSeen,
    Exchanged,
    LevelSeen,
    Line,
    Paid,
    Pulsed,
    Scanned,
    Told,
    TornPaid,
    TornRead,
)
from agent.recording.sanitiser import Sanitiser
from agent.recording.stand_ins import StandIns
from agent.smart.transport import Exchange
from agent.till.listener import ScanTold
from agent.till.scans import meaning
from device.interface import (
    CashDrawer,
    DeviceState,
    DrawerCapabilities,
    DrawerLevel,
    DrawerRefused,
    PaidMessage,
    Receiver,
    Report,
    Scan,
    TornMessage,
    TornScan,
)

_LOGIN = "/oauth/token"
_LOGINS_OF_BROWSERS = frozenset({"/v1/tickets", "/v1/session"})
_KEY_BYTES = 32
_LARGEST_BODY = 256 * 1024  # bytes of one that is kept; the documented ones have five thousand


class Taps:
    """Everything that a recording hears. The key of its stand-ins is made here and kept nowhere else."""

    def __init__(self, recorder: Recorder, rules: CardRules, forwarding: frozenset[str]) -> None:
        self._recorder = recorder
        self._rules = rules
        self._forwarding = forwarding
        self._stand_ins = StandIns(rules, secrets.token_bytes(_KEY_BYTES))
        self._sanitiser = Sanitiser(self._stand_ins)

    def began(self, begun: Begun) -> None:
        self._recorder.put(lambda: begun)

    def exchanged(self, exchange: Exchange) -> None:
        """Take a request to the API and what came of it."""
        size = len(exchange.request.body or b"") + len(exchange.answer.body if exchange.answer else b"")
        self._recorder.put(lambda: self._exchanged(exchange), size)

    def reported(self, report: Report) -> None:
        """Take what a device reports."""
        self._recorder.put(lambda: self._report(report))

    def called(self, call: KioskCall) -> None:
        """Take a call of the local interface and its answer. Who logs a browser in does no business."""
        if call.path in _LOGINS_OF_BROWSERS:
            return
        self._recorder.put(lambda: self._asked(call), len(call.body))

    def checkout_changed(self, checkout: Checkout) -> None:
        told = Told(
            at=self._recorder.now(),
            checkout=checkout.id,
            phase=checkout.phase.value,
            reason=checkout.reason,
            amount_due=checkout.amount_due,
        )
        self._recorder.put(lambda: told)

    def pulsed(self, refused: str | None) -> None:
        pulsed = Pulsed(at=self._recorder.now(), refused=refused)
        self._recorder.put(lambda: pulsed)

    def _exchanged(self, exchange: Exchange) -> Exchanged:
        clean = self._sanitiser.login if exchange.request.path == _LOGIN else self._sanitiser.body
        answer = exchange.answer
        said = None if answer is None else _json(answer.body)
        return Exchanged(
            at=self._recorder.since(exchange.began),
            took_s=round(exchange.ended - exchange.began, 6),
            method=exchange.request.method,
            path=self._sanitiser.path(exchange.request.path),
            query=self._sanitiser.query(exchange.request.query),
            body=clean(_json(exchange.request.body or b"")),
            status=answer.status if answer else None,
            answer=clean(said),
            answer_bytes=len(answer.body) if answer and said is None else None,
            failed=exchange.failed,
            reason=exchange.reason,
        )

    def _report(self, report: Report) -> Line:
        at = self._recorder.since(report.at)
        match report:
            case Scan():
                return self._scanned(report, at)
            case TornScan():
                return TornRead(at=at, scanner=report.scanner, reason=report.reason)
            case DeviceState():
                return DeviceSeen(at=at, name=report.name, device=report.kind, state=report.state, reason=report.reason)
            case DrawerLevel():
                return LevelSeen(at=at, drawer=report.drawer, level=report.level, connection=report.connection)
            case PaidMessage():
                return Paid(at=at, drawer=report.drawer, amount=report.amount, connection=report.connection)
            case TornMessage():
                return TornPaid(at=at, drawer=report.drawer)

    def _scanned(self, scan: Scan, at: float) -> Scanned:
        """Behind the card classifier: a loyalty card and an article have a stand-in, all else leaves no character."""
        read = self._meaning(scan)
        if isinstance(read, CardNumber):
            return Scanned(at=at, scanner=scan.scanner, read="card", text=self._stand_ins.card(read))
        if read is None:
            return Scanned(at=at, scanner=scan.scanner, read="payment_card")
        if read.code is None:
            return Scanned(at=at, scanner=scan.scanner, read="not_a_card")
        code = self._stand_ins.code(scan.text, lambda text: self._is_code(scan.scanner, text))
        return Scanned(at=at, scanner=scan.scanner, read="code", text=code, symbology=scan.symbology)

    def _meaning(self, scan: Scan) -> CardNumber | ScanTold | None:
        return meaning(scan, self._rules, forwards=scan.scanner in self._forwarding)

    def _is_code(self, scanner: str, text: str) -> bool:
        read = self._meaning(Scan(scanner=scanner, text=text, at=0.0))
        return isinstance(read, ScanTold) and read.code is not None

    def _asked(self, call: KioskCall) -> Asked:
        return Asked(
            at=self._recorder.since(call.began),
            took_s=round(call.ended - call.began, 6),
            role=call.role.value,
            method=call.method,
            path=self._sanitiser.path(call.path),
            body=self._sanitiser.body(_json(call.body)),
            key=self._stand_ins.secret(call.key) if call.key else None,
            status=call.status,
            problem=call.problem,
        )


class RecordedDrawer:
    """A drawer whose pulses are recorded."""

    def __init__(self, drawer: CashDrawer, pulsed: Callable[[str | None], None]) -> None:
        self._drawer = drawer
        self._pulsed = pulsed

    @property
    def name(self) -> str:
        return self._drawer.name

    @property
    def capabilities(self) -> DrawerCapabilities:
        return self._drawer.capabilities

    async def run(self, report: Receiver) -> None:
        """Hold the port and read the status until cancelled."""
        await self._drawer.run(report)

    async def open_drawer(self, still_wanted: Callable[[], bool]) -> float:
        """Send the pulse once. Raises DrawerRefused; see CashDrawer."""
        try:
            at = await self._drawer.open_drawer(still_wanted)
        except DrawerRefused as refused:
            self._pulsed(str(refused))
            raise
        self._pulsed(None)
        return at


def _json(body: bytes) -> object:
    """The body as JSON; None if it is none, or too large to keep."""
    if not body or len(body) > _LARGEST_BODY:
        return None
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value
