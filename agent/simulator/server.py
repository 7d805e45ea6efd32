"""The simulator behind a port: `async with SimulatorServer(...) as simulator`."""

from collections.abc import Iterable
from types import TracebackType

from aiohttp import web

from agent.simulator import wire
from agent.simulator.api import SimulatedApi
from agent.simulator.clock import Clock, LoopClock
from agent.simulator.control import PREFIX, Control
from agent.simulator.faults import Fault, fault_from_text
from agent.simulator.network import Network, TcpNetwork
from agent.simulator.simulator import Beginning, Simulator
from agent.simulator.switches import DEFAULT_SWITCHES, Switches
from agent.simulator.world import World


class SimulatorServer:
    """Serves the simulated API on a free port of 127.0.0.1, or on the network that is given.

    `faults` may be written as on the command line (`"start/cash:no-answer-after-executing"`). With a
    `seed` the same calls get the same ids.
    """

    def __init__(
        self,
        *,
        switches: Switches = DEFAULT_SWITCHES,
        faults: Iterable[Fault | str] = (),
        world: World | None = None,
        seed: int | None = None,
        clock: Clock | None = None,
        network: Network | None = None,
    ) -> None:
        planned = tuple(fault_from_text(fault) if isinstance(fault, str) else fault for fault in faults)
        self._beginning = Beginning(switches=switches, faults=planned)
        self._api = SimulatedApi(world=world, switches=switches, seed=seed)
        self._clock = clock
        self._network = network

    async def __aenter__(self) -> Simulator:
        network = self._network or TcpNetwork()
        self._simulator = Simulator(
            api=self._api, beginning=self._beginning, clock=self._clock or LoopClock(), network=network
        )
        self._control = Control(self._simulator)
        self._http = web.Server(self._handle, access_log=None)
        self._simulator.open(self._http)
        return self._simulator

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._simulator.close()
        await self._http.shutdown(0)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
            return await self._control.answer(request)
        try:
            if request.path == wire.PORTAL_PATH:
                return await self._simulator.exchange.at_the_portal(request)
            return await self._simulator.exchange.answer(request)
        except ConnectionError:  # the request broke off before it was whole: nothing arrived
            return wire.ClosingResponse(b"")
