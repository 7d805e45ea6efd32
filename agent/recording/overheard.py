"""A listener whose news of checkouts a recording hears, too."""

from collections.abc import Callable
from datetime import datetime

from agent.checkout_state import Api, Card, Checkout, Level
from agent.listener import CardRefusal, DrawerTold, Listener, ScanTold
from device.interface import DeviceState


class Overheard:
    """Passes everything on to the listener."""

    def __init__(self, listener: Listener, heard: Callable[[Checkout], None]) -> None:
        self._heard = heard
        self._listener = listener

    def checkout_changed(self, checkout: Checkout, sequence: int) -> None:
        self._heard(checkout)
        self._listener.checkout_changed(checkout, sequence)

    def drawer_is(self, drawer: str, level: Level) -> None:
        self._listener.drawer_is(drawer, level)

    def drawer_told(self, told: DrawerTold, sequence: int) -> None:
        self._listener.drawer_told(told, sequence)

    def scanned(self, told: ScanTold) -> None:
        self._listener.scanned(told)

    def card_checked(self, scanner: str, card: Card) -> None:
        self._listener.card_checked(scanner, card)

    def card_refused(self, scanner: str | None, reason: CardRefusal) -> None:
        self._listener.card_refused(scanner, reason)

    def device_changed(self, state: DeviceState) -> None:
        self._listener.device_changed(state)

    def connection_changed(self, api: Api, since: datetime) -> None:
        self._listener.connection_changed(api, since)

    def busy_changed(self, *, busy: bool) -> None:
        self._listener.busy_changed(busy=busy)

    def not_recorded(self, checkout_id: str) -> None:
        self._listener.not_recorded(checkout_id)
