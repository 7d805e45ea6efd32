"""Somebody presses whatever there is to press, at any moment, in any phase: what is too late must be refused."""

import asyncio
from contextlib import suppress

from agent.card import CardNumber
from agent.checkout.events import (
    ApplyAsked,
    BasketSet,
    CancelAsked,
    CardRemoved,
    ConfirmAsked,
    PayAsked,
    Request,
    ResolveAsked,
    RetryAsked,
)
from agent.checkout.state import Basket, Checkout, Method, Phase
from agent.simulator.world import BONUS_CARD_NUMBER, CARD_NUMBER
from tests.faults.customer import NOT_KNOWN, REFUSALS
from tests.faults.machine import Machine
from tests.faults.plan import stream
from tests.faults.plan_customer import PRODUCTS
from tests.faults.world import Proof, World

PAUSE_S = (0.02, 4.0)
NAME = "Max"
SELDOM_STOOD_IN = frozenset({Phase.CONFIRMED, Phase.UNSURE, Phase.ATTENTION, Phase.RESOLVED})
"""What stands there is pressed at more often, so that each button is tried in each phase."""


class HastyHands:
    """What they do counts as done: a card that they show, an amount that they agree to, cash that they vouch for."""

    def __init__(self, world: World, machine: Machine) -> None:
        self._world = world
        self._machine = machine
        self._dice = stream(world.plan.seed, "hasty hands")

    async def work(self) -> None:
        """Press one thing after the other, until held back."""
        while True:
            await asyncio.sleep(self._dice.uniform(*PAUSE_S))
            known = list(self._world.told.values())
            if known:
                odd = [each for each in known if each.phase in SELDOM_STOOD_IN]
                checkout = self._dice.choice((*known, known[-1], known[-1], *odd * 3))
                await self._press(checkout)

    async def _press(self, checkout: Checkout) -> None:
        what = self._dice.choice(("card", "order", "order", "order", "order", "pay", "pay", "confirm", "decide"))
        if what == "card":
            await self._show_card(checkout)
        else:
            await self._ask(checkout, self._request(what, checkout))

    def _request(self, what: str, checkout: Checkout) -> Request:
        amount = checkout.amount_due if checkout.amount_due is not None else checkout.basket.sum
        if what == "pay":
            method: Method = self._dice.choice(("cash", "cashless"))
            self._world.agrees(checkout, method, amount)
            return PayAsked(method=method, amount=amount)
        if what == "confirm":
            return ConfirmAsked(amount=amount, by=NAME)
        if what == "decide":
            decisions = (RetryAsked(by=NAME), ResolveAsked(outcome="refunded", note="gave it back", by=NAME))
            return self._dice.choice(decisions)
        product = self._dice.choice(PRODUCTS)
        return self._dice.choice(
            (BasketSet(basket=Basket(products=(product,))), CardRemoved(), ApplyAsked(use_balance=True), CancelAsked())
        )

    async def _show_card(self, checkout: Checkout) -> None:
        number = self._dice.choice((CARD_NUMBER, BONUS_CARD_NUMBER))
        self._world.visit_of(checkout).cards.add(number)
        with suppress(*REFUSALS):
            await self._machine.ask(lambda till: till.set_card(checkout.id, CardNumber(number)))

    async def _ask(self, checkout: Checkout, request: Request) -> None:
        self._world.say(f"{NAME}: {checkout.merchantRef} {request!r}")
        asked = self._world.wall()
        refused: Exception | None = None
        try:
            await self._machine.ask(lambda till: till.ask(checkout.id, request))
        except REFUSALS as error:
            refused = error
            self._world.say(f"{NAME} is told: {refused!r}")
        if isinstance(request, ConfirmAsked) and (refused is None or isinstance(refused, NOT_KNOWN)):
            self._world.visit_of(checkout).proofs.append(Proof("operator", request.amount, asked))
