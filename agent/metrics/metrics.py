"""Counts what happens at this till and how long it took. It hears what the devices report, what the till tells, and
every exchange with the API.

The names are those of UnifiedPOS where it has one (GoodScanCount, DrawerGoodOpenCount, DrawerFailedOpenCount), and
Prometheus' style elsewhere. Nothing here names a customer, a card, or an amount of one payment.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import get_args

from agent.checkout.state import Api, Card, Checkout, Level
from agent.metrics.histogram import Histogram
from agent.smart.transport import Exchange
from agent.till.listener import CardRefusal, DrawerTold, ScanTold, UnexpectedThing, UnexpectedTold
from device.interface import DeviceState, DrawerLevel, PaidMessage, Report, Scan

Labels = tuple[str, ...]

_ID = re.compile(r"/(?:[A-Z]{3}_[^/]+|[0-9]+)")

COUNTS: dict[str, tuple[str, Labels]] = {
    "GoodScanCount": ("Complete scans: cards, and codes that went on to the screen", ("scanner",)),
    "refused_scans": ("Scans that were not taken", ("scanner", "reason")),
    "refused_cards": ("Cards that were refused", ("reason",)),
    "DrawerGoodOpenCount": ("Openings of the drawer that were seen", ("drawer", "by")),
    "DrawerFailedOpenCount": ("Pulses after which the drawer was not seen open", ("drawer",)),
    "drawer_left_open": ("Warnings that the drawer stands open", ("drawer",)),
    "checkouts": ("Checkouts that came to their end", ("phase",)),
    "confirmed_payments": ("Cash payments whose confirmation is durable", ("confirmed_by",)),
    "device_changes": ("Devices that came, went, or cannot be used", ("name", "kind", "state")),
    "connection_changes": ("Changes between online, offline and not authorised", ("api",)),
    "api_failures": ("Requests to the API without an answer", ("call", "failed")),
    "not_recorded": ("Confirmations that the disk refused at first", ()),
    "contradictions": ("What says that money is elsewhere than the till has it, when nothing waited for it", ("what",)),
}
FROM_ZERO: dict[str, tuple[Labels, ...]] = {
    "not_recorded": ((),),
    "contradictions": tuple((what,) for what in get_args(UnexpectedThing)),
}
"""What an alert waits for: a series that begins with its first count shows Prometheus no increase."""
DURATIONS: dict[str, tuple[str, Labels]] = {
    "confirmation_to_start_seconds": ("From the byte that confirms the cash to the request start/cash", ()),
    "scan_to_request_seconds": ("From the last byte of a card to the first request it causes", ()),
    "scan_to_event_seconds": ("From the last byte of a scan until the screens are told", ()),
    "api_answer_seconds": ("From a request to its answer", ("call",)),
    "journal_commit_seconds": ("A commit, made durable", ()),
}


class Metrics:
    """Everything counted since the agent started. A Listener of the till, an observer of the API, a tap of devices."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._confirming_at: float | None = None
        self._confirmed_at: float | None = None
        self._confirmed: set[str] = set()  # of the open checkouts
        self._card_at: float | None = None
        self._scanned_at: dict[str, float] = {}
        self.counts: dict[str, Counter[Labels]] = {
            name: Counter(dict.fromkeys(FROM_ZERO.get(name, ()), 0)) for name in COUNTS
        }
        self.durations: dict[str, defaultdict[Labels, Histogram]] = {name: defaultdict(Histogram) for name in DURATIONS}

    # What the devices report

    def reported(self, report: Report) -> None:
        """Remember when the bytes came whose consequences are timed."""
        match report:
            case Scan(scanner=scanner, at=at):
                self._scanned_at[scanner] = at
            case DrawerLevel(at=at) | PaidMessage(at=at):
                self._confirming_at = at
            case _:
                pass

    # What the till tells

    def checkout_changed(self, checkout: Checkout, _sequence: int) -> None:
        evidence = checkout.payment.evidence if checkout.payment else None
        if checkout.final:
            self._confirmed.discard(checkout.id)
            if checkout.reversed_by is None:  # what names its reversal had come to its end before
                self._count("checkouts", checkout.phase.value)
        elif evidence is not None and checkout.id not in self._confirmed:
            self._confirmed.add(checkout.id)
            self._count("confirmed_payments", evidence.kind)
            self._confirmed_at = None if evidence.kind == "operator" else self._confirming_at

    def drawer_is(self, drawer: str, level: Level) -> None:
        """The level is a gauge, read when it is asked for."""

    def drawer_told(self, told: DrawerTold, _sequence: int) -> None:
        match told.event:
            case "opened":
                self._count("DrawerGoodOpenCount", told.drawer, told.by or "")
            case "did_not_open":
                self._count("DrawerFailedOpenCount", told.drawer)
            case "left_open":
                self._count("drawer_left_open", told.drawer)
            case _:
                pass

    def scanned(self, told: ScanTold) -> None:
        at = self._scanned_at.pop(told.scanner, None)
        if told.refused is not None:
            self._count("refused_scans", told.scanner, told.refused)
            return
        self._count("GoodScanCount", told.scanner)
        if at is not None:
            self._took("scan_to_event_seconds", self._clock() - at)
            self._card_at = at if told.card is not None else None

    def card_checked(self, scanner: str, card: Card) -> None:
        """Counted as a scan already."""

    def card_refused(self, _scanner: str | None, reason: CardRefusal) -> None:
        self._count("refused_cards", reason)

    def device_changed(self, state: DeviceState) -> None:
        self._count("device_changes", state.name, state.kind, state.state)

    def connection_changed(self, api: Api, _since: datetime) -> None:
        self._count("connection_changes", api)

    def busy_changed(self, *, busy: bool) -> None:
        """A gauge, read when it is asked for."""

    def not_recorded(self, _checkout_id: str) -> None:
        self._count("not_recorded")

    def unexpected_told(self, told: UnexpectedTold, _sequence: int) -> None:
        if told.contradicts:
            self._count("contradictions", told.what)

    # What goes to the API and the disk

    def exchanged(self, exchange: Exchange) -> None:
        call = call_of(exchange.request.path)
        if call.endswith("/start/cash") and self._confirmed_at is not None:
            self._took("confirmation_to_start_seconds", exchange.began - self._confirmed_at)
            self._confirmed_at = None
        if self._card_at is not None and exchange.began >= self._card_at:
            self._took("scan_to_request_seconds", exchange.began - self._card_at)
            self._card_at = None
        if exchange.failed is not None:
            self._count("api_failures", call, exchange.failed)
        else:
            self._took("api_answer_seconds", exchange.ended - exchange.began, call)

    def committed(self, seconds: float) -> None:
        """A commit was made durable in so many seconds."""
        self._took("journal_commit_seconds", seconds)

    def _count(self, name: str, *labels: str) -> None:
        self.counts[name][labels] += 1

    def _took(self, name: str, seconds: float, *labels: str) -> None:
        self.durations[name][labels].observe(seconds)


def call_of(path: str) -> str:
    """Return a path without what names one transaction: a label must not grow without end."""
    return _ID.sub("/{id}", path.removeprefix("/api/v2/"))
