"""The law under every setting of every switch, one at a time: the seed's checkout and a charge, by the real agent.

Whatever the documentation leaves open: executed at most once, only when confirmed, as shown; and in the end a checkout
is completed, stands under attention, or no cash was taken.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from agent.checkout.events import ApplyAsked, PayAsked
from agent.checkout.state import Basket, Checkout, Phase, Rules
from agent.simulator.server import SimulatorServer
from agent.simulator.switches import Switches
from agent.till.order import Order
from tests.till_bench import CARD, SEED, TillBench, at_work, drawer_of

LATE_WINDOW_S = 0.15
STALE_S = 0.05
RULES = Rules(late_window_s=LATE_WINDOW_S, stale_read_s=2 * STALE_S)
SECONDS = (0.0, STALE_S)
CHARGE = Order(
    basket=Basket(products=({"id": 1, "ean": "4260447149502", "desc": "Charge", "quantity": 1, "priceOne": 1500},))
)
FLOWS = {"seed": (SEED, True), "charge": (CHARGE, False)}
STOPPED = frozenset({Phase.DUE, Phase.DRAFT})
ENDED = frozenset({Phase.COMPLETED, Phase.ATTENTION, Phase.FAILED})


def settings() -> Iterator[tuple[str, object]]:
    for name, field in Switches.model_fields.items():
        for value in get_args(field.annotation) or SECONDS:
            if isinstance(value, str | float) and value != field.default:
                yield name, value


SETTINGS = list(settings())


async def played(bench: TillBench, order: Order, *, use_balance: bool) -> tuple[Checkout, int | None]:
    """Sell as a customer and a cashier do; returns the checkout at its end, and what was shown when the cash came."""
    till, heard = bench.till, bench.heard
    checkout = await till.create(order)
    await till.set_card(checkout.id, CARD)
    await heard.until(lambda: heard.checkouts[-1].asking is None)
    await till.ask(checkout.id, ApplyAsked(use_balance=use_balance))
    await heard.until(lambda: heard.checkouts[-1].phase in STOPPED)
    due = heard.checkouts[-1]
    if due.phase is Phase.DRAFT or due.amount_due is None:
        return due, None
    await till.ask(checkout.id, PayAsked(method="cash", amount=due.amount_due))
    await heard.until(lambda: till.drawer_level == "open" or heard.checkouts[-1].phase in ENDED)
    await heard.cash_awaited()
    bench.drawer.close_drawer()
    await heard.until(lambda: heard.checkouts[-1].phase in ENDED | STOPPED)
    return heard.checkouts[-1], due.amount_due


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize(("name", "value"), SETTINGS, ids=[f"{name}={value}" for name, value in SETTINGS])
async def test_the_law_holds(tmp_path: Path, name: str, value: object, flow: str) -> None:
    order, use_balance = FLOWS[flow]
    switches = Switches.model_validate({name: value})
    async with (
        SimulatorServer(switches=switches) as simulator,
        drawer_of(tmp_path) as drawer,
        at_work(tmp_path, simulator, drawer, rules=RULES) as bench,
    ):
        simulator.add_fault("start/cash:expired-token:1")
        checkout, shown = await played(bench, order, use_balance=use_balance)
    starts = [booking for booking in simulator.ledger if booking.kind == "start"]
    assert len(starts) <= 1, "executed twice"
    assert all(booking.amount == shown for booking in starts), "executed other than shown"
    if checkout.phase in STOPPED | {Phase.FAILED}:
        assert starts == []
        assert checkout.payment is None or checkout.payment.evidence is None
    else:
        assert (checkout.phase is Phase.COMPLETED) == (len(starts) == 1)


def test_every_switch_has_a_setting_here() -> None:
    assert {name for name, _ in SETTINGS} == set(Switches.model_fields)
