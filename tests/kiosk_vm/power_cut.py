"""Aimed power cuts: the current is cut between the byte that closes the drawer and 50 ms after `start/cash` arrived.

Then the kiosk is switched on again, and the law is checked against the simulator's ledger: executed at most once, as
shown, and only what was confirmed; what was confirmed is executed or stands under *needs attention*. The odd seeds cut
the current of a machine alone; in the even ones its disk forgets as well what was not flushed. One seed decides a cut,
as far as an emulated machine on a busy host obeys.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiohttp

from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.simulator.simulator import Simulator
from tests.kiosk_vm.forgetful_disk import ForgetfulDisk, forgetful_disk
from tests.kiosk_vm.image import Image
from tests.kiosk_vm.kiosk import CASH_DUE, SETTLED_S, Kiosk, Screen, around, switched_on
from tests.kiosk_vm.machine import Saved
from tests.kiosk_vm.within import within

START = "start/cash"
AFTER_REQUEST_S = 0.05
WHILE_WRITTEN_S = 1.0
"""From the closing byte to the request an emulated machine needs about so long."""
MOST_FLUSHES = 3
"""The confirmation is durable by then, and the next entry, too."""
ATTEMPTS = 3
"""To come to the moment of one cut: a busy host loses keys, or lets the system inside stand still for minutes."""
MONEY_WAS_TAKEN = frozenset({"confirmed", "starting", "unsure", "completed", "attention"})
"""Phases in which a screen has been told that the cash was confirmed."""


Moment = Literal["closing", "before flush", "after flush", "request"]
_MOMENTS: tuple[Moment, ...] = ("closing", "before flush", "after flush", "request", "request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """When the current is cut, and what the disk does then. The request's moment comes first where it is sooner."""

    at: Moment
    flush: int
    delay_s: float
    forgets: bool

    def __str__(self) -> str:
        when = f"{self.at} {self.flush}" if "flush" in self.at else f"{self.at} + {self.delay_s * 1000:.0f} ms"
        return f"{when}{', the disk forgets' if self.forgets else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One cut as it went: what was known outside when it came, and how the payment stood afterwards."""

    seed: int
    aim: Aim
    told: tuple[str, ...]
    had_arrived: bool
    phase: str
    amounts_before_a_person: tuple[int, ...]
    amounts: tuple[int, ...]

    def __str__(self) -> str:
        arrived = "sent" if self.had_arrived else "not sent"
        return f"{self.seed}: {self.aim}: told {self.told[-1]}, {arrived}; then {self.phase}, executed {self.amounts}"


class NeverCutError(Exception):
    """Something failed before the current was cut, so this was no cut. The text says what, and the machine's end."""


def aimed(seed: int) -> Aim:
    """Draw an aim."""
    dice = random.Random(seed)  # noqa: S311 - a cut can be repeated
    at = dice.choice(_MOMENTS)
    longest_s = AFTER_REQUEST_S if at == "request" else WHILE_WRITTEN_S
    return Aim(
        at=at,
        flush=dice.randint(1, MOST_FLUSHES),
        delay_s=dice.uniform(0, longest_s),
        forgets=seed % 2 == 0,
    )


def broken(cut: Cut) -> list[str]:
    """Say what of the law this cut broke."""
    was_taken = cut.had_arrived or bool(MONEY_WAS_TAKEN.intersection(cut.told))
    rules = {
        "executed more than once": len(cut.amounts) > 1,
        "executed other than shown": any(amount != CASH_DUE for amount in cut.amounts),
        "a confirmed payment was lost": was_taken and cut.phase not in {"completed", "attention"},
        "executed without a confirmation": cut.phase == "awaiting_cash" and bool(cut.amounts_before_a_person),
        "completed and not executed": cut.phase == "completed" and not cut.amounts_before_a_person,
        "confirmed by a person and not executed": cut.phase != "attention" and not cut.amounts,
    }
    return [rule for rule, is_broken in rules.items() if is_broken]


async def cut_at_last(attempt: Callable[[], Awaitable[Cut]], missed: Callable[[NeverCutError], None]) -> Cut:
    """Attempt one cut until its moment comes; attempts in which it did not are told. Raises the last NeverCutError."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await attempt()
        except NeverCutError as error:
            missed(error)
    return await attempt()


async def cut_power(seed: int, folder: Path, base: Image, saved: Saved) -> Cut:
    """Sell, cut the current, switch on again, and look. Raises NeverCutError."""
    aim = aimed(seed)
    async with around(folder) as outside, forgetful_disk(saved.disk, folder / "disk.sock") as disk:
        try:
            async with switched_on(folder, base, disk.as_drive, outside, saved.memory) as box:
                checkout_id, told = await _until_the_cut(box, disk, aim)
        except Exception as error:
            raise NeverCutError("\n".join((repr(error), *getattr(error, "__notes__", ())))) from error
        had_arrived = bool(outside.simulator.requests_of(START))
        if aim.forgets:
            disk.forget()
        disk.start_again()
        async with switched_on(folder, base, disk.as_drive, outside) as box:
            phase, before = await _afterwards(box, checkout_id)
        return Cut(
            seed=seed,
            aim=aim,
            told=told,
            had_arrived=had_arrived,
            phase=phase,
            amounts_before_a_person=before,
            amounts=_amounts(outside.simulator),
        )


def _amounts(simulator: Simulator) -> tuple[int, ...]:
    return tuple(booking.amount for booking in simulator.ledger)


async def _until_the_cut(box: Kiosk, disk: ForgetfulDisk, aim: Aim) -> tuple[str, tuple[str, ...]]:
    async with box.screen() as screen:
        checkout_id = await box.until_cash(screen)
        await box.put_money_in(screen)
        told: list[str] = ["awaiting_cash"]
        watching = asyncio.create_task(_watch(screen, told))
        if "flush" in aim.at:
            disk.stop_at_flush(aim.flush, before=aim.at == "before flush")
        box.drawer.close_drawer()
        async with within(SETTLED_S, lambda: f"the moment to cut: {aim}"):
            await _first(_moment(box.simulator, disk, aim), _request(box.simulator, AFTER_REQUEST_S))
        await box.machine.cut_power()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    return checkout_id, tuple(told)


async def _watch(screen: Screen, told: list[str]) -> None:
    """Note what a screen is told."""
    with suppress(aiohttp.ClientError):
        async with aclosing(screen.client.events()) as events:
            async for event in events:
                told += [event.data.phase] if isinstance(event.data, CheckoutAnswer) else []


async def _moment(simulator: Simulator, disk: ForgetfulDisk, aim: Aim) -> None:
    match aim.at:
        case "closing":
            await asyncio.sleep(aim.delay_s)
        case "request":
            await _request(simulator, aim.delay_s)
        case "before flush" | "after flush":
            await disk.stopped()


async def _request(simulator: Simulator, delay_s: float) -> None:
    await simulator.request_arrived(START)
    await asyncio.sleep(delay_s)


async def _first(*waits: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _afterwards(box: Kiosk, checkout_id: str) -> tuple[str, tuple[int, ...]]:
    """Wait until the payment stands still; where a person has to say that the cash is in, let one say so."""
    async with box.screen("operator") as operator:
        seen = await operator.until(checkout_id, _stands_still, "a payment that stands still")
        before = _amounts(box.simulator)
        if seen.phase == "awaiting_cash":
            await operator.client.confirm(checkout_id, CASH_DUE, by="Eva")
            await operator.phase(checkout_id, "completed")
    return seen.phase, before


def _stands_still(seen: CheckoutAnswer) -> bool:
    return seen.interrupted if seen.phase == "awaiting_cash" else seen.phase in {"completed", "attention"}
