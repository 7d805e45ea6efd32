"""Runs one seed, from the first customer to the judgement."""

import asyncio
import gc
import logging
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from traceback import format_exception

import aiohttp.connector

from agent.checkout.effects import Effect
from agent.checkout.events import Event
from agent.checkout.state import Checkout, Phase, Situation
from agent.checkout.step import step
from agent.journal.journal import FILE_NAME
from agent.simulator.api import SimulatedApi
from agent.simulator.clock import LoopClock
from agent.simulator.faults import CONNECT
from agent.simulator.simulator import Beginning, Simulator
from agent.simulator.tasks import Tasks
from agent.smart.credentials import CredentialStore
from agent.till import journal_first, requests
from tests.faults.api_server import ApiConnection
from tests.faults.coverage import Coverage
from tests.faults.customer import CustomerAtScreen
from tests.faults.disk import Condition, Disk
from tests.faults.drawer import Drawer
from tests.faults.happenings import happenings
from tests.faults.hasty_hands import HastyHands
from tests.faults.law import judge
from tests.faults.lines import SimulatedLines
from tests.faults.logins import log_in_by
from tests.faults.machine import Machine
from tests.faults.plan import LATE_WINDOW_S, Plan, draw, stream
from tests.faults.staff import Staff
from tests.faults.state_directory import state_directory
from tests.faults.system_calls import through
from tests.faults.virtual_loop import VirtualLoop, run
from tests.faults.world import EPOCH, Breach, World, Wrong

QUIET_AFTER_S = 1800.0
"""So long after the last fault everything must have come to its end, or to a person."""
LOOKS_S = 20.0
BUSY = frozenset({Phase.APPLYING, Phase.STARTING, Phase.UNSURE, Phase.CONFIRMED})

Tell = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one seed."""

    seed: int
    broken: tuple[Wrong, ...]
    lasted_s: float
    bookings: int
    is_whole: bool  # at least two checkouts began, and one fault struck or one life was ended


def simulate(seed: int, coverage: Coverage, tell: Tell = lambda _at, _text: None) -> Outcome:
    """Run this seed. The same seed gives the same run; `tell` gets its story, line by line.

    What nobody in the run takes for an answer is a breach as well, so that it is counted and the next seed is run.
    """
    plan = draw(seed)
    coverage.switches(plan.switches)
    random.seed(seed)  # the pauses between two logins
    with state_directory() as directory:
        disk = Disk(directory / FILE_NAME, seed)
        with _observed(coverage), through(disk):
            try:
                return run(lambda loop: _run(loop, plan, disk, coverage, tell))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this seed's
                tell(0.0, "".join(format_exception(error)))
                return Outcome(seed, (Wrong(Breach.ENDED, f"the run broke off: {error!r}"),), 0.0, 0, is_whole=False)


def quietly() -> None:
    """For thousands of runs in one process: no log, and no garbage collection while one goes on."""
    logging.disable(logging.CRITICAL)
    gc.disable()
    gc.freeze()


def _world(loop: VirtualLoop, plan: Plan, disk: Disk, coverage: Coverage, tell: Tell) -> World:
    lines = SimulatedLines(loop, stream(plan.seed, "lines"))
    simulator = Simulator(
        api=SimulatedApi(switches=plan.switches, seed=plan.seed),
        beginning=Beginning(switches=plan.switches, faults=plan.faults),
        clock=LoopClock(EPOCH),
        network=lines,
    )
    world = World(plan, loop, simulator, lines, disk, coverage, tell)
    loop.set_exception_handler(lambda _loop, context: _went_wrong(world, context))
    return world


def _went_wrong(world: World, context: dict[str, object]) -> None:
    """A callback that fails is a mistake, of ours or of the agent; what only nobody waited for is no more than told."""
    if "handle" in context:
        world.wrong(Breach.ENDED, f"{context['message']}: {context.get('exception')!r}")
    else:
        world.say(f"asyncio: {context['message']}")


async def _run(loop: VirtualLoop, plan: Plan, disk: Disk, coverage: Coverage, tell: Tell) -> Outcome:
    world = _world(loop, plan, disk, coverage, tell)
    aiohttp.connector.monotonic = world.loop.time  # type: ignore[attr-defined]  # how old a pooled connection is
    simulator, serving = world.simulator, Tasks()
    simulator.open(lambda: ApiConnection(simulator.exchange, serving))
    drawer = Drawer(world)
    credentials = CredentialStore(disk.journal.parent)
    machine = Machine(world, drawer, await log_in_by(world, credentials), credentials)
    world.lines.passed = drawer.passed = machine.passed
    await _play(world, machine, drawer)
    await serving.end()
    await simulator.close()
    for request in simulator.requests:
        for kind in request.faults:
            world.coverage.fault(request.call, kind)
            world.struck += 1
    sales = sum(checkout.reversal is None for checkout in world.told.values())
    is_whole = sales >= 2 and world.struck > 0
    return Outcome(world.plan.seed, tuple(world.broken), world.now, len(simulator.ledger), is_whole)


async def _play(world: World, machine: Machine, drawer: Drawer) -> None:
    running = asyncio.create_task(machine.run())
    acting = [asyncio.create_task(act) for act in _actors(world, machine, drawer)]
    for customer in world.plan.customers:
        await CustomerAtScreen(world, machine, drawer, customer).visit()
    for actor in acting:
        actor.cancel()
    await asyncio.wait(acting)
    await _until_quiet(world, machine)
    await _judge(world, machine)
    running.cancel()
    await asyncio.wait([running])
    if not running.cancelled() and (error := running.exception()) is not None:
        raise error


def _actors(world: World, machine: Machine, drawer: Drawer) -> Iterator[Coroutine[None, None, None]]:
    yield Staff(world, machine).work()
    if world.plan.hasty_hands:
        yield HastyHands(world, machine).work()
    yield from happenings(world, drawer)


async def _until_quiet(world: World, machine: Machine) -> None:
    """No fault any more; everything comes to its end, and what is late comes late."""
    world.say("from here on nothing fails")
    machine.calm()
    _count_slow_connections(world)
    world.simulator.faults.clear()
    world.disk.becomes(Condition.WORKS)
    await asyncio.sleep(LATE_WINDOW_S + LOOKS_S)
    looks = range(int(QUIET_AFTER_S / LOOKS_S))
    for _ in looks:
        if not _is_busy(machine):
            break
        await asyncio.sleep(LOOKS_S)
    await asyncio.sleep(LATE_WINDOW_S + LOOKS_S)


def _count_slow_connections(world: World) -> None:
    """A fault of the connection stands in no request."""
    for fault in world.plan.faults:
        if fault.call == CONNECT and fault not in world.simulator.faults.left:
            world.coverage.fault(CONNECT, fault.kind)
            world.struck += 1


def _is_busy(machine: Machine) -> bool:
    till = machine.till
    return till is None or any(checkout.phase in BUSY for checkout in till.open_checkouts)


async def _judge(world: World, machine: Machine) -> None:
    if machine.till is None:
        world.wrong(Breach.ENDED, "the agent is not there at the end")
        return
    checkouts = await machine.ask(lambda till: till.lookup.checkouts(None, limit=1000, before=None))
    judge(world, checkouts, [each for each in machine.directory.iterdir() if each.is_file()])


@contextmanager
def _observed(coverage: Coverage) -> Iterator[None]:
    """Count what the table is asked."""

    def counted(checkout: Checkout, event: Event, situation: Situation) -> tuple[Checkout, tuple[Effect, ...]]:
        coverage.event(checkout.phase, type(event))
        return step(checkout, event, situation)

    for module in (journal_first, requests):
        module.step = counted  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in (journal_first, requests):
            module.step = step  # type: ignore[attr-defined]
