"""The till with everything around it real: simulator over loopback, SQLite on disk, drawer on a pseudo-terminal."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.card import CardNumber
from agent.checkout.events import (
    ApplyAsked,
    BasketSet,
    CancelAsked,
    CardRemoved,
    ConfirmAsked,
    DrawerOpenAsked,
    PayAsked,
    ResolveAsked,
    RetryAsked,
)
from agent.checkout.state import Basket, Card, Checkout, Confirmation, Phase, Rules
from agent.checkout.step import NotAllowed
from agent.journal.errors import NotWritten
from agent.journal.records import IdempotencyKey
from agent.simulator.server import SimulatorServer
from agent.till.connection import LONGEST_PAUSE_S
from agent.till.inbox import MOST_JOBS
from agent.till.refusals import AnotherIsActive, KeyReused, NoSuchCheckout
from device.interface import DeviceState, DrawerRefused, PaidMessage, Torn, TornScan
from tests.moved_clock import LONG_S, MovedClock
from tests.till_bench import CARD, FAST_DRAWER, SEED, TillBench, at_work, drawer_of, whole_till

QUICK = Rules(late_window_s=0.2, stale_read_s=0.0)
"""The late window of a server that is known to forget after 0.2 seconds."""
BALANCE = Card(number="9276********2845", valid=True, locked=False, balance=500)
PAY = PayAsked(method="cash", amount=296)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TillBench]:
    async with whole_till(tmp_path, rules=QUICK) as bench:
        yield bench


def starts(bench: TillBench) -> int:
    return len(bench.simulator.requests_of("start/cash"))


async def pay(bench: TillBench) -> str:
    """Bring the seed's checkout to the open drawer."""
    due = await bench.due()
    await bench.till.ask(due.id, PAY)
    await bench.heard.drawer_event("opened")
    return due.id


async def test_the_seeds_checkout(bench: TillBench) -> None:
    checkout = await bench.till.create(SEED)
    bench.scan()
    await bench.heard.until(lambda: bool(bench.heard.scans))
    due = await bench.applied(checkout.id)
    assert due.amount_due == 296
    await bench.till.ask(due.id, PAY)
    await bench.heard.drawer_event("opened")
    assert bench.simulator.ledger == []
    bench.drawer.close_drawer()
    done = await bench.heard.phase(Phase.COMPLETED)
    assert len(bench.simulator.ledger) == 1
    assert starts(bench) == 1
    assert done.receipt.customer
    assert bench.drawer.pulses == 1
    assert done.payment is not None
    assert done.payment.evidence is not None
    assert done.payment.evidence.kind == "drawer-closed"


async def test_one_pulse_however_often_the_screen_asks(bench: TillBench) -> None:
    due = await bench.due()
    for _ in range(100):
        await bench.till.ask(due.id, PAY)
    await bench.heard.drawer_event("opened")
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.COMPLETED)
    assert bench.drawer.pulses == 1


async def test_a_start_whose_answer_is_lost_is_asked_for_and_not_sent_again(bench: TillBench) -> None:
    bench.simulator.add_fault("start/cash:no-answer-after-executing:1")
    await pay(bench)
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.COMPLETED)
    assert (starts(bench), len(bench.simulator.ledger)) == (1, 1)


async def test_a_start_that_was_never_executed_is_sent_again_after_the_late_window(bench: TillBench) -> None:
    bench.simulator.add_fault("start/cash:no-answer-before-executing:1")
    await pay(bench)
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.COMPLETED)
    assert (starts(bench), len(bench.simulator.ledger)) == (2, 1)
    first, second = bench.simulator.requests_of("start/cash")
    assert first.x_action == second.x_action


async def test_cash_confirmed_while_the_api_is_away_is_booked_when_it_is_back(
    bench: TillBench, clock: MovedClock
) -> None:
    await pay(bench)
    await bench.heard.cash_awaited()
    bench.simulator.refuse_connections(LONG_S)
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.CONFIRMED)
    assert bench.till.active is None
    await bench.simulator.clock.advance(LONG_S)
    clock.advance(LONGEST_PAUSE_S)
    await bench.heard.phase(Phase.COMPLETED)
    assert len(bench.simulator.ledger) == 1


async def test_a_second_customer_is_served_while_a_payment_waits(bench: TillBench, clock: MovedClock) -> None:
    waiting = await pay(bench)
    await bench.heard.cash_awaited()
    bench.simulator.refuse_connections(LONG_S)
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.CONFIRMED)
    second = await bench.till.create(SEED)
    await bench.till.ask(second.id, PayAsked(method="cash", amount=796))
    await bench.heard.until(lambda: bench.drawer.pulses == 2)
    await bench.heard.drawer_event("opened")
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.CONFIRMED)
    await bench.simulator.clock.advance(LONG_S)
    clock.advance(LONGEST_PAUSE_S)
    done = {waiting, second.id}
    await bench.heard.until(lambda: {c.id for c in bench.heard.checkouts if c.phase is Phase.COMPLETED} == done)
    assert [booking.transaction for booking in bench.simulator.ledger] == [
        next(c.transaction.id for c in reversed(bench.heard.checkouts) if c.id == each and c.transaction)
        for each in (waiting, second.id)
    ]


async def test_an_unknown_card_is_shown_and_not_taken(bench: TillBench) -> None:
    checkout = await bench.till.create(SEED)
    bench.scan("9276004429999999")
    await bench.heard.until(lambda: bench.heard.refusals == ["invalid"])
    assert (await bench.till.lookup.find(checkout.id)).card is None


async def test_a_locked_card_is_shown_and_not_taken(bench: TillBench) -> None:
    bench.simulator.set_card(CARD.value, locked=True)
    checkout = await bench.till.create(SEED)
    bench.scan()
    await bench.heard.until(lambda: bench.heard.refusals == ["locked"])
    assert (await bench.till.lookup.find(checkout.id)).card is None


async def test_a_bank_card_leaves_no_digit_anywhere(bench: TillBench, tmp_path: Path) -> None:
    await bench.till.create(SEED)
    bench.scan(";4111111111111111=30121010000000000000?")
    await bench.heard.until(lambda: bench.heard.refusals == ["payment_card"])
    assert bench.heard.scans == []
    assert not any(b"4111111" in file.read_bytes() for file in tmp_path.iterdir() if file.is_file())


async def test_a_torn_scan_is_told_and_the_checkout_goes_on(bench: TillBench) -> None:
    checkout = await bench.till.create(SEED)
    bench.till.report(TornScan(scanner="counter", reason=Torn.DROPPED, at=0.0))
    await bench.heard.until(lambda: bool(bench.heard.scans))
    assert bench.heard.scans[0].refused == "torn"
    assert (await bench.till.lookup.find(checkout.id)).phase is Phase.DRAFT


async def test_another_code_goes_to_the_screen(bench: TillBench) -> None:
    bench.scan("4006381333931")
    await bench.heard.until(lambda: bool(bench.heard.scans))
    assert bench.heard.scans[0].code == "4006381333931"


async def test_a_second_card_is_refused(bench: TillBench) -> None:
    checkout = await bench.till.create(SEED)
    await bench.till.set_card(checkout.id, CARD)
    bench.scan("9276004424644352")
    await bench.heard.until(lambda: bool(bench.heard.scans))
    assert bench.heard.scans[0].refused == "card_present"
    await bench.till.set_card(checkout.id, CARD)


async def test_a_card_without_a_checkout_is_never_attached_to_the_next(bench: TillBench) -> None:
    bench.scan()
    await bench.heard.until(lambda: bool(bench.heard.scans))
    assert bench.heard.scans[0].card == "9276********2845"
    assert (await bench.till.create(SEED)).card is None


async def test_the_same_card_twice_counts_once(bench: TillBench) -> None:
    checkout = await bench.till.create(SEED)
    bench.scan()
    bench.scan()
    await bench.heard.until(lambda: len(bench.heard.scans) == 2)
    assert [told.refused for told in bench.heard.scans] == [None, "repeated"]
    assert (await bench.till.lookup.find(checkout.id)).card is not None


async def test_a_card_that_was_refused_is_no_repetition(bench: TillBench) -> None:
    checkout = await bench.till.create(SEED)
    await bench.till.set_card(checkout.id, CardNumber("9276004424644352"))
    bench.scan()
    await bench.heard.until(lambda: bool(bench.heard.scans))
    await bench.till.ask(checkout.id, CardRemoved())
    bench.scan()
    await bench.heard.until(lambda: len(bench.heard.scans) == 2)
    assert [told.refused for told in bench.heard.scans] == ["card_present", None]


async def test_a_card_without_a_checkout_shows_no_balance_unless_that_is_wanted(bench: TillBench) -> None:
    bench.scan()
    await bench.heard.until(lambda: bool(bench.heard.scans))
    await bench.till.create(SEED)
    assert not bench.simulator.requests_of("cards")
    assert bench.heard.checked == []


@pytest.fixture
async def balance_bench(tmp_path: Path) -> AsyncIterator[TillBench]:
    async with whole_till(tmp_path, show_balance=True) as bench:
        yield bench


async def test_a_card_without_a_checkout_shows_its_balance_and_is_never_attached(balance_bench: TillBench) -> None:
    bench = balance_bench
    bench.scan()
    await bench.heard.until(lambda: bool(bench.heard.checked))
    assert bench.heard.checked == [BALANCE]
    assert (await bench.till.create(SEED)).card is None


async def test_a_bad_card_without_a_checkout_is_refused(balance_bench: TillBench) -> None:
    balance_bench.scan("9276004429999999")
    await balance_bench.heard.until(lambda: balance_bench.heard.refusals == ["invalid"])


async def test_a_balance_that_comes_late_is_not_shown_to_the_next_customer(balance_bench: TillBench) -> None:
    bench = balance_bench
    bench.simulator.add_fault(f"validateMerchantcard:slow-answer:seconds={LONG_S}")
    bench.scan()
    await bench.simulator.request_arrived("validateMerchantcard")
    checkout = await bench.till.create(SEED)
    await bench.simulator.clock.advance(LONG_S)
    await bench.simulator.request_arrived("cards")
    await bench.till.set_card(checkout.id, CARD)
    await bench.heard.until(lambda: bench.heard.checkouts[-1].card == BALANCE)
    assert bench.heard.checked == []


async def test_a_closing_without_a_payment_confirms_nothing(bench: TillBench) -> None:
    due = await bench.due()
    bench.drawer.open_by_key()
    await bench.heard.drawer_event("opened")
    assert bench.heard.drawer[-1].by == "unasked"
    with pytest.raises(NotAllowed, match="drawer_open"):
        await bench.till.ask(due.id, PAY)
    bench.drawer.close_drawer()
    await bench.heard.drawer_event("closed")
    assert (await bench.till.lookup.find(due.id)).phase is Phase.DUE
    assert starts(bench) == 0


async def test_the_customer_may_give_up_while_the_drawer_is_open(bench: TillBench) -> None:
    checkout_id = await pay(bench)
    await bench.till.ask(checkout_id, CancelAsked())
    bench.drawer.close_drawer()
    await bench.heard.drawer_event("closed")
    assert (await bench.till.lookup.find(checkout_id)).phase is Phase.CANCELLED
    assert starts(bench) == 0
    await bench.simulator.request_arrived("abort")


async def test_nothing_can_be_given_up_once_the_cash_is_confirmed(bench: TillBench) -> None:
    bench.simulator.add_fault("start/cash:latency:1")
    checkout_id = await pay(bench)
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.STARTING)
    with pytest.raises(NotAllowed, match="too_late"):
        await bench.till.ask(checkout_id, CancelAsked())


async def test_a_drawer_that_does_not_open_leaves_the_word_to_the_operator(tmp_path: Path) -> None:
    async with whole_till(tmp_path, open_timeout_s=0.1) as bench:
        bench.drawer.faults.stuck = True
        due = await bench.due()
        await bench.till.ask(due.id, PAY)
        await bench.heard.drawer_event("did_not_open")
        with pytest.raises(NotAllowed, match="amount_differs"):
            await bench.till.ask(due.id, ConfirmAsked(amount=295, by="Eva"))
        await bench.till.ask(due.id, ConfirmAsked(amount=296, by="Eva"))
        await bench.heard.phase(Phase.COMPLETED)
        assert len(bench.simulator.ledger) == 1


async def test_the_operator_is_not_needed_while_the_drawer_can_tell(bench: TillBench) -> None:
    checkout_id = await pay(bench)
    with pytest.raises(NotAllowed, match="operator_not_needed"):
        await bench.till.ask(checkout_id, ConfirmAsked(amount=296, by="Eva"))


async def test_a_lost_drawer_confirms_nothing_and_comes_back(bench: TillBench) -> None:
    checkout_id = await pay(bench)
    bench.drawer.unplug()
    await bench.heard.until(lambda: bench.till.drawer_level == "unknown")
    bench.drawer.close_drawer()
    bench.drawer.plug_in()
    await bench.heard.until(lambda: bench.till.drawer_level == "closed")
    waiting = await bench.till.lookup.find(checkout_id)
    assert waiting.phase is Phase.AWAITING_CASH
    assert waiting.payment is not None
    assert waiting.payment.drawer_trouble == "lost"
    await bench.till.ask(checkout_id, DrawerOpenAsked(reason="plugged in again", by="Eva"))
    await bench.heard.until(lambda: bench.till.drawer_level == "open")
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.COMPLETED)
    assert bench.drawer.pulses == 2


async def test_what_is_known_of_the_drawer_is_told_from_the_beginning(bench: TillBench) -> None:
    """Whoever knew it open before the agent was restarted must hear that it is not known any more."""
    assert bench.heard.levels == ["unknown", "closed"]
    bench.drawer.unplug()
    await bench.heard.until(lambda: bench.heard.levels[-1] == "unknown")


async def test_a_person_may_open_the_drawer_with_a_reason(bench: TillBench) -> None:
    await bench.till.open_drawer("change", "Eva")
    await bench.heard.drawer_event("opened")
    asked = bench.heard.drawer[0]
    assert (asked.event, asked.reason, asked.asked_by) == ("asked", "change", "Eva")
    assert bench.heard.drawer[-1].by == "till"


async def test_the_same_key_opens_the_drawer_once_also_after_a_restart(tmp_path: Path) -> None:
    key = IdempotencyKey(key="no-sale-1", digest="d")
    async with SimulatorServer() as simulator, drawer_of(tmp_path) as drawer:
        async with at_work(tmp_path, simulator, drawer) as bench:
            drawer.unplug()
            await bench.heard.until(lambda: bench.till.drawer_level == "unknown")
            with pytest.raises(DrawerRefused):
                await bench.till.open_drawer("change", "Ada", key)
            drawer.plug_in()
            await bench.heard.until(lambda: bench.till.drawer_level == "closed")
            await bench.till.open_drawer("change", "Ada", key)  # nothing had come of it
            await drawer.opened()
        drawer.close_drawer()
        async with at_work(tmp_path, simulator, drawer) as bench:
            await bench.till.open_drawer("change", "Ada", key)
            with pytest.raises(KeyReused):
                await bench.till.open_drawer("change", "Ada", replace(key, digest="other"))
    assert drawer.pulses == 1


async def test_a_key_whose_pulse_was_refused_while_cash_is_awaited_opens_when_it_is_used_again(
    bench: TillBench,
) -> None:
    key = IdempotencyKey(key="jammed-1", digest="d")
    await pay(bench)
    bench.drawer.unplug()
    await bench.heard.until(lambda: bench.till.drawer_level == "unknown")
    await bench.till.open_drawer("jammed", "Ada", key)
    while await bench.journal.idempotent(key.key) is not None:
        pass  # the drawer's refusal is on its way
    bench.drawer.close_drawer()
    bench.drawer.plug_in()
    await bench.heard.until(lambda: bench.till.drawer_level == "closed")
    await bench.till.open_drawer("jammed", "Ada", key)
    await bench.heard.until(lambda: bench.till.drawer_level == "open")
    await bench.till.open_drawer("jammed", "Ada", key)  # done: the same key opens once
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.COMPLETED)
    assert bench.drawer.pulses == 2


async def test_a_drawer_that_is_not_there_is_said(bench: TillBench) -> None:
    bench.drawer.unplug()
    await bench.heard.until(lambda: bench.till.drawer_level == "unknown")
    with pytest.raises(DrawerRefused):
        await bench.till.open_drawer("change", "Eva")


async def test_a_change_of_mind_sends_one_update(bench: TillBench) -> None:
    due = await bench.due()
    changed = Basket(products=SEED.basket.products[:1])
    await bench.till.ask(due.id, BasketSet(basket=changed))
    await bench.till.ask(due.id, ApplyAsked(use_balance=True))
    again = await bench.heard.phase(Phase.DUE)
    assert again.amount_due == 0
    assert len(bench.simulator.requests_of("update")) == 1
    await bench.till.ask(due.id, PayAsked(method="cash", amount=0))
    await bench.heard.phase(Phase.COMPLETED)
    assert bench.drawer.pulses == 0
    assert len(bench.simulator.requests_of("start/loyalty")) == 1


async def test_a_card_taken_back_leaves_the_transaction(bench: TillBench) -> None:
    due = await bench.due()
    draft = await bench.till.ask(due.id, CardRemoved())
    assert (draft.phase, draft.card, draft.transaction) == (Phase.DRAFT, None, None)
    await bench.simulator.request_arrived("abort")


async def test_pay_goes_on_by_itself_when_the_amount_is_the_one_given(bench: TillBench) -> None:
    checkout = await bench.till.create(SEED)
    await bench.till.ask(checkout.id, PayAsked(method="cash", amount=796))
    await bench.heard.drawer_event("opened")
    bench.drawer.close_drawer()
    done = await bench.heard.phase(Phase.COMPLETED)
    assert done.amount_due == 796


async def test_pay_stops_when_another_amount_is_due(bench: TillBench) -> None:
    checkout = await bench.till.create(SEED)
    await bench.till.ask(checkout.id, PayAsked(method="cash", amount=795))
    due = await bench.heard.phase(Phase.DUE)
    assert (due.reason, due.amount_due, bench.drawer.pulses) == ("amount_changed", 796, 0)


async def test_a_create_without_an_answer_is_made_anew_and_the_lost_one_never_started(bench: TillBench) -> None:
    bench.simulator.add_fault("create:no-answer-after-executing:1")
    await pay(bench)
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.COMPLETED)
    assert len(bench.simulator.requests_of("create")) == 2
    assert len(bench.simulator.ledger) == 1


async def test_only_one_checkout_at_a_time(bench: TillBench) -> None:
    first = await bench.till.create(SEED)
    with pytest.raises(AnotherIsActive) as refused:
        await bench.till.create(SEED)
    assert refused.value.checkout.id == first.id


async def test_a_repeated_key_gives_the_same_checkout(bench: TillBench) -> None:
    key = IdempotencyKey(key="k1", digest="d1")
    first = await bench.till.create(SEED, key)
    assert (await bench.till.create(SEED, key)).id == first.id
    with pytest.raises(KeyReused):
        await bench.till.create(SEED, IdempotencyKey(key="k1", digest="other"))


async def test_an_id_that_is_not_ours_is_said(bench: TillBench) -> None:
    with pytest.raises(NoSuchCheckout):
        await bench.till.lookup.find("co_nobody")


async def test_after_a_restart_the_operator_decides_about_awaited_cash(tmp_path: Path) -> None:
    async with SimulatorServer() as simulator, drawer_of(tmp_path) as drawer:
        async with at_work(tmp_path, simulator, drawer) as bench:
            checkout_id = await pay(bench)
        drawer.close_drawer()
        async with at_work(tmp_path, simulator, drawer) as bench:
            waiting = await bench.till.lookup.find(checkout_id)
            assert waiting.phase is Phase.AWAITING_CASH
            assert waiting.payment is not None
            assert waiting.payment.interrupted
            assert drawer.pulses == 1
            assert simulator.ledger == []
            await bench.till.ask(checkout_id, ConfirmAsked(amount=296, by="Eva"))
            await bench.heard.phase(Phase.COMPLETED)
            assert len(simulator.ledger) == 1


async def test_after_a_restart_a_start_without_an_answer_is_asked_for(tmp_path: Path) -> None:
    async with SimulatorServer() as simulator, drawer_of(tmp_path) as drawer:
        async with at_work(tmp_path, simulator, drawer) as bench:
            simulator.add_fault("start/cash:no-answer-after-executing:1")
            await pay(bench)
            drawer.close_drawer()
            await simulator.booked()
        async with at_work(tmp_path, simulator, drawer, rules=QUICK) as bench:
            await bench.heard.phase(Phase.COMPLETED)
        assert (len(simulator.requests_of("start/cash")), len(simulator.ledger)) == (1, 1)


async def test_three_refusals_of_cash_need_a_person(bench: TillBench) -> None:
    bench.simulator.add_fault("start/cash:server-error:3")
    checkout_id = await pay(bench)
    bench.drawer.close_drawer()
    stuck = await bench.heard.phase(Phase.ATTENTION)
    assert starts(bench) == 3
    assert stuck.error is not None
    await bench.till.ask(checkout_id, RetryAsked(by="Eva"))
    await bench.heard.phase(Phase.COMPLETED)
    assert len(bench.simulator.ledger) == 1


async def test_a_person_may_close_what_needs_attention(bench: TillBench) -> None:
    bench.simulator.add_fault("start/cash:server-error:3")
    checkout_id = await pay(bench)
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.ATTENTION)
    done = await bench.till.ask(checkout_id, ResolveAsked(outcome="refunded", note="gave it back", by="Eva"))
    assert done.phase is Phase.RESOLVED


async def test_the_card_number_is_gone_with_its_checkout(bench: TillBench, tmp_path: Path) -> None:
    await pay(bench)
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.COMPLETED)
    await bench.till.create(SEED)  # a commit later the log is emptied
    assert not any(CARD.value.encode() in file.read_bytes() for file in tmp_path.iterdir() if file.is_file())


async def test_a_caller_that_goes_away_changes_nothing(bench: TillBench) -> None:
    creating = asyncio.create_task(bench.till.create(SEED))
    await asyncio.sleep(0)
    creating.cancel()
    await bench.heard.until(lambda: bool(bench.heard.checkouts))
    assert bench.till.active is not None


async def test_a_reader_that_is_called_as_the_drawer_spoils_nothing_when_it_is_unplugged(bench: TillBench) -> None:
    checkout_id = await pay(bench)
    bench.till.report(DeviceState(name="drawer", kind="scanner", state="lost", at=0.0))
    await bench.till.take_turn()
    assert (await bench.till.lookup.find(checkout_id)).phase is Phase.AWAITING_CASH
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.COMPLETED)


async def test_cash_that_a_machine_reports_while_too_much_waits_is_booked(tmp_path: Path) -> None:
    confirmed_by: tuple[Confirmation, ...] = ("paid-message",)
    rules, drawer_rules = Rules(confirmed_by=confirmed_by), replace(FAST_DRAWER, confirmed_by=confirmed_by)
    async with (
        SimulatorServer() as simulator,
        drawer_of(tmp_path) as drawer,
        at_work(tmp_path, simulator, drawer, rules=rules, drawer_rules=drawer_rules) as bench,
    ):
        await pay(bench)
        at = asyncio.get_running_loop().time()
        for _ in range(MOST_JOBS):
            bench.till.report(TornScan(scanner="counter", reason=Torn.DROPPED, at=at))
        bench.till.report(PaidMessage(drawer="machine", amount=296, connection=1, at=at))
        await bench.heard.phase(Phase.COMPLETED)
        assert (starts(bench), len(bench.simulator.ledger)) == (1, 1)


async def test_a_person_opens_no_drawer_that_cannot_be_written_down(bench: TillBench) -> None:
    key = IdempotencyKey(key="k", digest="d")
    bench.disk.refuses = True
    with pytest.raises(NotWritten):
        await bench.till.open_drawer("change", "Ada", key)
    assert bench.till.drawer_level == "closed"
    bench.disk.refuses = False
    await bench.till.open_drawer("change", "Ada", key)
    await bench.heard.drawer_event("opened")


async def test_a_confirmation_that_cannot_be_written_is_said_and_nothing_overtakes_it(bench: TillBench) -> None:
    checkout_id = await pay(bench)
    bench.disk.refuses = True
    bench.drawer.close_drawer()
    await bench.heard.until(lambda: bench.heard.unrecorded == [checkout_id])
    bench.disk.refuses = False
    with pytest.raises(NotWritten):
        await bench.till.ask(checkout_id, CancelAsked())
    assert not bench.till.records
    assert starts(bench) == 0
    await bench.heard.phase(Phase.COMPLETED)
    assert (starts(bench), len(bench.simulator.ledger)) == (1, 1)
    assert bench.till.records


async def test_what_was_written_is_done_though_the_journal_cannot_be_read_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a clock that ran ahead was set back, the newest entry is looked for with each new one."""
    clock_runs = [timedelta(hours=1)]
    async with (
        SimulatorServer() as simulator,
        drawer_of(tmp_path) as drawer,
        at_work(tmp_path, simulator, drawer, wall=lambda: datetime.now(UTC) + clock_runs[-1]) as bench,
    ):
        due = await bench.due()
        clock_runs.append(timedelta())

        def told(checkout: Checkout, _sequence: int) -> None:
            bench.disk.refuses = checkout.phase is Phase.AWAITING_CASH

        monkeypatch.setattr(bench.heard, "checkout_changed", told)
        assert (await bench.till.ask(due.id, PAY)).phase is Phase.AWAITING_CASH
        await bench.heard.until(lambda: bench.heard.levels[-1] == "open")
        assert bench.disk.refusals > 0
        bench.disk.refuses = False


async def test_a_disk_that_refuses_does_not_keep_the_till_running_in_circles(
    bench: TillBench, clock: MovedClock
) -> None:
    checkout = await bench.till.create(SEED)
    bench.disk.refuses = True
    clock.advance(QUICK.idle_s)
    await bench.heard.until(lambda: bench.disk.refusals >= 2)
    bench.disk.refuses = False
    await bench.heard.phase(Phase.CANCELLED)
    assert bench.disk.refusals <= 3
    assert (await bench.till.lookup.find(checkout.id)).reason == "idle"


async def test_interrupted_cash_stays_a_persons_to_decide_when_the_transaction_has_changed(tmp_path: Path) -> None:
    async with SimulatorServer() as simulator, drawer_of(tmp_path) as drawer:
        async with at_work(tmp_path, simulator, drawer) as bench:
            checkout_id = await pay(bench)
        drawer.close_drawer()
        simulator.set_card(CARD.value, cash_balance=100)
        simulator.switches = simulator.switches.model_copy(update={"created_lifetime_seconds": 0.001})
        async with at_work(tmp_path, simulator, drawer) as bench:
            stuck = await bench.heard.phase(Phase.ATTENTION)
            assert (stuck.id, stuck.reason) == (checkout_id, "amount_changed")
            assert simulator.ledger == []
