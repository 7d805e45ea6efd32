"""The Smart Transactions API, simulated from its documentation.

Used without the agent: as the process `tillwire simulator` (docs/simulator.md), in a test as
`async with SimulatorServer() as simulator`, or as the pure `SimulatedApi` where a test owns clock and network.
It shares nothing with the agent's client of the API, so that one mistake is not made twice.
"""

from agent.simulator.api import SimulatedApi
from agent.simulator.clock import Clock, LoopClock, ManualClock
from agent.simulator.faults import Fault, Kind
from agent.simulator.ledger import Booking
from agent.simulator.messages import Answer, Request
from agent.simulator.network import Network, TcpNetwork
from agent.simulator.record import RecordedRequest
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from agent.simulator.switches import Switches
from agent.simulator.world import (
    BONUS_CARD_NUMBER,
    CARD_CSC,
    CARD_NUMBER,
    CLIENT_ID,
    CLIENT_SECRET,
    DEVICE_UUID,
    LOCKED_CARD_NUMBER,
    ONLY_BONUS_CARD_NUMBER,
    World,
    default_world,
)

__all__ = [
    "BONUS_CARD_NUMBER",
    "CARD_CSC",
    "CARD_NUMBER",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "DEVICE_UUID",
    "LOCKED_CARD_NUMBER",
    "ONLY_BONUS_CARD_NUMBER",
    "Answer",
    "Booking",
    "Clock",
    "Fault",
    "Kind",
    "LoopClock",
    "ManualClock",
    "Network",
    "RecordedRequest",
    "Request",
    "SimulatedApi",
    "Simulator",
    "SimulatorServer",
    "Switches",
    "TcpNetwork",
    "World",
    "default_world",
]
