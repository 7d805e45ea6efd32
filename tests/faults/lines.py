"""The network between the agent and the simulated API: connections that are late, split, cut, refused. No sockets.

A connection has two ends, each an asyncio transport. What is written at one end arrives at the other in order, after a
drawn time, in one piece or several. What is on its way when a process dies still arrives; what it writes afterwards
does not leave.
"""

import asyncio
import errno
from collections import deque
from collections.abc import Callable, Iterable
from random import Random

from agent.simulator.network import Connecting, ProtocolFactory
from tests.faults.plan import Passed
from tests.faults.virtual_loop import VirtualLoop

BASE_URL = "http://127.0.0.1:8378"
SOON_S = (0.0005, 0.03)
"""A shop's line, there or back."""
LATE_S = (0.3, 4.0)
"""A line that is used by somebody else at the moment."""
APART_S = 1e-6
"""Two timers of one moment have no order; what is written first arrives first."""
OFTEN_LATE, OFTEN_SPLIT = 0.03, 0.05


class End(asyncio.Transport):
    """One end of a connection. `other` is the far end."""

    def __init__(
        self, loop: VirtualLoop, protocol: asyncio.Protocol, random: Random, passed: Passed | None = None
    ) -> None:
        super().__init__()
        self._passed = passed
        self._loop = loop
        self._protocol = protocol
        self._random = random
        self._arrives = 0.0
        self._closing = False
        self._paused = False
        self._kept: deque[Callable[[], None]] = deque()
        self.lost = False
        self.dead = False
        self.other: End

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_closed or not data:
            return
        if self._passed is not None:
            self._passed("request")
        if not self._is_closed:
            self._write(bytes(data))

    def _write(self, data: bytes) -> None:
        if self._random.random() < OFTEN_SPLIT:
            place = self._random.randrange(len(data))
            self._send(data[:place])
            data = data[place:]
        self._send(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        """What was written still arrives, and then the end of the connection."""
        if not self._closing and not self.dead:
            self._closing = True
            self._at_the_other_end(lambda: self.other.ended(None))
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        self.close()

    def die(self) -> None:
        """The process behind this end is gone; the kernel closes what it had open."""
        self.close()
        self.dead = True

    def break_off(self) -> None:
        """The line is cut: both ends learn it at once, and what is under way is lost."""
        self.breaks()
        self.other.breaks()

    def breaks(self) -> None:
        """The line of this end is cut."""
        self._closing = True
        self._loop.call_soon(self._lose, ConnectionResetError("the line is cut"))

    def ended(self, error: Exception | None) -> None:
        """The other end has closed."""
        if self._closing or self.dead:
            return
        if error is None:
            self._protocol.eof_received()
        self._closing = True
        self._lose(error)

    def is_closing(self) -> bool:
        return self._closing

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("127.0.0.1", 8378) if name == "peername" else default

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        while self._kept and not self._paused:
            self._kept.popleft()()

    def is_reading(self) -> bool:
        return not self._paused

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing ever waits to be written."""

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.Protocol:
        return self._protocol

    @property
    def _is_closed(self) -> bool:
        return self._closing or self.dead

    def connected(self) -> None:
        if not self.lost and not self.dead:
            self._protocol.connection_made(self)

    def _send(self, data: bytes) -> None:
        if data:
            self._at_the_other_end(lambda: self.other.arrived(data))

    def arrived(self, data: bytes) -> None:
        if self._paused:
            self._kept.append(lambda: self.arrived(data))
        elif not self.lost and not self._closing and not self.dead:
            if self._passed is not None:
                self._passed("answer")
            self._protocol.data_received(data)

    def _at_the_other_end(self, then: Callable[[], None]) -> None:
        seconds = LATE_S if self._random.random() < OFTEN_LATE else SOON_S
        self._arrives = max(self._arrives + APART_S, self._loop.time() + self._random.uniform(*seconds))
        self._loop.call_at(self._arrives, then)

    def _lose(self, error: Exception | None) -> None:
        if not self.lost:
            self.lost = True
            self._protocol.connection_lost(error)


class SimulatedLines:
    """The `Network` of the simulator, and the way to it for the agent's loop."""

    passed: Passed
    """Told of each piece that the agent sends (`request`) or gets (`answer`)."""

    def __init__(self, loop: VirtualLoop, random: Random) -> None:
        self._loop = loop
        self._random = random
        self._refuses = False
        self._ends: list[End] = []  # the agent's
        self._serve: ProtocolFactory
        self._connecting: Connecting
        loop.lines = self

    @property
    def base_url(self) -> str:
        return BASE_URL

    # For the simulator

    def open(self, factory: ProtocolFactory, connecting: Connecting) -> None:
        self._serve, self._connecting = factory, connecting

    def refuse(self) -> None:
        self._refuses = True

    def accept(self) -> None:
        self._refuses = False

    def disconnect(self) -> None:
        for end in self._ends:
            end.other.close()
        self._ends.clear()

    async def close(self) -> None:
        self.refuse()
        self.disconnect()

    # For the agent

    async def connect(self) -> None:
        await asyncio.sleep(self._random.uniform(*SOON_S))
        if self._refuses:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        await self._connecting()

    def connection(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        served = self._serve()
        assert isinstance(served, asyncio.Protocol)
        here = End(self._loop, protocol, self._random, self.passed)
        there = End(self._loop, served, self._random)
        here.other, there.other = there, here
        self._ends = [end for end in self._ends if not end.lost] + [here]
        there.connected()
        self._loop.call_soon(here.connected)
        return here

    # For the faults

    def process_dies(self) -> None:
        """Whoever holds the agent's ends of the connections is gone."""
        for end in self._ends:
            end.die()
        self._ends.clear()

    def cut(self) -> None:
        """Every line is cut at this moment."""
        for end in self._ends:
            end.break_off()
        self._ends.clear()
