"""Reversals, transactions of a register, a card's balance and the terminal's day over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.kiosk.client import KioskClient, kiosk_at
from agent.kiosk.roles import Role
from agent.simulator import CARD_NUMBER
from agent.simulator.world import LOCKED_CARD_NUMBER
from tests.kiosk_bench import ORDER, Answered, Json, KioskBench, whole_agent
from tests.moved_clock import LONG_S
from tests.till_bench import CARD

NOT_OURS = "9276000000000001"
REVERSE = {"reason": "wrong lunch", "by": "Eva"}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KioskBench]:
    async with whole_agent(tmp_path) as bench:
        yield bench


@pytest.fixture
async def operator(bench: KioskBench) -> AsyncIterator[KioskClient]:
    async with kiosk_at(bench.base_url, bench.tokens.of(Role.OPERATOR)) as client:
        yield client


async def sold(bench: KioskBench, method: str = "cash") -> str:
    """Complete the seed's checkout."""
    checkout_id = await bench.due()
    async with bench.events() as events:
        await events.next()
        await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", {"method": method, "amount": 296})
        if method == "cash":
            await events.until(lambda told: told.name == "drawer" and told.data["event"] == "opened")
            bench.drawer.close_drawer()
        await events.phase("completed")
    return checkout_id


async def reverse(bench: KioskBench, checkout_id: str, **more: object) -> Answered:
    path = f"/v1/checkouts/{checkout_id}/reverse"
    return await bench.call("POST", path, {**REVERSE, **more}, role=Role.OPERATOR)


# Reversals


async def test_a_reversal_is_created_and_both_checkouts_name_each_other(bench: KioskBench) -> None:
    checkout_id = await sold(bench)
    async with bench.events(role=Role.OPERATOR) as events:
        await events.next()
        begun = await reverse(bench, checkout_id)
        told = [(await events.next()).data for _ in range(2)]
        done = await events.phase("completed")
    assert (begun.status, begun.headers["Location"]) == (201, f"/v1/checkouts/{begun.body['id']}")
    assert (begun.body["kind"], begun.body["phase"], begun.body["reverses"]) == ("reversal", "starting", checkout_id)
    assert begun.body["reversal"] == {"reason": "wrong lunch", "by": "Eva", "call": "cancel"}
    assert [each["id"] for each in told] == [checkout_id, begun.body["id"]]
    assert (told[0]["phase"], told[0]["reversed_by"]) == ("completed", begun.body["id"])
    assert (done["id"], done["receipts"]) == (begun.body["id"], ["customer"])
    receipt = await bench.call("GET", f"/v1/checkouts/{done['id']}/receipt", headers={"Accept": "text/plain"})
    assert "STORNO" in receipt.body["text"]


async def test_a_repeated_reversal_answers_200_with_the_first(bench: KioskBench) -> None:
    checkout_id = await sold(bench)
    first = await reverse(bench, checkout_id)
    again = await reverse(bench, checkout_id, reason="and again")
    assert (first.status, again.status, again.body["id"]) == (201, 200, first.body["id"])


async def test_a_reversal_is_allowed_for_the_operator_and_only_where_there_is_something_to_reverse(
    bench: KioskBench,
) -> None:
    checkout_id = await sold(bench)
    path = f"/v1/checkouts/{checkout_id}"
    assert "reverse" in (await bench.call("GET", path, role=Role.OPERATOR)).body["allowed"]
    assert "reverse" not in (await bench.call("GET", path)).body["allowed"]
    reversal = (await reverse(bench, checkout_id)).body["id"]
    assert "reverse" not in (await bench.call("GET", path, role=Role.OPERATOR)).body["allowed"]
    refused = await reverse(bench, reversal)
    assert (refused.status, refused.problem) in {(409, "not-reversible"), (409, "not-allowed")}


async def test_an_open_checkout_is_not_reversed(bench: KioskBench) -> None:
    refused = await reverse(bench, await bench.begin())
    assert (refused.status, refused.problem, refused.body["checkout"]["phase"]) == (409, "not-allowed", "draft")


async def test_the_screen_is_not_told_who_reversed_and_why(bench: KioskBench) -> None:
    reversal = (await reverse(bench, await sold(bench))).body["id"]
    shown = (await bench.call("GET", f"/v1/checkouts/{reversal}")).body
    assert (shown["reversal"], shown["reverses"] is not None) == (None, True)


async def test_a_terminal_payment_is_reversed_at_the_terminal(bench: KioskBench, operator: KioskClient) -> None:
    reversal = await operator.reverse(await sold(bench, "cashless"), "wrong lunch", by="Eva")
    assert reversal.reversal is not None
    assert (reversal.reversal.call, reversal.split and reversal.split.terminal) == ("cancelTrx", 296)
    await bench.simulator.booked(2)


# A register's transaction


async def of_register(bench: KioskBench) -> str:
    """Let a transaction be created that no checkout of this till holds any more."""
    checkout_id = await bench.due()
    path = f"/v1/checkouts/{checkout_id}"
    transaction_id = str((await bench.call("GET", path)).body["transaction_id"])
    bench.simulator.add_fault("abort:no-answer-before-executing:1")
    await bench.call("POST", f"{path}/cancel")
    await bench.simulator.request_arrived("abort")
    return transaction_id


async def test_a_registers_transaction_is_begun_read_and_paid(bench: KioskBench) -> None:
    body = {"transaction_id": await of_register(bench), "amount_due": 296}
    async with bench.events() as events:
        await events.next()
        begun = await bench.call("POST", "/v1/checkouts", body)
        assert (begun.status, begun.body["phase"], begun.body["handed_over"]) == (201, "applying", True)
        assert "pay" in begun.body["allowed"]
        due = await events.phase("due")
        assert (due["amount_due"], due["split"]) == (296, {"cash": 296, "card": 500, "bonus": 0, "terminal": 0})
        assert due["allowed"] == ["apply", "pay", "cancel"]
        kept = await bench.call("POST", f"/v1/checkouts/{due['id']}/apply", {"use_balance": True})
        assert (kept.status, kept.body["phase"], kept.body["amount_due"]) == (200, "due", 296)
        for method, path in (("PUT", "basket"), ("DELETE", "card")):
            refused = await bench.call(method, f"/v1/checkouts/{due['id']}/{path}", ORDER["basket"])
            assert (refused.status, refused.problem) == (409, "handed-over")
        again = await bench.call("POST", "/v1/checkouts", body)
        assert (again.status, again.body["id"]) == (200, due["id"])
        other = await bench.call("POST", "/v1/checkouts", body | {"amount_due": 295})
        assert (other.status, other.problem) == (409, "handed-over-already")
        await bench.call("POST", f"/v1/checkouts/{due['id']}/pay", {"method": "cash", "amount": 296})
        await events.until(lambda told: told.name == "drawer" and told.data["event"] == "opened")
        bench.drawer.close_drawer()
        await events.phase("completed")
    assert [(each.transaction, each.amount) for each in bench.simulator.ledger] == [(body["transaction_id"], 296)]


async def test_a_registers_transaction_of_another_amount_has_failed(bench: KioskBench) -> None:
    body = {"transaction_id": await of_register(bench), "amount_due": 300}
    async with bench.events() as events:
        await events.next()
        await bench.call("POST", "/v1/checkouts", body)
        assert (await events.phase("failed"))["reason"] == "amount_differs"
    assert bench.drawer.pulses == 0


@pytest.mark.parametrize(
    "body",
    [
        {"transaction_id": "STX_1"},
        {"amount_due": 296},
        {"transaction_id": "STX_1", "amount_due": -1},
        {"transaction_id": "../me", "amount_due": 296},
        {"transaction_id": "STX_1", "amount_due": 296, "merchantRef": "A-17"},
        {"transaction_id": "STX_1", "amount_due": 296, **ORDER},
    ],
)
async def test_a_half_handed_over_transaction_is_no_request(bench: KioskBench, body: Json) -> None:
    refused = await bench.call("POST", "/v1/checkouts", body)
    assert (refused.status, refused.problem) == (422, "invalid-request")


# A card without a checkout


async def test_a_card_is_checked_without_a_checkout(bench: KioskBench) -> None:
    told = await bench.call("POST", "/v1/cards/check", {"value": CARD_NUMBER})
    assert (told.status, told.body) == (
        200,
        {"number": "9276********2845", "valid": True, "locked": False, "balance": 500},
    )
    assert bench.till.open_checkouts == []


@pytest.mark.parametrize(("value", "valid", "locked"), [(LOCKED_CARD_NUMBER, True, True), (NOT_OURS, False, None)])
async def test_a_card_that_cannot_be_used_has_no_balance(
    bench: KioskBench, value: str, *, valid: bool, locked: bool | None
) -> None:
    told = (await bench.call("POST", "/v1/cards/check", {"value": value})).body
    assert (told["valid"], told["locked"], told["balance"]) == (valid, locked, None)


async def test_numbers_cannot_be_tried_for_long(bench: KioskBench) -> None:
    problems = [await bench.call("POST", "/v1/cards/check", {"value": NOT_OURS}) for _ in range(6)]
    assert [each.status for each in problems] == [200] * 5 + [429]


async def test_numbers_cannot_be_tried_by_many_at_once(bench: KioskBench) -> None:
    tried = (bench.call("POST", "/v1/cards/check", {"value": NOT_OURS}) for _ in range(20))
    answered = await asyncio.gather(*tried)
    assert sorted(each.status for each in answered) == [200] * 5 + [429] * 15


async def test_good_cards_may_be_asked_for_again_and_again(bench: KioskBench) -> None:
    answered = [await bench.call("POST", "/v1/cards/check", {"value": CARD_NUMBER}) for _ in range(6)]
    assert [each.status for each in answered] == [200] * 6


async def test_a_card_that_cannot_be_checked_is_said(bench: KioskBench) -> None:
    bench.simulator.add_fault("validateMerchantcard:bare-server-error")
    refused = await bench.call("POST", "/v1/cards/check", {"value": CARD.value})
    assert (refused.status, refused.problem) == (503, "card-not-checked")


@pytest.mark.parametrize(("value", "problem"), [("4111111111111111", "payment-card"), ("12", "not-a-card")])
async def test_what_is_no_card_is_not_asked_for(bench: KioskBench, value: str, problem: str) -> None:
    refused = await bench.call("POST", "/v1/cards/check", {"value": value})
    assert (refused.status, refused.problem) == (422, problem)
    assert value not in str(refused.body)


# The terminal


async def test_the_terminals_day_is_closed_and_reported(bench: KioskBench, operator: KioskClient) -> None:
    await sold(bench, "cashless")
    report = await operator.end_of_day(by="Eva")
    assert (report.status, report.receipt) == ("ok", ())
    assert {"type": "separator", "value": {"caption": "Kassenschnitt"}} in report.merchant_receipt
    assert (await operator.diagnosis(by="Eva")).transaction_id.startswith("STX_")


@pytest.mark.parametrize(
    ("fault", "status", "problem"),
    [
        ("server-error", 502, "api-refused"),
        ("no-answer-after-executing", 504, "api-no-answer"),
        ("not-json", 504, "api-no-answer"),
    ],
)
async def test_what_comes_of_the_terminal_is_told_by_its_kind(
    bench: KioskBench, fault: str, status: int, problem: str
) -> None:
    bench.simulator.add_fault(f"EndOfDay:{fault}:1")
    answered = await bench.call("POST", "/v1/terminal/end-of-day", {"by": "Eva"}, role=Role.OPERATOR)
    assert (answered.status, answered.problem) == (status, problem)
    if problem == "api-refused":
        assert set(answered.body["error"]) == {"error", "error_details", "error_user", "code", "supportId"}
        assert answered.body["error"]["error_user"]


async def test_the_terminal_is_asked_once_for_a_key_also_by_a_caller_that_went_away(bench: KioskBench) -> None:
    async def ask(path: str = "end-of-day", by: str = "Eva") -> Answered:
        key = {"Idempotency-Key": "day-1"}
        return await bench.call("POST", f"/v1/terminal/{path}", {"by": by}, role=Role.OPERATOR, headers=key)

    bench.simulator.add_fault(f"EndOfDay:slow-execution:1:seconds={LONG_S}")
    gone = asyncio.create_task(ask())
    await bench.simulator.request_arrived("EndOfDay")
    gone.cancel()
    asked_again = asyncio.create_task(ask())
    await bench.simulator.clock.advance(LONG_S)
    first, again = await asked_again, await ask()
    assert (first.status, again.body) == (200, first.body)
    assert len(bench.simulator.requests_of("EndOfDay")) == 1
    for other in (await ask("diagnosis"), await ask(by="Max")):
        assert (other.status, other.problem) == (422, "idempotency-key-reused")


async def test_what_the_terminal_refused_may_be_asked_again_with_the_same_key(bench: KioskBench) -> None:
    bench.simulator.add_fault("EndOfDay:server-error:1")
    for expected in (502, 200):
        key = {"Idempotency-Key": "day-1"}
        answered = await bench.call("POST", "/v1/terminal/end-of-day", {"by": "Eva"}, role=Role.OPERATOR, headers=key)
        assert answered.status == expected
