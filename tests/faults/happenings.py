"""What happens around the till at planned times: outages, cuts, cables, keys, disks, other tills."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial

from tests.faults.disk import Condition
from tests.faults.drawer import Drawer
from tests.faults.world import EPOCH, World

Happening = Coroutine[None, None, None]


def happenings(world: World, drawer: Drawer) -> Iterator[Happening]:
    """Everything that the plan lets happen by itself."""
    plan = world.plan
    for at, seconds in plan.outages:
        yield _at(at, partial(outage, world, seconds))
    for at in plan.cuts:
        yield _at(at, partial(_cut, world))
    for at, seconds in plan.drawer_lost:
        yield _then(at, partial(drawer.is_lost, seconds))
    for at in plan.key_turned:
        yield _then(at, drawer.key)
    for at in plan.expires:
        yield _at(at, partial(_expire_tokens, world))
    for at, seconds in plan.device_removed:
        yield _then(at, partial(_device_is_removed, world, seconds))
    for trouble in plan.troubles:
        yield _at(trouble.at, partial(_disk_becomes, world, trouble.condition, trouble.room))
        yield _at(trouble.at + trouble.seconds, partial(_disk_becomes, world, Condition.WORKS, 0))
    for customer in plan.customers:
        if customer.spends_elsewhere_s is not None and customer.card is not None:
            yield _at(customer.spends_elsewhere_s, partial(spend_elsewhere, world, customer.card))


async def _at(at: float, act: Callable[[], None]) -> None:
    await asyncio.sleep(at)
    act()


async def _then(at: float, act: Callable[[], Happening]) -> None:
    await asyncio.sleep(at)
    await act()


def outage(world: World, seconds: float) -> None:
    """Nobody can connect to the API for so long."""
    world.say(f"the API can't be reached for {seconds:.1f} s")
    world.simulator.refuse_connections(seconds)


def _cut(world: World) -> None:
    world.say("all lines to the API are cut")
    world.lines.cut()


def _disk_becomes(world: World, condition: Condition, room: int) -> None:
    world.say(f"the disk: {condition.name.lower()}, room {room}")
    world.disk.becomes(condition, room)


def _expire_tokens(world: World) -> None:
    world.say("the server forgets its tokens")
    logins = world.simulator.api.logins
    for token in list(logins.sessions):
        logins.expire(token, EPOCH + world.now)


async def _device_is_removed(world: World, seconds: float) -> None:
    """Somebody removes the till's device in the merchant's portal by mistake, and it is given back."""
    world.say(f"the API does not know the till's device for {seconds:.1f} s")
    logins = world.simulator.api.logins
    pairings, pins = dict(logins.pairings), dict(logins.device_pins)
    logins.remove_devices()
    try:
        await asyncio.sleep(seconds)
    finally:
        logins.pairings |= pairings
        logins.device_pins |= pins


def spend_elsewhere(world: World, number: str) -> None:
    """Somebody else with this card is at another till."""
    card = world.simulator.api.state.cards.get(number)
    if card is None:
        return
    world.say(f"half of the card that ends in {number[-4:]} is spent at another till")
    world.simulator.set_card(number, cash_balance=card.cash_balance // 2)
    world.spent_elsewhere.add(number)
