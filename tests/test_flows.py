"""Every flow of the reference (smart-api 8, B to M) as a checkout: the real till, simulator, journal and drawer."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from agent.checkout.events import ApplyAsked, CancelAsked, CardSet, ConfirmAsked, PayAsked, Request
from agent.checkout.state import Basket, Checkout, HandedOver, Method, Phase, Rules
from agent.checkout.step import BACKGROUND_AFTER_S, NotAllowed
from agent.journal.errors import NotWritten
from agent.kiosk.roles import Role
from agent.kiosk.view import checkout_answer
from agent.simulator import CLIENT_ID, CLIENT_SECRET, SimulatorServer
from agent.simulator.switches import Switches
from agent.smart.errors import NotSent, Unknown
from agent.smart.transport import Timeouts
from agent.till.connection import LONGEST_PAUSE_S
from agent.till.order import Order
from agent.till.refusals import HandedOverAlready, TerminalBusy
from agent.till.terminal_desk import LEAVES_AFTER, EndOfDayAnswered
from config.settings import LONGEST_TIMEOUT_S
from tests.moved_clock import LONG_S, MovedClock
from tests.till_bench import CARD, SEED, TillBench, at_work, drawer_of, whole_till

FORGIVEN_AFTER = 1000
"""Entries after which a clock that once ran ahead is forgiven."""
QUICK = Rules(late_window_s=0.2, stale_read_s=0.0)
CHARGE_LINE: dict[str, object] = {
    "id": 1,
    "ean": "4260447149502",
    "articleNumber": None,
    "desc": "Kartenaufladung 15 EUR",
    "quantity": 1,
    "priceOne": 1500,
    "tax": 7,
}
CHARGE = Order(basket=Basket(products=(CHARGE_LINE,)))
DISCHARGE_LINE = CHARGE_LINE | {"ean": "4260447149533", "desc": "Auszahlung", "priceOne": 300, "tax": 0}
DISCHARGE = Order(basket=Basket(products=(DISCHARGE_LINE,)))
FREE = Order(basket=Basket(products=(SEED.basket.products[0] | {"priceOne": 0},)))
MIXED = Order(basket=Basket(products=(*SEED.basket.products, CHARGE_LINE | {"id": 4, "ean": "4260447149519"})))
LOCKED_NUMBER = "9276004429999952"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TillBench]:
    async with whole_till(tmp_path, rules=QUICK) as bench:
        yield bench


async def cash_in(bench: TillBench) -> Checkout:
    await bench.heard.drawer_event("opened")
    bench.drawer.close_drawer()
    return await bench.heard.phase(Phase.COMPLETED)


async def shown(bench: TillBench, order: Order, *, card: bool, use_balance: bool = False) -> Checkout:
    """Bring a sale to the amount due."""
    checkout = await bench.till.create(order)
    if card:
        await bench.till.set_card(checkout.id, CARD)
    await bench.till.ask(checkout.id, ApplyAsked(use_balance=use_balance))
    return await bench.heard.phase(Phase.DUE)


async def pay(bench: TillBench, checkout: Checkout, method: Method = "cash") -> None:
    assert checkout.amount_due is not None
    await bench.till.ask(checkout.id, PayAsked(method=method, amount=checkout.amount_due))


async def sold(bench: TillBench, method: Method = "cash") -> Checkout:
    await pay(bench, await shown(bench, SEED, card=True, use_balance=True), method)
    return await cash_in(bench) if method == "cash" else await bench.heard.phase(Phase.COMPLETED)


def booked(bench: TillBench) -> list[tuple[str, str, int, int]]:
    return [(each.kind, each.method, each.sum, each.amount) for each in bench.simulator.ledger]


# B to H


async def test_b_points_are_collected_and_no_balance_is_used(bench: TillBench) -> None:
    await pay(bench, await shown(bench, SEED, card=True))
    await cash_in(bench)
    assert booked(bench) == [("start", "cash", 796, 796)]
    assert bench.simulator.ledger[0].card == CARD.value
    assert bench.simulator.requests_of("preTransaction") == []
    assert bench.simulator.card(CARD.value).cash_balance == 500


@pytest.mark.parametrize("method", ["loyalty", "cash", "cashless"])
async def test_c_a_card_that_covers_all_pays_by_itself_whatever_the_method(bench: TillBench, method: Method) -> None:
    bench.simulator.set_card(CARD.value, cash_balance=800)
    await pay(bench, await shown(bench, SEED, card=True, use_balance=True), method)
    await bench.heard.phase(Phase.COMPLETED)
    assert booked(bench) == [("start", "loyalty", 796, 0)]
    assert bench.drawer.pulses == 0


async def test_d_card_and_cash(bench: TillBench) -> None:
    await sold(bench)
    assert booked(bench) == [("start", "cash", 796, 296)]


async def test_e_card_and_terminal(bench: TillBench) -> None:
    done = await sold(bench, "cashless")
    assert booked(bench) == [("start", "cashless", 796, 296)]
    assert (done.receipt_number, bool(done.receipt.merchant), bench.drawer.pulses) == ("3", True, 0)


async def at_a_slow_terminal(bench: TillBench) -> None:
    """Bring a payment to a terminal that does not answer while the test does not say so."""
    bench.simulator.add_fault(f"start/cashless:slow-execution:1:seconds={LONG_S}")
    await pay(bench, await shown(bench, SEED, card=True, use_balance=True), "cashless")
    await bench.simulator.request_arrived("start/cashless")


async def test_e_a_terminal_that_takes_its_time_is_waited_for(bench: TillBench, clock: MovedClock) -> None:
    await at_a_slow_terminal(bench)
    clock.advance(Timeouts().request_s)
    await bench.simulator.clock.advance(LONG_S)
    await bench.heard.phase(Phase.COMPLETED)
    assert Phase.UNSURE not in {checkout.phase for checkout in bench.heard.checkouts}
    assert len(bench.simulator.requests_of("start/cashless")) == 1


async def test_e_a_terminal_that_answers_too_late_is_read_and_never_asked_twice(
    bench: TillBench, clock: MovedClock
) -> None:
    await at_a_slow_terminal(bench)
    clock.advance(Timeouts().blocking_s)
    await bench.heard.phase(Phase.UNSURE)
    await bench.simulator.clock.advance(LONG_S)
    await bench.heard.phase(Phase.COMPLETED)
    assert len(bench.simulator.requests_of("start/cashless")) == 1
    assert len(bench.simulator.ledger) == 1


async def test_e_a_choice_is_not_given_back_where_somebody_else_was_served_meanwhile(
    bench: TillBench, clock: MovedClock
) -> None:
    bench.simulator.add_fault("start/cashless:failed:1")
    await at_a_slow_terminal(bench)
    clock.advance(BACKGROUND_AFTER_S)
    other = await bench.till.create(SEED)
    await bench.till.ask(other.id, CancelAsked())
    await bench.simulator.clock.advance(LONG_S)
    failed = await bench.heard.phase(Phase.FAILED)
    assert (failed.reason, bench.till.active) == ("refused", None)


async def test_e_a_terminal_that_refuses_gives_the_choice_back(bench: TillBench) -> None:
    bench.simulator.add_fault("start/cashless:failed:1")
    due = await shown(bench, SEED, card=False)
    await pay(bench, due, "cashless")
    draft = await bench.heard.phase(Phase.DRAFT)
    assert draft.reason == "refused"
    await bench.till.ask(due.id, PayAsked(method="cash", amount=796))
    await cash_in(bench)
    assert booked(bench) == [("start", "cash", 796, 796)]


async def test_e_a_foreign_terminal_is_cash_that_an_operator_confirms(tmp_path: Path) -> None:
    async with whole_till(tmp_path, rules=Rules(confirmed_by=("operator",))) as bench:
        due = await shown(bench, SEED, card=True, use_balance=True)
        await pay(bench, due)
        await bench.till.ask(due.id, ConfirmAsked(amount=296, by="Eva"))
        await bench.heard.phase(Phase.COMPLETED)
        assert booked(bench) == [("start", "cash", 796, 296)]


async def test_f_no_card_cash_only(bench: TillBench) -> None:
    await pay(bench, await shown(bench, SEED, card=False))
    await cash_in(bench)
    assert booked(bench) == [("start", "cash", 796, 796)]


async def test_g_the_customer_keeps_the_balance_after_all(bench: TillBench) -> None:
    due = await shown(bench, SEED, card=True, use_balance=True)
    await bench.till.ask(due.id, ApplyAsked(use_balance=False))
    again = await bench.heard.phase(Phase.DUE)
    assert again.amount_due == 796
    assert len(bench.simulator.requests_of("update")) == 1
    await pay(bench, again)
    await cash_in(bench)
    assert booked(bench) == [("start", "cash", 796, 796)]
    assert bench.simulator.card(CARD.value).cash_balance == 500


async def test_h_a_card_is_charged_with_cash(bench: TillBench) -> None:
    await pay(bench, await shown(bench, CHARGE, card=True))
    done = await cash_in(bench)
    assert booked(bench) == [("start", "cash", 1500, 1500)]
    assert bench.simulator.card(CARD.value).cash_balance == 2000
    assert {"type": "separator", "value": {"caption": "Kundenkarte Aufladung"}} in done.receipt.customer


async def test_h_a_mixed_basket_sells_and_charges_at_once(bench: TillBench) -> None:
    await pay(bench, await shown(bench, MIXED, card=True))
    await cash_in(bench)
    assert booked(bench) == [("start", "cash", 2296, 2296)]
    assert bench.simulator.card(CARD.value).cash_balance == 2000
    assert bench.simulator.requests_of("preTransaction") == []


@pytest.mark.parametrize("order", [CHARGE, MIXED])
async def test_h_no_balance_is_used_where_a_card_is_charged(bench: TillBench, order: Order) -> None:
    checkout = await bench.till.create(order)
    await bench.till.set_card(checkout.id, CARD)
    with pytest.raises(NotAllowed, match="charge_without_balance"):
        await bench.till.ask(checkout.id, ApplyAsked(use_balance=True))


@pytest.mark.parametrize("second_start", ["refuses", "repeats-answer", "executes-again"])
@pytest.mark.parametrize("fault", ["no-answer-before-executing", "no-answer-after-executing", "server-error"])
async def test_h_money_is_never_loaded_onto_a_card_twice(bench: TillBench, fault: str, second_start: str) -> None:
    bench.simulator.switches = Switches.model_validate({"second-start": second_start})
    bench.simulator.add_fault(f"start/cash:{fault}:1")
    await pay(bench, await shown(bench, CHARGE, card=True))
    await cash_in(bench)
    assert len(bench.simulator.ledger) == 1
    assert bench.simulator.card(CARD.value).cash_balance == 2000


async def test_h_the_drawer_is_not_asked_for_a_card_that_is_not_valid(bench: TillBench) -> None:
    checkout = await bench.till.create(CHARGE)
    await bench.till.ask(checkout.id, PayAsked(method="cash", amount=1500))
    draft = await bench.heard.phase(Phase.DRAFT)
    assert (draft.reason, bench.drawer.pulses) == ("card_refused", 0)


async def test_h_nothing_is_charged_onto_a_card_offline(bench: TillBench) -> None:
    bench.simulator.refuse_connections(LONG_S)
    checkout = await bench.till.create(CHARGE)
    await bench.till.set_card(checkout.id, CARD)
    await bench.heard.until(lambda: bench.till.connection.api == "offline")
    with pytest.raises(NotAllowed, match="offline"):
        await bench.till.ask(checkout.id, PayAsked(method="cash", amount=1500))
    assert bench.drawer.pulses == 0


# I is not offered: money is never taken off a card by a line


@pytest.mark.parametrize("asked", [ApplyAsked(), ApplyAsked(use_balance=True), PayAsked(method="cash", amount=300)])
async def test_i_nothing_is_taken_off_a_card_by_a_line_of_the_basket(bench: TillBench, asked: Request) -> None:
    checkout = await bench.till.create(DISCHARGE)
    await bench.till.set_card(checkout.id, CARD)
    with pytest.raises(NotAllowed, match="discharge_not_supported"):
        await bench.till.ask(checkout.id, asked)
    assert (bench.drawer.pulses, booked(bench), bench.simulator.requests_of("create")) == (0, [], [])
    assert bench.simulator.card(CARD.value).cash_balance == 500


async def test_i_nor_by_a_transaction_that_a_register_created(bench: TillBench) -> None:
    await hand_over(bench, await of_register(bench, DISCHARGE), 300)
    failed = await bench.heard.phase(Phase.FAILED)
    assert (failed.reason, bench.drawer.pulses, booked(bench)) == ("discharge_not_supported", 0, [])


# Nothing due


async def test_a_basket_that_costs_nothing_is_booked_without_the_drawer_and_not_offline(bench: TillBench) -> None:
    checkout = await bench.till.create(FREE)
    await bench.till.ask(checkout.id, PayAsked(method="cash", amount=0))
    await bench.heard.phase(Phase.COMPLETED)
    assert booked(bench) == [("start", "loyalty", 0, 0)]
    bench.simulator.refuse_connections(LONG_S)
    checkout = await bench.till.create(FREE)
    await bench.till.set_card(checkout.id, CARD)
    await bench.heard.until(lambda: bench.till.connection.api == "offline")
    with pytest.raises(NotAllowed, match="offline"):
        await bench.till.ask(checkout.id, PayAsked(method="cash", amount=0))
    assert bench.drawer.pulses == 0


# J2, K


async def test_j2_a_customer_who_leaves_abandons_the_transaction(bench: TillBench) -> None:
    due = await shown(bench, SEED, card=True, use_balance=True)
    await bench.till.ask(due.id, CancelAsked())
    await bench.simulator.request_arrived("abort")
    assert bench.simulator.ledger == []


async def test_k_bonus_lines_are_shown_with_what_is_due(bench: TillBench) -> None:
    bench.simulator.set_card(CARD.value, cash_balance=200, bonus_balance=20)
    due = await shown(bench, SEED, card=True, use_balance=True)
    assert due.amount_due == 576
    assert sum(int(str(line["priceOne"])) for line in due.bonus_products) == -20


# L: a completed checkout is taken back


async def reverse(bench: TillBench, checkout: Checkout, *, open_drawer: bool = False) -> Checkout:
    return await bench.till.reverse(checkout.id, reason="wrong lunch", by="Eva", open_drawer=open_drawer)


async def reversed_(bench: TillBench, reversal: Checkout, phase: Phase = Phase.COMPLETED) -> Checkout:
    def there() -> bool:
        return any(each.id == reversal.id and each.phase is phase for each in bench.heard.checkouts)

    await bench.heard.until(there)
    return await bench.till.lookup.find(reversal.id)


@pytest.mark.parametrize(("method", "call"), [("cash", "cancel"), ("cashless", "cancelTrx")])
async def test_l_a_payment_is_taken_back_and_both_name_each_other(bench: TillBench, method: Method, call: str) -> None:
    sale = await sold(bench, method)
    reversal = await reverse(bench, sale)
    assert (reversal.kind, reversal.phase) == ("reversal", Phase.STARTING)
    done = await reversed_(bench, reversal)
    assert done.reversal is not None
    assert (done.reversal.reverses, done.reversal.reason, done.reversal.by) == (sale.id, "wrong lunch", "Eva")
    before = await bench.till.lookup.find(sale.id)
    assert (before.phase, before.reversed_by) == (Phase.COMPLETED, reversal.id)
    assert booked(bench)[1:] == [(call, method, -796, -296)]
    assert bench.simulator.card(CARD.value).cash_balance == 500


async def test_l_a_card_payment_is_taken_back(bench: TillBench) -> None:
    bench.simulator.set_card(CARD.value, cash_balance=800)
    sale = await sold(bench, "loyalty")
    await reversed_(bench, await reverse(bench, sale))
    assert bench.simulator.card(CARD.value).cash_balance == 800


async def test_l_a_reversal_has_its_own_receipt(bench: TillBench) -> None:
    sale = await sold(bench)
    done = await reversed_(bench, await reverse(bench, sale))
    texts = [line.get("value") for line in done.receipt.customer]
    assert {"text": "STORNO", "decoration": ["important", "align-center"]} in texts
    assert (await bench.till.lookup.find(sale.id)).receipt == sale.receipt


async def test_l_the_terminals_receipt_of_a_reversal_is_its_own_affair(bench: TillBench) -> None:
    """The answer repeats that of the payment (documented): it would look like a second payment."""
    done = await reversed_(bench, await reverse(bench, await sold(bench, "cashless")))
    assert done.receipt.customer == done.receipt.merchant == ()


async def test_l_a_repeated_reversal_is_the_first(bench: TillBench) -> None:
    sale = await sold(bench)
    first = await reverse(bench, sale)
    assert (await reverse(bench, sale)).id == first.id
    await reversed_(bench, first)
    assert (await reverse(bench, sale)).id == first.id
    assert len(bench.simulator.requests_of("cancel")) == 1


@pytest.mark.parametrize("second_cancel", ["refuses", "repeats-answer", "executes-again"])
@pytest.mark.parametrize("fault", ["no-answer-before-executing", "no-answer-after-executing", "cut-in-body"])
async def test_l_a_reversal_without_an_answer_is_read_and_never_repeated_blindly(
    bench: TillBench, fault: str, second_cancel: str
) -> None:
    bench.simulator.switches = Switches.model_validate({"second-cancel": second_cancel})
    sale = await sold(bench)
    bench.simulator.add_fault(f"cancel:{fault}:1")
    await reversed_(bench, await reverse(bench, sale))
    assert [each.kind for each in bench.simulator.ledger] == ["start", "cancel"]


async def test_l_a_refused_reversal_has_failed_in_the_apis_words_and_may_be_tried_again(bench: TillBench) -> None:
    sale = await sold(bench)
    bench.simulator.add_fault("cancel:server-error:1")
    first = await reverse(bench, sale)
    failed = await reversed_(bench, first, Phase.FAILED)
    assert failed.reason == "refused"
    assert failed.error is not None
    assert failed.error.error_user
    second = await reverse(bench, sale)
    assert second.id != first.id
    await reversed_(bench, second)
    assert (await bench.till.lookup.find(sale.id)).reversed_by == second.id


async def test_l_without_the_api_a_reversal_has_failed_and_nothing_was_sent(bench: TillBench) -> None:
    sale = await sold(bench)
    bench.simulator.refuse_connections(LONG_S)
    failed = await reversed_(bench, await reverse(bench, sale), Phase.FAILED)
    assert failed.reason == "offline"
    assert bench.simulator.requests_of("cancel") == []


@pytest.mark.parametrize(("open_drawer", "pulses"), [(True, 2), (False, 1)])
async def test_l_the_drawer_opens_for_the_refund_if_it_is_wanted(
    bench: TillBench, *, open_drawer: bool, pulses: int
) -> None:
    sale = await sold(bench)
    await reversed_(bench, await reverse(bench, sale, open_drawer=open_drawer))
    if open_drawer:
        await bench.heard.drawer_event("opened")
        asked = next(told for told in reversed(bench.heard.drawer) if told.event == "asked")
        assert (asked.reason, asked.asked_by) == ("wrong lunch", "Eva")
    assert bench.drawer.pulses == pulses


async def test_l_the_drawer_is_not_opened_for_a_refund_that_cannot_be_written_down(
    bench: TillBench, caplog: pytest.LogCaptureFixture
) -> None:
    sale = await sold(bench)
    completed = bench.heard.checkout_changed

    def refuse_what_comes_next(checkout: Checkout, sequence: int) -> None:
        completed(checkout, sequence)
        bench.disk.refuses = checkout.reversal is not None and checkout.phase is Phase.COMPLETED

    bench.heard.checkout_changed = refuse_what_comes_next  # type: ignore[method-assign]  # the first who hears of it
    await reverse(bench, sale, open_drawer=True)
    while "not opened for a refund: the disk refuses" not in caplog.text:
        await bench.till.job_done()
    bench.disk.refuses = False
    await bench.till.open_drawer("change", "Ada")
    await bench.heard.drawer_event("opened")
    assert [told.reason for told in bench.heard.drawer if told.event == "asked"] == ["sale", "change"]
    assert bench.drawer.pulses == 2


async def test_l_the_drawer_is_not_opened_for_a_refund_while_other_cash_is_awaited(bench: TillBench) -> None:
    sale = await sold(bench)
    await pay(bench, await shown(bench, SEED, card=False))
    await bench.heard.drawer_event("opened")
    with pytest.raises(NotAllowed, match="drawer_in_use"):
        await reverse(bench, sale, open_drawer=True)
    await reversed_(bench, await reverse(bench, sale))
    assert bench.drawer.pulses == 2


async def test_l_a_reversal_does_not_hold_the_till(bench: TillBench) -> None:
    sale = await sold(bench)
    bench.simulator.add_fault("cancel:latency:1")
    await reverse(bench, sale)
    assert bench.till.active is None
    await bench.till.create(SEED)


async def charged(bench: TillBench) -> Checkout:
    await pay(bench, await shown(bench, CHARGE, card=True))
    return await cash_in(bench)


async def test_l_a_charge_is_not_taken_back_while_its_balance_stands_on_the_screen(bench: TillBench) -> None:
    charge = await charged(bench)
    due = await shown(bench, SEED, card=True, use_balance=True)
    assert due.amount_due == 0
    with pytest.raises(NotAllowed, match="balance_in_use"):
        await reverse(bench, charge)
    assert bench.simulator.requests_of("cancel") == []
    await bench.till.ask(due.id, CancelAsked())
    await reversed_(bench, await reverse(bench, charge))
    assert bench.simulator.card(CARD.value).cash_balance == 500


async def test_l_no_balance_is_used_while_a_charge_of_the_card_is_taken_back(bench: TillBench) -> None:
    charge = await charged(bench)
    bench.simulator.add_fault(f"cancel:latency:1:seconds={LONG_S}")
    reversal = await reverse(bench, charge)
    checkout = await bench.till.create(SEED)
    await bench.till.set_card(checkout.id, CARD)
    with pytest.raises(NotAllowed, match="card_waiting"):
        await bench.till.ask(checkout.id, ApplyAsked(use_balance=True))
    await bench.simulator.clock.advance(LONG_S)
    await reversed_(bench, reversal)
    await bench.till.ask(checkout.id, ApplyAsked(use_balance=True))
    assert (await bench.heard.phase(Phase.DUE)).amount_due == 296


async def test_l_a_reversal_is_not_reversed_and_an_open_checkout_not_either(bench: TillBench) -> None:
    sale = await sold(bench)
    reversal = await reversed_(bench, await reverse(bench, sale))
    with pytest.raises(NotAllowed, match="not_reversible"):
        await reverse(bench, reversal)
    with pytest.raises(NotAllowed):
        await reverse(bench, await bench.till.create(SEED))


async def test_l_a_terminals_payment_of_another_day_is_not_asked_for(bench: TillBench) -> None:
    sale = await sold(bench, "cashless")
    bench.till.wall = lambda: datetime(2999, 1, 1, tzinfo=UTC)
    with pytest.raises(NotAllowed, match="not_same_day"):
        await reverse(bench, sale)


# M: a card without a checkout


async def test_m_a_card_is_checked_without_a_checkout(bench: TillBench) -> None:
    told = await bench.till.check_card(CARD)
    assert told is not None
    assert (told.number, told.valid, told.locked, told.balance) == ("9276********2845", True, False, 500)
    assert bench.simulator.requests_of("create") == []


async def test_m_no_balance_is_offered_while_a_payment_with_the_card_is_unsure(bench: TillBench) -> None:
    bench.simulator.add_fault("start/cash:no-answer-before-executing:1")
    bench.simulator.add_fault("read:bare-server-error:always:first=2")
    await pay(bench, await shown(bench, SEED, card=True, use_balance=True))
    await bench.heard.drawer_event("opened")
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.UNSURE)
    told = await bench.till.check_card(CARD)
    assert told is not None
    assert (told.valid, told.balance) == (True, None)


# A transaction that a register created


async def of_register(bench: TillBench, order: Order = SEED, *, card: str | None = None, then: str = "") -> str:
    """Create a transaction as another program does, and return its id. `then`: what it does with it, too."""
    async with aiohttp.ClientSession(bench.simulator.base_url) as session:
        login = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        async with session.post("/oauth/token", json=login) as answer:
            token = (await answer.json())["access_token"]
        body = {
            "idents": [{"type": "card", "value": card}] if card else [],
            "basket": {"products": list(order.basket.products)},
            "basket_info": {"sum": order.basket.sum, "currency": "EUR"},
            "merchantRef": "R-9",
        }
        headers = {"Authorization": f"Bearer {token}"}
        async with session.post("/api/v2/Smart/Transactions", json=body, headers=headers) as answer:
            transaction_id = str((await answer.json())["id"])
        for action in ["preTransaction"] if card else [then] if then else []:
            path = f"/api/v2/Smart/Transactions/{transaction_id}/{action}"
            async with session.post(path, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
    return transaction_id


async def hand_over(bench: TillBench, transaction_id: str, amount_due: int) -> Checkout:
    return await bench.till.create(HandedOver(transaction_id=transaction_id, amount_due=amount_due))


async def test_a_registers_transaction_is_read_paid_and_started_and_never_changed(bench: TillBench) -> None:
    transaction_id = await of_register(bench)
    checkout = await hand_over(bench, transaction_id, 796)
    await bench.till.ask(checkout.id, PayAsked(method="cash", amount=796))
    done = await cash_in(bench)
    assert (done.merchantRef, done.basket.sum, len(done.basket.products)) == ("R-9", 796, 3)
    assert [each.transaction for each in bench.simulator.ledger] == [transaction_id]
    assert booked(bench) == [("start", "cash", 796, 796)]
    for call in ("update", "preTransaction", "abort"):
        assert bench.simulator.requests_of(call) == []
    assert len(bench.simulator.requests_of("create")) == 1


async def test_a_balance_that_the_register_applied_leaves_the_rest_to_pay(bench: TillBench) -> None:
    await hand_over(bench, await of_register(bench, card=CARD.value), 296)
    due = await bench.heard.phase(Phase.DUE)
    assert (due.amount_due, due.use_balance) == (296, True)
    assert due.card is not None
    assert due.card.number == "9276********2845"
    await pay(bench, due)
    await cash_in(bench)
    assert booked(bench) == [("start", "cash", 796, 296)]


@pytest.mark.parametrize(
    ("amount_due", "prepared", "reason"),
    [(795, None, "amount_differs"), (796, "abort", "not_payable"), (796, "unknown", "refused")],
)
async def test_what_is_not_as_the_register_says_is_refused_plainly(
    bench: TillBench, amount_due: int, prepared: str | None, reason: str
) -> None:
    transaction_id = "STX_UNKNOWN" if prepared == "unknown" else await of_register(bench, then=prepared or "")
    pulses = bench.drawer.pulses
    await hand_over(bench, transaction_id, amount_due)
    failed = await bench.heard.phase(Phase.FAILED)
    assert (failed.reason, bench.drawer.pulses) == (reason, pulses)
    assert (failed.error is not None) == (reason == "refused")


async def test_a_sale_of_our_own_that_a_register_hands_over_is_not_paid_again(bench: TillBench) -> None:
    """A read that is stale shows it as not yet paid."""
    await pay(bench, await shown(bench, SEED, card=False))
    transaction = (await cash_in(bench)).transaction
    assert transaction is not None
    with pytest.raises(HandedOverAlready):
        await hand_over(bench, transaction.id, 796)


async def test_a_locked_card_in_a_registers_transaction_is_refused_plainly(bench: TillBench) -> None:
    await hand_over(bench, await of_register(bench, card=LOCKED_NUMBER), 796)
    assert (await bench.heard.phase(Phase.FAILED)).reason == "card_refused"


async def test_without_the_api_a_registers_transaction_is_refused_and_may_come_again(
    bench: TillBench, clock: MovedClock
) -> None:
    transaction_id = await of_register(bench)
    bench.simulator.refuse_connections(LONG_S)
    await hand_over(bench, transaction_id, 796)
    assert (await bench.heard.phase(Phase.FAILED)).reason == "offline"
    await bench.simulator.clock.advance(LONG_S)
    clock.advance(LONGEST_PAUSE_S)
    await bench.heard.until(lambda: bench.till.connection.api == "online")
    await hand_over(bench, transaction_id, 796)
    await bench.heard.phase(Phase.DUE)


async def test_a_transaction_handed_over_twice_is_one_checkout(bench: TillBench) -> None:
    transaction_id = await of_register(bench)
    first = await hand_over(bench, transaction_id, 796)
    assert (await hand_over(bench, transaction_id, 796)).id == first.id
    with pytest.raises(HandedOverAlready):
        await hand_over(bench, transaction_id, 700)


async def test_a_transaction_that_was_paid_is_not_paid_again_while_reads_are_stale(bench: TillBench) -> None:
    bench.simulator.switches = Switches(stale_read_seconds=5)
    transaction_id = await of_register(bench)
    await bench.simulator.clock.advance(5)  # what reads show now is that it was created
    await hand_over(bench, transaction_id, 796)
    await pay(bench, await bench.heard.phase(Phase.DUE))
    done = await cash_in(bench)
    pulses = bench.drawer.pulses
    assert await hand_over(bench, transaction_id, 796) == done
    with pytest.raises(HandedOverAlready):
        await hand_over(bench, transaction_id, 700)
    assert (bench.drawer.pulses, booked(bench)) == (pulses, [("start", "cash", 796, 796)])


async def test_a_transaction_that_was_not_paid_may_be_handed_over_again(bench: TillBench) -> None:
    transaction_id = await of_register(bench)
    cancelled = await hand_over(bench, transaction_id, 796)
    await bench.till.ask(cancelled.id, CancelAsked())
    assert (await hand_over(bench, transaction_id, 796)).id != cancelled.id


@pytest.mark.parametrize("asked", [CardSet(number="9276********2845"), ApplyAsked(use_balance=True)])
async def test_what_was_handed_over_is_not_changed_here(bench: TillBench, asked: Request) -> None:
    checkout = await hand_over(bench, await of_register(bench), 796)
    await bench.heard.phase(Phase.DUE)
    with pytest.raises(NotAllowed, match="handed_over"):
        await bench.till.ask(checkout.id, asked)


async def test_a_customer_who_leaves_leaves_the_registers_transaction_alone(bench: TillBench) -> None:
    checkout = await hand_over(bench, await of_register(bench), 796)
    await bench.heard.phase(Phase.DUE)
    await bench.till.ask(checkout.id, CancelAsked())
    await shown(bench, SEED, card=False)
    assert bench.simulator.requests_of("abort") == []


async def test_what_the_register_changes_meanwhile_is_not_paid(bench: TillBench) -> None:
    transaction_id = await of_register(bench)
    checkout = await hand_over(bench, transaction_id, 796)
    await bench.heard.phase(Phase.DUE)
    bench.simulator.switches = bench.simulator.switches.model_copy(update={"created_lifetime_seconds": 0.001})
    await bench.till.ask(checkout.id, PayAsked(method="cash", amount=796))
    failed = await bench.heard.phase(Phase.FAILED)
    assert (failed.reason, bench.simulator.ledger) == ("amount_changed", [])


async def test_a_start_that_another_device_may_not_make_ends_in_attention_with_the_apis_words(
    bench: TillBench,
) -> None:
    bench.simulator.switches = Switches(start_by_another_device="refuses")
    transaction_id, state = await of_register(bench), bench.simulator.api.state
    state.put(replace(state.transactions[transaction_id], device="SDV_ANOTHER"), bench.simulator.clock.now())
    checkout = await hand_over(bench, transaction_id, 796)
    await bench.till.ask(checkout.id, PayAsked(method="cash", amount=796))
    await bench.heard.drawer_event("opened")
    bench.drawer.close_drawer()
    stuck = await bench.heard.phase(Phase.ATTENTION)
    assert stuck.error is not None
    assert bench.simulator.ledger == []


# The terminal


async def test_the_terminal_closes_its_day_and_reports(bench: TillBench) -> None:
    await sold(bench, "cashless")
    report = await bench.till.terminal.close_day("Eva")
    assert (report.status, report.receipt.merchant != ()) == ("ok", True)
    assert (await bench.till.terminal.diagnosis()).status == "ok"


async def test_a_receipt_number_from_before_the_end_of_the_terminals_day_is_not_sent(tmp_path: Path) -> None:
    """The terminal may count anew: the number may be that of another customer's payment. Also after a restart."""
    async with SimulatorServer() as simulator, drawer_of(tmp_path) as drawer:
        async with at_work(tmp_path, simulator, drawer) as bench:
            before = await sold(bench, "cashless")
            await bench.till.terminal.close_day("Eva")
            with pytest.raises(NotAllowed, match="not_same_day"):
                await reverse(bench, before)
        async with at_work(tmp_path, simulator, drawer) as bench:
            with pytest.raises(NotAllowed, match="not_same_day"):
                await reverse(bench, before)
            await reversed_(bench, await reverse(bench, await sold(bench, "cashless")))
        assert len(simulator.requests_of("cancelTrx")) == 1


async def test_what_the_terminal_was_paid_while_its_day_was_being_closed_is_not_reversed_by_its_number(
    bench: TillBench,
) -> None:
    bench.simulator.add_fault(f"EndOfDay:latency:1:seconds={LONG_S}")
    closing = asyncio.create_task(bench.till.terminal.close_day("Eva"))
    await bench.simulator.request_arrived("EndOfDay")
    meanwhile = await sold(bench, "cashless")
    await bench.simulator.clock.advance(LONG_S)
    await closing
    with pytest.raises(NotAllowed, match="not_same_day"):
        await reverse(bench, meanwhile)
    await reversed_(bench, await reverse(bench, await sold(bench, "cashless")))


async def test_a_report_that_was_not_answered_may_close_the_day_late(bench: TillBench) -> None:
    bench.simulator.add_fault("EndOfDay:no-answer-after-executing:1")
    with pytest.raises(Unknown):
        await bench.till.terminal.close_day("Eva")
    with pytest.raises(NotAllowed, match="not_same_day"):
        await reverse(bench, await sold(bench, "cashless"))


async def test_a_report_that_was_answered_does_not_end_the_doubt_about_one_that_was_not(bench: TillBench) -> None:
    bench.simulator.add_fault("EndOfDay:no-answer-after-executing:1")
    with pytest.raises(Unknown):
        await bench.till.terminal.close_day("Eva")
    await bench.till.terminal.close_day("Eva")
    with pytest.raises(NotAllowed, match="not_same_day"):
        await reverse(bench, await sold(bench, "cashless"))


async def test_a_report_from_before_midnight_may_close_the_day_late_after_a_restart(tmp_path: Path) -> None:
    now = datetime.combine(date(2026, 11, 22), time(23, 58)).astimezone()
    lost = SimulatorServer(faults=["EndOfDay:no-answer-after-executing:1"])
    async with lost as simulator, drawer_of(tmp_path) as drawer:
        async with at_work(tmp_path, simulator, drawer, wall=lambda: now) as bench:
            with pytest.raises(Unknown):
                await bench.till.terminal.close_day("Eva")
        now += timedelta(minutes=3)
        async with at_work(tmp_path, simulator, drawer, wall=lambda: now) as bench:
            with pytest.raises(NotAllowed, match="not_same_day"):
                await reverse(bench, await sold(bench, "cashless"))


async def test_a_clock_that_is_set_back_while_the_day_is_closed_takes_nothing_out_of_it(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    async with (
        SimulatorServer(faults=[f"EndOfDay:latency:1:seconds={LONG_S}"]) as simulator,
        drawer_of(tmp_path) as drawer,
        at_work(tmp_path, simulator, drawer, wall=lambda: now) as bench,
    ):
        closing = asyncio.create_task(bench.till.terminal.close_day("Eva"))
        await simulator.request_arrived("EndOfDay")
        now += timedelta(seconds=20)
        meanwhile = await sold(bench, "cashless")
        now -= timedelta(minutes=2)
        await simulator.clock.advance(LONG_S)
        await closing
        with pytest.raises(NotAllowed, match="not_same_day"):
            await reverse(bench, meanwhile)


async def test_a_report_under_a_clock_that_was_ahead_is_forgotten_with_that_clock(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    async with (
        SimulatorServer() as simulator,
        drawer_of(tmp_path) as drawer,
        at_work(tmp_path, simulator, drawer, wall=lambda: now) as bench,
    ):
        now += timedelta(days=365)
        await bench.till.terminal.close_day("Eva")
        now -= timedelta(days=365)
        for _ in range(FORGIVEN_AFTER):
            await bench.till.do(partial(_write, bench, EndOfDayAnswered(over=now)))
        await bench.till.terminal.close_day("Eva")
        now += timedelta(hours=1)  # longer than any report is in doubt
        await reversed_(bench, await reverse(bench, await sold(bench, "cashless")))


async def _write(bench: TillBench, event: EndOfDayAnswered) -> None:
    await bench.till.write(event)


async def test_a_report_is_given_also_where_its_end_cannot_be_known(bench: TillBench) -> None:
    bench.simulator.add_fault(f"EndOfDay:latency:1:seconds={LONG_S}")
    closing = asyncio.create_task(bench.till.terminal.close_day("Eva"))
    await bench.simulator.request_arrived("EndOfDay")
    bench.disk.refuses = True
    await bench.simulator.clock.advance(LONG_S)
    assert (await closing).status == "ok"
    bench.disk.refuses = False
    with pytest.raises(NotAllowed, match="not_same_day"):
        await reverse(bench, await sold(bench, "cashless"))


def test_a_report_leaves_within_its_time_whatever_is_configured() -> None:
    assert Timeouts(request_s=LONGEST_TIMEOUT_S).token_s < LEAVES_AFTER.total_seconds()


async def test_a_clock_that_is_set_back_makes_no_payment_of_a_closed_day_one_of_today(tmp_path: Path) -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    ahead = timedelta(minutes=10)
    async with (
        SimulatorServer() as simulator,
        drawer_of(tmp_path) as drawer,
        at_work(tmp_path, simulator, drawer, wall=lambda: noon + ahead) as bench,
    ):
        before = await sold(bench, "cashless")
        ahead = timedelta()
        await bench.till.terminal.close_day("Eva")
        with pytest.raises(NotAllowed, match="not_same_day"):
            await reverse(bench, before)


async def test_the_terminal_is_not_asked_for_a_report_that_cannot_be_recorded_and_its_day_goes_on(
    bench: TillBench,
) -> None:
    before = await sold(bench, "cashless")
    bench.disk.refuses = True
    with pytest.raises(NotWritten):
        await bench.till.terminal.close_day("Eva")
    bench.disk.refuses = False
    assert bench.simulator.requests_of("EndOfDay") == []
    await reversed_(bench, await reverse(bench, before))


async def test_a_report_that_comes_behind_a_reversal_is_not_asked_and_the_day_goes_on(tmp_path: Path) -> None:
    async with SimulatorServer() as simulator, drawer_of(tmp_path) as drawer:
        async with at_work(tmp_path, simulator, drawer) as bench:
            first, second = await sold(bench, "cashless"), await sold(bench, "cashless")
            reversing = asyncio.create_task(reverse(bench, first))
            with pytest.raises(TerminalBusy):  # the terminal paid nothing when it was asked for
                await bench.till.terminal.close_day("Eva")
            await reversed_(bench, await reversing)
            assert simulator.requests_of("EndOfDay") == []
        async with at_work(tmp_path, simulator, drawer) as bench:
            await reversed_(bench, await reverse(bench, second))


async def test_the_terminal_does_one_thing_at_a_time(bench: TillBench) -> None:
    bench.simulator.add_fault(f"EndOfDay:latency:1:seconds={LONG_S}")
    closing = asyncio.create_task(bench.till.terminal.close_day("Eva"))
    await bench.simulator.request_arrived("EndOfDay")
    with pytest.raises(TerminalBusy):
        await bench.till.terminal.diagnosis()
    await bench.simulator.clock.advance(LONG_S)
    await closing


async def test_a_terminal_that_pays_is_not_asked_for_its_report(bench: TillBench) -> None:
    await at_a_slow_terminal(bench)
    with pytest.raises(TerminalBusy):
        await bench.till.terminal.close_day("Eva")
    await bench.simulator.clock.advance(LONG_S)
    await bench.heard.phase(Phase.COMPLETED)


async def test_a_terminal_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    away = SimulatorServer(faults=[f"connect:refused-connection:1:seconds={LONG_S}"])
    async with away as simulator, drawer_of(tmp_path) as drawer, at_work(tmp_path, simulator, drawer) as bench:
        with pytest.raises(NotSent):
            await bench.till.terminal.close_day("Eva")


# Bad input


async def test_the_words_of_the_api_reach_log_journal_and_screen(
    bench: TillBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.simulator.add_fault("create:server-error:1")
    checkout = await bench.till.create(SEED)
    await bench.till.ask(checkout.id, ApplyAsked())
    draft = await bench.heard.phase(Phase.DRAFT)
    assert draft.error is not None
    words = asdict(draft.error)
    assert all(words.values())
    [refused] = [each for each in await bench.till.lookup.events_of(checkout.id) if each.kind == "CallRefused"]
    assert refused.data["problem"] == words
    shown_error = checkout_answer(draft, Role.SCREEN).error
    assert shown_error is not None
    assert shown_error.model_dump() == words
    assert all(str(word) in caplog.text for word in words.values())


@pytest.mark.parametrize(
    ("fault", "starts"),
    [
        ("not-json", 2),
        ("not-json:1:executes=true", 1),
        ("empty-body", 1),
        ("error-in-good-answer", 2),
        ("failed", 1),
        ("missing-field", 1),
        ("another-transaction", 1),
        ("cut-in-body", 1),
        ("two-answers", 1),
        ("captive-portal", 2),
        ("bare-server-error", 2),
    ],
)
async def test_whatever_a_start_is_answered_it_is_read_and_booked_once_or_a_person_is_called(
    bench: TillBench, fault: str, starts: int
) -> None:
    kind, _, options = fault.partition(":")
    bench.simulator.add_fault(f"start/cash:{kind}:{options or 1}")
    await pay(bench, await shown(bench, SEED, card=True, use_balance=True))
    await bench.heard.drawer_event("opened")
    bench.drawer.close_drawer()
    end = Phase.ATTENTION if kind == "failed" else Phase.COMPLETED
    await bench.heard.phase(end)
    assert len(bench.simulator.requests_of("start/cash")) == starts
    assert len(bench.simulator.ledger) == (end is Phase.COMPLETED)
