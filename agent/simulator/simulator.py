"""A running simulator as a test sees it: what was executed, what arrived, and every knob.

`SimulatorServer` (`server.py`) makes one and puts it behind a port; the control interface (`control.py`) offers the
same over HTTP.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from agent.simulator.api import SimulatedApi
from agent.simulator.cards import Card
from agent.simulator.clock import Clock
from agent.simulator.exchange import BOOKED, Exchange
from agent.simulator.faults import CONNECT, Fault, FaultPlan, Kind, fault_from_text
from agent.simulator.ledger import Booking
from agent.simulator.network import Network, ProtocolFactory
from agent.simulator.record import Record, RecordedRequest
from agent.simulator.switches import Switches
from agent.simulator.tasks import Tasks
from agent.simulator.world import new_card


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """How a simulator begins, and what a reset goes back to."""

    switches: Switches
    faults: tuple[Fault, ...] = ()


class Simulator:
    """The simulated API, its record and its faults."""

    def __init__(self, *, api: SimulatedApi, beginning: Beginning, clock: Clock, network: Network) -> None:
        self.api = api
        self.clock = clock
        self.network = network
        self.faults = FaultPlan()
        self.record = Record()
        self.exchange = Exchange(
            api=api, faults=self.faults, record=self.record, clock=clock, outage=self.refuse_connections
        )
        self._beginning = beginning
        self._outages = Tasks()

    def open(self, factory: ProtocolFactory) -> None:
        """Serves connections with these protocols from now on, with the faults of the beginning."""
        self.network.open(factory, self._connecting)
        self._plan(self._beginning.faults)

    @property
    def base_url(self) -> str:
        """Where clients find the API."""
        return self.network.base_url

    @property
    def ledger(self) -> list[Booking]:
        """What was executed, oldest first."""
        return self.api.ledger

    @property
    def requests(self) -> list[RecordedRequest]:
        """What arrived, oldest first."""
        return list(self.record.requests)

    @property
    def switches(self) -> Switches:
        return self.api.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self.api.switches = switches

    def requests_of(self, call: str) -> list[RecordedRequest]:
        """What arrived for one call, as `start/cash`."""
        return self.record.of(call)

    async def request_arrived(self, call: str, count: int = 1) -> None:
        """Returns as soon as `count` requests of this call have arrived since the start or the last reset."""
        await self.record.arrived.reach(call, count)

    async def booked(self, count: int = 1) -> None:
        """Returns as soon as the ledger has had `count` entries since the start or the last reset."""
        await self.exchange.counts.reach(BOOKED, count)

    def add_fault(self, fault: Fault | str) -> None:
        """Plans a fault, or one written as on the command line. Raises UnknownSetting."""
        self._plan([fault_from_text(fault) if isinstance(fault, str) else fault])

    def card(self, number: str) -> Card:
        """The card as it is now. Raises KeyError."""
        return self.api.state.cards[number]

    def set_card(
        self,
        number: str,
        *,
        cash_balance: int | None = None,
        bonus_balance: int | None = None,
        locked: bool | None = None,
        csc: str | None = None,
    ) -> Card:
        """Changes what is given of a card, which is made if there is none. Balances are in cents."""
        card = self.api.state.cards.get(number) or new_card(number, self.api.identifiers, self.clock.now())
        changed = replace(
            card,
            cash_balance=card.cash_balance if cash_balance is None else cash_balance,
            bonus_balance=card.bonus_balance if bonus_balance is None else bonus_balance,
            locked=card.locked if locked is None else locked,
            csc=card.csc if csc is None else csc,
        )
        self.api.put_card(changed)
        return changed

    def confirm_device(self, user_code: str) -> bool:
        """A person enters the user code of a device login; False if it is unknown or too old."""
        return self.api.logins.confirm(user_code, self.clock.now())

    def refuse_connections(self, seconds: float) -> None:
        """Refuses connections for this time, beginning now; the open ones are closed when their answers are out."""
        until = self.clock.now() + seconds
        self.network.refuse()
        self._outages.spawn(self._outage(until))

    async def _connecting(self) -> None:
        """Awaited for each new connection: where a slow TLS handshake waits."""
        seconds = sum(fault.seconds for fault in self.faults.take(CONNECT) if fault.kind is Kind.SLOW_TLS)
        await self.clock.sleep_until(self.clock.now() + seconds)

    async def reset(self) -> None:
        """As at the beginning: world, switches, faults; nothing recorded, nothing pending. Logins stay."""
        await self.exchange.forget_late()
        await self._outages.end()
        self.faults.clear()
        self.record.clear()
        self.exchange.counts.clear()
        self.api.reset(self._beginning.switches)
        self.network.accept()
        self._plan(self._beginning.faults)

    async def close(self) -> None:
        await self._outages.end()
        await self.exchange.close()
        await self.network.close()

    def _plan(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            if fault.kind is Kind.REFUSED_CONNECTION and fault.call == CONNECT:
                self.refuse_connections(fault.seconds)
            else:
                self.faults.add(fault)

    async def _outage(self, until: float) -> None:
        self.network.disconnect()
        await self.clock.sleep_until(until)
        self.network.accept()
