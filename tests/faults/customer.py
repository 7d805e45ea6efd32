"""A customer with a screen in front of them: chooses, repeats, changes their mind, pays, walks away."""

import asyncio
from collections.abc import Awaitable, Callable

from agent.card import CardNumber
from agent.checkout.events import ApplyAsked, BasketSet, CancelAsked, CardRemoved, PayAsked, Request
from agent.checkout.state import Basket, Checkout, HandedOver, Phase
from agent.checkout.step import NotAllowed
from agent.journal.errors import NotWritten
from agent.journal.records import IdempotencyKey
from agent.till.inbox import Overloaded
from agent.till.order import Order
from agent.till.refusals import AnotherIsActive, HandedOverAlready, KeyReused, NoSuchCheckout
from agent.till.till import Till
from device.interface import Scan
from tests.faults.drawer import Drawer
from tests.faults.happenings import outage, spend_elsewhere
from tests.faults.machine import Down, Machine
from tests.faults.plan import stream
from tests.faults.plan_customer import CHARGE, Customer
from tests.faults.register import hand_over
from tests.faults.world import Breach, World

LOOKS_AGAIN_S = 7.0
"""A customer looks at the screen that often, also when nothing changes."""
MOST_LOOKS = 40
PATIENCE = 4
"""So often a customer tries what the till or the API refuses, and then gives up."""
REFUSALS = (NotAllowed, AnotherIsActive, HandedOverAlready, KeyReused, NotWritten, Overloaded, NoSuchCheckout, Down)
NOT_KNOWN = (NotWritten, Down)
"""Of these: whether it was done. What the disk refused to confirm may be there after a restart all the same."""
OVER = frozenset({Phase.CONFIRMED, Phase.ATTENTION, Phase.UNSURE})


class CustomerAtScreen:
    """One visit."""

    def __init__(self, world: World, machine: Machine, drawer: Drawer, customer: Customer) -> None:
        self._world = world
        self._machine = machine
        self._drawer = drawer
        self._customer = customer
        self._dice = stream(world.plan.seed, f"customer {customer.ref}")
        self._visit = world.visits[customer.ref]
        self._order: Order | HandedOver | None = None
        self._basket: Basket = customer.basket
        self._id: str | None = None
        self._done: set[str] = set()
        self._refused = 0

    async def visit(self) -> None:
        """From the first product to the end, or until patience ends."""
        await asyncio.sleep(self._customer.arrives_s)
        self._world.say(f"{self._customer.ref} arrives")
        self._drawer.closes_s = self._customer.closes_s
        self._drawer.customer_is_there = True
        try:
            await self._looks()
            if self._customer.handed_over is not None and await self._is_handed_over_again():
                await self._looks()
        finally:
            self._drawer.customer_is_there = False
        self._world.say(f"{self._customer.ref} leaves")

    async def _looks(self) -> None:
        for _ in range(MOST_LOOKS):
            if await self._goes():
                break

    async def _is_handed_over_again(self) -> bool:
        """The register hands over once more what is over by then; say whether another checkout came of it."""
        dice, order, before = stream(self._world.plan.seed, f"again {self._customer.ref}"), self._order, self._id
        if order is None or before is None or dice.random() < 0.5:
            return False
        await asyncio.sleep(dice.uniform(0.0, 4.0))
        again = await self._tries("is handed over again", lambda till: till.create(order))
        if again is None or again.id == before:
            return False
        self._id = again.id
        self._done.clear()
        return True

    async def _goes(self) -> bool:
        """Look at the screen, do one thing; say whether this was the last."""
        checkout = await self._look()
        await asyncio.sleep(self._dice.uniform(*self._customer.thinks_s))
        if checkout is not None:
            if checkout.final or checkout.phase in OVER or checkout.phase.value == self._customer.leaves_in:
                return True
            await self._act(checkout)
        await self._machine.news(LOOKS_AGAIN_S)
        return False

    async def _look(self) -> Checkout | None:
        """What the screen shows; a first order, as long as there is none."""
        if self._id is None:
            return await self._begins()
        checkout_id = self._id
        try:
            return await self._machine.ask(lambda till: till.lookup.find(checkout_id))
        except NoSuchCheckout:
            self._world.wrong(Breach.LOST, f"{self._customer.ref} is not known any more")
        except REFUSALS:
            pass
        return None

    async def _begins(self) -> Checkout | None:
        order = self._order = self._order or self._new_order()
        key = IdempotencyKey(key=self._customer.ref, digest="d")
        made = await self._tries("begins", lambda till: till.create(order, key))
        if made is not None:
            self._id = made.id
        elif (till := self._machine.till) is not None and till.active is not None and not self._once("begins"):
            await self._asks_about(till.active.id, CancelAsked())  # what somebody left on the screen
        return made

    def _new_order(self) -> Order | HandedOver:
        customer = self._customer
        if customer.handed_over is None:
            return Order(basket=customer.basket, merchantRef=customer.ref)
        return hand_over(self._world, customer)

    async def _act(self, checkout: Checkout) -> None:
        if checkout.phase.value == self._customer.spends_elsewhere_in and self._customer.card and self._once("spends"):
            spend_elsewhere(self._world, self._customer.card)
        if checkout.phase.value == self._customer.loses_api_in and self._once("loses the API"):
            outage(self._world, self._dice.uniform(2.0, 40.0))
        if checkout.phase.value == self._customer.cancels_in and self._once("cancel"):
            await self._asks(CancelAsked())
            return
        match checkout.phase:
            case Phase.DRAFT:
                await self._in_draft(checkout)
            case Phase.DUE:
                await self._in_due(checkout)
            case Phase.AWAITING_CASH:
                await self._at_the_drawer(checkout)
            case _:
                pass

    async def _in_draft(self, checkout: Checkout) -> None:
        customer = self._customer
        if customer.changes_in == "draft" and self._once("change"):
            self._basket = customer.other_basket
            await self._asks(BasketSet(basket=self._basket))
        elif customer.card is not None and checkout.card is None and self._once("card"):
            await self._shows_card(customer.card)
        elif customer.other_card is not None and self._once("other card"):
            await self._shows_card(customer.other_card)
        elif customer.pays_at_once or checkout.reason in {"offline", "no_answer"}:
            await self._pays(checkout, checkout.basket.sum)
        else:
            await self._applies(checkout)

    async def _applies(self, checkout: Checkout) -> None:
        self._refused += checkout.reason is not None
        if self._refused > PATIENCE:
            await self._asks(CancelAsked())
        else:
            wants_balance = self._customer.uses_balance and CHARGE not in checkout.basket.products
            await self._asks(ApplyAsked(use_balance=wants_balance and checkout.card is not None))

    async def _in_due(self, checkout: Checkout) -> None:
        if self._customer.changes_in == "due" and self._once("change"):
            if checkout.card is not None and self._dice.random() < 0.5:
                await self._asks(CardRemoved())
            else:
                self._basket = self._customer.other_basket
                await self._asks(BasketSet(basket=self._basket))
        elif checkout.amount_due is not None:
            await self._pays(checkout, checkout.amount_due)

    async def _pays(self, checkout: Checkout, amount: int) -> None:
        method = self._customer.method
        self._world.agrees(checkout, method, amount)
        refused = await self._asks(PayAsked(method=method, amount=amount))
        self._refused += refused
        if self._customer.regrets or self._refused > PATIENCE:  # the till takes no cash now, or not this
            await self._asks(CancelAsked())

    async def _at_the_drawer(self, checkout: Checkout) -> None:
        rules = self._world.plan.drawer
        if "paid-message" in rules.confirmed_by and self._once("pays at the machine"):
            await asyncio.sleep(self._dice.uniform(0.5, 4.0))
            self._drawer.pays_at_the_machine(other_amount=self._dice.random() < 0.1)
        elif rules.opened_by == "register" and self._dice.random() < 0.7:
            self._drawer.register_opens()
        elif self._customer.repeats and checkout.payment is not None:
            await self._asks(PayAsked(method=checkout.payment.method, amount=checkout.payment.amount))

    async def _shows_card(self, number: str) -> None:
        self._visit.cards.add(number)
        card = CardNumber(number)
        if self._dice.random() < 0.7:
            self._scans(number)
        elif (checkout_id := self._id) is not None:
            await self._tries("types a card", lambda till: till.set_card(checkout_id, card))

    def _scans(self, number: str) -> None:
        till = self._machine.till
        if till is None:
            return
        self._world.say(f"{self._customer.ref} scans a card that ends in {number[-4:]}")
        for _ in range(self._times()):
            till.report(Scan(scanner="counter", text=number, at=self._world.now))

    async def _asks(self, request: Request) -> bool:
        """Ask for something, perhaps twice; say whether it was refused."""
        assert self._id is not None
        return await self._asks_about(self._id, request)

    async def _asks_about(self, checkout_id: str, request: Request) -> bool:
        asked = [self._tries(repr(request), lambda till: till.ask(checkout_id, request)) for _ in range(self._times())]
        return (await asyncio.gather(*asked))[0] is None

    async def _tries(self, what: str, call: Callable[[Till], Awaitable[Checkout]]) -> Checkout | None:
        self._world.say(f"{self._customer.ref}: {what}")
        try:
            return await self._machine.ask(call)
        except REFUSALS as refused:
            self._world.say(f"{self._customer.ref} is told: {type(refused).__name__} {refused}")
            return None

    def _times(self) -> int:
        return 2 if self._dice.random() < self._customer.repeats else 1

    def _once(self, what: str) -> bool:
        is_first = what not in self._done
        self._done.add(what)
        return is_first
