"""The staff: confirms what is really in, cancels what is not, retries and resolves what needs attention."""

import asyncio

from agent.checkout.events import CancelAsked, ConfirmAsked, Request, ResolveAsked, RetryAsked
from agent.checkout.state import Checkout, Outcome, Phase
from device.interface import DrawerRefused
from tests.faults.customer import NOT_KNOWN, REFUSALS
from tests.faults.machine import Down, Machine
from tests.faults.plan import stream
from tests.faults.world import Proof, World

LOOKS_S = (8.0, 40.0)
NAME = "Erika"
OFTEN_WRONG = 0.7


class Staff:
    """One person with the operator's role, who says only what is true."""

    def __init__(self, world: World, machine: Machine) -> None:
        self._world = world
        self._machine = machine
        self._dice = stream(world.plan.seed, "staff")

    async def work(self) -> None:
        """Look at the till now and then, until sent home."""
        while True:
            await asyncio.sleep(self._dice.uniform(*LOOKS_S))
            till = self._machine.till
            for checkout in till.open_checkouts if till is not None else []:
                await self._look_at(checkout)
            if self._world.plan.reverses:
                await self._look_for_mistakes()

    async def _look_at(self, checkout: Checkout) -> None:
        if checkout.phase is Phase.ATTENTION:
            await self._decide(checkout)
        elif checkout.phase is Phase.AWAITING_CASH and checkout.payment is not None:
            await self._look_for_cash(checkout, checkout.payment.amount)

    async def _decide(self, checkout: Checkout) -> None:
        chance = self._dice.random()
        if checkout.reversal is not None:
            await self._resolves(checkout, "gave it back")
        elif chance < 0.3:
            await self._asks(checkout, RetryAsked(by=NAME))
        elif chance < 0.5:
            await self._asks(checkout, RetryAsked(by=NAME, new_transaction=True))
        elif chance < 0.6 and checkout.payment is not None:
            await self._confirms(checkout, checkout.payment.amount)
        elif chance < 0.75:
            await self._resolves(checkout, "looked it up")

    async def _resolves(self, checkout: Checkout, note: str) -> None:
        """What the merchant's portal shows is executed; else the cash is given back, or it had never been there."""
        kind = "start" if checkout.reversal is None else checkout.reversal.call
        found = any(
            booking.merchantRef == checkout.merchantRef and booking.kind == kind
            for booking in self._world.simulator.ledger
        )
        outcome: Outcome = "executed" if found else self._dice.choice(("not_executed", "refunded"))
        await self._asks(checkout, ResolveAsked(outcome=outcome, note=note, by=NAME))

    async def _look_for_cash(self, checkout: Checkout, amount: int) -> None:
        chance = self._dice.random()
        if chance < 0.5:
            await self._confirms(checkout, amount)
        elif chance < 0.65:
            await self._open_again(checkout)
        elif chance < 0.85:
            await self._asks(checkout, CancelAsked())

    async def _open_again(self, checkout: Checkout) -> None:
        self._world.say(f"{NAME} asks for the drawer")
        visit = self._world.visits[checkout.merchantRef or ""]
        visit.pulses_asked += 1
        self._world.openings_asked += 1
        try:
            await self._machine.ask(lambda till: till.open_drawer("the drawer did not open", NAME))
        except (*REFUSALS, DrawerRefused) as refused:
            self._world.say(f"{NAME} is told: {refused!r}")
            if not isinstance(refused, Down):
                visit.pulses_asked -= 1
                self._world.openings_asked -= 1

    async def _look_for_mistakes(self) -> None:
        """Take back what should not have been sold; sometimes with the drawer, to give the cash back."""
        completed = [each for each in self._world.told.values() if each.phase is Phase.COMPLETED and not each.reversal]
        for checkout in completed:
            if self._dice.random() < OFTEN_WRONG:
                await self._takes_back(checkout, open_drawer=self._dice.random() < 0.3)

    async def _takes_back(self, checkout: Checkout, *, open_drawer: bool) -> None:
        self._world.say(f"{NAME} takes {checkout.merchantRef} back")
        visit = self._world.visits[checkout.merchantRef or ""]
        visit.taken_back_asked += 1
        self._world.openings_asked += open_drawer
        try:
            await self._machine.ask(
                lambda till: till.reverse(checkout.id, reason="a mistake", by=NAME, open_drawer=open_drawer)
            )
        except REFUSALS as refused:
            self._world.say(f"{NAME} is told: {refused!r}")
            if not isinstance(refused, NOT_KNOWN):
                visit.taken_back_asked -= 1
                self._world.openings_asked -= open_drawer

    async def _confirms(self, checkout: Checkout, amount: int) -> None:
        """Count the cash, have what is missing or too much put right, and say that it is in."""
        proof = Proof("operator", amount, self._world.wall())
        proofs = self._world.visits[checkout.merchantRef or ""].proofs
        proofs.append(proof)  # first: she may be sent home while she says so
        if not await self._asks(checkout, ConfirmAsked(amount=amount, by=NAME)):
            proofs.remove(proof)

    async def _asks(self, checkout: Checkout, request: Request) -> bool:
        """Say whether it was done, as far as anybody knows."""
        self._world.say(f"{NAME}: {checkout.merchantRef} {request!r}")
        try:
            await self._machine.ask(lambda till: till.ask(checkout.id, request))
        except REFUSALS as refused:
            self._world.say(f"{NAME} is told: {refused!r}")
            return isinstance(refused, NOT_KNOWN)
        return True
