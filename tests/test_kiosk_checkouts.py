"""Checkouts over HTTP: a real agent, driven the way a screen, a register and an operator drive it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from agent.kiosk.roles import Role
from agent.kiosk.wrong_attempts import MOST_WRONG
from agent.simulator import CARD_CSC, CARD_NUMBER
from agent.simulator.server import SimulatorServer
from tests.kiosk_bench import BASKET, ORDER, KioskBench, agent_at_work, whole_agent
from tests.till_bench import CARD, drawer_of

BANK_CARD = "4111111111111111"
PAY = {"method": "cash", "amount": 296}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KioskBench]:
    async with whole_agent(tmp_path) as bench:
        yield bench


async def awaiting_cash(bench: KioskBench) -> str:
    """Bring the seed's checkout to the open drawer."""
    checkout_id = await bench.due()
    async with bench.events() as events:
        await events.next()
        await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", PAY)
        await events.until(lambda told: told.name == "drawer" and told.data["event"] == "opened")
    return checkout_id


async def completed(bench: KioskBench) -> str:
    checkout_id = await awaiting_cash(bench)
    async with bench.events() as events:
        await events.next()
        bench.drawer.close_drawer()
        await events.phase("completed")
    return checkout_id


async def test_the_seeds_checkout_over_http(bench: KioskBench) -> None:
    async with bench.events() as events:
        assert (await events.next()).name == "snapshot"
        created = await bench.call("POST", "/v1/checkouts", ORDER)
        assert created.status == 201
        path = created.headers["Location"]
        assert path == f"/v1/checkouts/{created.body['id']}"
        bench.scan()
        scan = await events.until(lambda told: told.name == "scan")
        assert scan.data == {"scanner": "counter", "card": "9276********2845"}
        await events.until(lambda told: told.name == "checkout" and (told.data["card"] or {}).get("balance") == 500)
        applying = await bench.call("POST", f"{path}/apply", {"use_balance": True})
        assert applying.body["phase"] == "applying"
        due = await events.phase("due")
        assert (due["amount_due"], due["split"]) == (296, {"cash": 296, "card": 500, "bonus": 0, "terminal": 0})
        assert (await bench.call("GET", path)).body == due
        paying = await bench.call("POST", f"{path}/pay", PAY)
        assert (paying.status, paying.body["phase"], paying.body["method"]) == (200, "awaiting_cash", "cash")
        await events.until(lambda told: told.name == "drawer" and told.data["event"] == "opened")
        bench.drawer.close_drawer()
        done = await events.phase("completed")
    assert done["evidence"]["kind"] == "drawer-closed"
    assert done["receipts"] == ["customer"]
    assert len(bench.simulator.ledger) == 1


async def test_ids_of_the_stream_rise_one_by_one(bench: KioskBench) -> None:
    async with bench.events() as events:
        await events.next()
        await completed(bench)
        await events.phase("completed")
    sequences = [int(told.id.rpartition("-")[2]) for told in events.heard[1:] if told.id]
    assert sequences == list(range(1, len(sequences) + 1))


async def test_a_repeated_create_is_the_same_checkout(bench: KioskBench) -> None:
    key = {"Idempotency-Key": "order-17"}
    first = await bench.call("POST", "/v1/checkouts", ORDER, headers=key)
    again = await bench.call("POST", "/v1/checkouts", ORDER, headers=key)
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body


async def test_a_key_is_for_one_request(bench: KioskBench) -> None:
    key = {"Idempotency-Key": "order-17"}
    first = await bench.call("POST", "/v1/checkouts", ORDER, headers=key)
    other = await bench.call("POST", "/v1/checkouts", ORDER | {"merchantRef": "A-18"}, headers=key)
    elsewhere = await bench.call("POST", f"/v1/checkouts/{first.body['id']}/cancel", {}, headers=key)
    for refused in (other, elsewhere):
        assert (refused.status, refused.problem) == (422, "idempotency-key-reused")


async def test_a_key_is_for_one_checkout(bench: KioskBench) -> None:
    key = {"Idempotency-Key": "cancel-1"}
    for expected in (200, 422):
        checkout_id = await bench.begin()
        answered = await bench.call("POST", f"/v1/checkouts/{checkout_id}/cancel", {}, headers=key)
        assert answered.status == expected


async def test_a_key_is_known_after_a_restart_and_to_a_checkout_that_is_over(tmp_path: Path) -> None:
    key = {"Idempotency-Key": "order-17"}
    async with SimulatorServer() as simulator, drawer_of(tmp_path) as drawer:
        async with agent_at_work(tmp_path, simulator, drawer) as bench:
            first = await bench.call("POST", "/v1/checkouts", ORDER, headers=key)
            await bench.call("POST", f"/v1/checkouts/{first.body['id']}/cancel")
        async with agent_at_work(tmp_path, simulator, drawer) as bench:
            again = await bench.call("POST", "/v1/checkouts", ORDER, headers=key)
    assert (again.status, again.body["id"], again.body["phase"]) == (200, first.body["id"], "cancelled")


async def test_a_key_is_printable_and_not_too_long(bench: KioskBench) -> None:
    for key in ("", "x" * 256, "ä", "a\tb"):
        answered = await bench.call("POST", "/v1/checkouts", ORDER, headers={"Idempotency-Key": key})
        assert (answered.status, answered.problem) == (400, "idempotency-key-invalid")


async def test_a_key_that_chance_drew_is_taken(bench: KioskBench) -> None:
    for key in ("5555431415926535", "4d0c83a5401234567890123bfa"):
        taken = await bench.call("POST", "/v1/checkouts", ORDER, headers={"Idempotency-Key": key})
        assert taken.status in {201, 409}


async def test_a_key_that_holds_a_loyalty_number_is_refused_and_kept_nowhere(bench: KioskBench) -> None:
    answered = await bench.call("POST", "/v1/checkouts", ORDER, headers={"Idempotency-Key": f"sale-{CARD_NUMBER}"})
    assert (answered.status, answered.problem) == (400, "idempotency-key-invalid")
    assert CARD_NUMBER not in str(answered.body)
    assert (await bench.call("GET", "/v1/checkouts")).body == {"checkouts": []}


async def test_another_checkout_is_refused_with_the_active_one(bench: KioskBench) -> None:
    active = await bench.call("POST", "/v1/checkouts", ORDER)
    second = await bench.call("POST", "/v1/checkouts", ORDER)
    assert (second.status, second.problem) == (409, "another-is-active")
    assert second.headers["Content-Type"].startswith("application/problem+json")
    assert second.body["checkout"] == active.body


@pytest.mark.parametrize("card", [CARD_NUMBER, BANK_CARD])
async def test_a_reference_that_holds_a_card_number_is_refused_and_kept_nowhere(bench: KioskBench, card: str) -> None:
    orders = [
        {"merchantRef": card},
        {"merchantRef": "A-17", "transactionRef": f"card {card}"},
        {"transaction_id": f"STX_{card}", "amount_due": 296},
    ]
    for order, field in zip(orders, ("merchantRef", "transactionRef", "transaction_id"), strict=True):
        refused = await bench.call("POST", "/v1/checkouts", order)
        assert (refused.status, refused.problem) == (422, "card-in-reference")
        assert [problem["field"] for problem in refused.body["problems"]] == [field]
        assert card not in str(refused.body)
    assert (await bench.call("GET", "/v1/checkouts")).body == {"checkouts": []}


@pytest.mark.parametrize(
    "told",
    [
        {"desc": f"Gift card {CARD_NUMBER}"},
        {"serialNumber": int(CARD_NUMBER)},
        {"articleNumber": BANK_CARD},
        {"group": [{CARD_NUMBER: 1}]},
    ],
)
async def test_a_product_line_that_holds_a_card_number_is_refused_and_kept_nowhere(
    bench: KioskBench, told: dict[str, object]
) -> None:
    basket = {"products": [*BASKET["products"], {"quantity": 1, "priceOne": 1500} | told]}
    last = len(basket["products"]) - 1
    refused = await bench.call("POST", "/v1/checkouts", {"basket": basket})
    assert (await bench.call("GET", "/v1/checkouts")).body == {"checkouts": []}
    path = f"/v1/checkouts/{await bench.begin()}/basket"
    changed = await bench.call("PUT", path, basket)
    for answered, field in ((refused, f"basket.products.{last}"), (changed, f"products.{last}")):
        assert (answered.status, answered.problem) == (422, "card-in-product")
        assert [problem["field"] for problem in answered.body["problems"]] == [field]
        assert not any(number in str(answered.body) for number in (CARD_NUMBER, BANK_CARD))


async def test_an_empty_draft_gets_its_basket_later(bench: KioskBench) -> None:
    created = await bench.call("POST", "/v1/checkouts")
    assert (created.status, created.body["allowed"]) == (201, ["basket", "card", "cancel"])
    filled = await bench.call("PUT", f"/v1/checkouts/{created.body['id']}/basket", BASKET)
    assert filled.body["basket"] == BASKET
    assert filled.body["basket_info"] == {"sum": 796, "currency": "EUR"}


async def test_the_currency_of_a_checkout_stays(bench: KioskBench) -> None:
    created = await bench.call("POST", "/v1/checkouts", {"currency": "CHF"})
    filled = await bench.call("PUT", f"/v1/checkouts/{created.body['id']}/basket", BASKET)
    assert filled.body["basket_info"]["currency"] == "CHF"


async def test_an_unknown_checkout_is_not_found(bench: KioskBench) -> None:
    calls: list[tuple[str, str, object]] = [
        ("GET", "", None),
        ("PUT", "/basket", BASKET),
        ("PUT", "/card", {"value": CARD_NUMBER, "csc": CARD_CSC}),
        ("DELETE", "/card", None),
        ("POST", "/pay", PAY),
        ("POST", "/cancel", {}),
        ("GET", "/receipt", None),
    ]
    for checkout_id in ("co_unknown", "%00", "%ff%fe", "..%2f..%2fetc", "'%20OR%201=1"):
        for method, path, body in calls:
            answered = await bench.call(method, f"/v1/checkouts/{checkout_id}{path}", body)
            assert (answered.status, answered.problem) == (404, "no-such-checkout")


async def test_a_wrong_amount_is_refused_with_the_checkout(bench: KioskBench) -> None:
    checkout_id = await bench.due()
    answered = await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", {"method": "cash", "amount": 295})
    assert (answered.status, answered.problem) == (409, "amount-differs")
    assert answered.body["checkout"]["amount_due"] == 296


async def test_calls_that_had_their_effect_are_answered_again(bench: KioskBench) -> None:
    checkout_id = await awaiting_cash(bench)
    again = await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", PAY)
    assert (again.status, again.body["phase"]) == (200, "awaiting_cash")
    assert bench.drawer.pulses == 1
    for _ in range(2):
        cancelled = await bench.call("POST", f"/v1/checkouts/{checkout_id}/cancel", {})
        assert (cancelled.status, cancelled.body["phase"]) == (200, "cancelled")


async def test_what_comes_too_late_is_refused_with_the_checkout(bench: KioskBench) -> None:
    checkout_id = await completed(bench)
    for method, path, body in (("POST", "cancel", {}), ("PUT", "basket", BASKET), ("DELETE", "card", None)):
        answered = await bench.call(method, f"/v1/checkouts/{checkout_id}/{path}", body)
        assert (answered.status, answered.problem) == (409, "too-late")
        assert answered.body["checkout"]["phase"] == "completed"


# The card


async def draft(bench: KioskBench) -> str:
    return f"/v1/checkouts/{(await bench.call('POST', '/v1/checkouts', ORDER)).body['id']}"


async def test_a_typed_number_needs_the_digits_on_its_back(bench: KioskBench) -> None:
    path = await draft(bench)
    without = await bench.call("PUT", f"{path}/card", {"value": CARD_NUMBER})
    assert (without.status, without.problem) == (403, "csc-required")
    taken = await bench.call("PUT", f"{path}/card", {"value": CARD_NUMBER, "csc": CARD_CSC})
    assert (taken.status, taken.body["card"]["number"]) == (200, "9276********2845")


async def test_the_operator_types_a_number_without_them(bench: KioskBench) -> None:
    path = await draft(bench)
    taken = await bench.call("PUT", f"{path}/card", {"value": CARD_NUMBER}, role=Role.OPERATOR)
    assert taken.status == 200


async def test_the_digits_cannot_be_guessed(bench: KioskBench) -> None:
    path = await draft(bench)
    wrong = {"value": CARD_NUMBER, "csc": "0000"}
    problems = [(await bench.call("PUT", f"{path}/card", wrong)).problem for _ in range(6)]
    assert problems == ["csc-wrong"] * 5 + ["too-many-attempts"]
    right = await bench.call("PUT", f"{path}/card", wrong | {"csc": CARD_CSC})
    assert (right.status, right.problem) == (429, "too-many-attempts")


async def test_the_digits_cannot_be_guessed_by_many_at_once(bench: KioskBench) -> None:
    path = await draft(bench)
    wrong = {"value": CARD_NUMBER, "csc": "0000"}
    answered = await asyncio.gather(*(bench.call("PUT", f"{path}/card", wrong) for _ in range(20)))
    assert sorted(each.problem for each in answered) == ["csc-wrong"] * 5 + ["too-many-attempts"] * 15


async def test_digits_that_cannot_be_checked_are_not_believed(bench: KioskBench) -> None:
    path = await draft(bench)
    for _ in range(MOST_WRONG + 1):  # nor are they counted as wrong
        bench.simulator.add_fault("checkCsc:bare-server-error")
        answered = await bench.call("PUT", f"{path}/card", {"value": CARD_NUMBER, "csc": CARD_CSC})
        assert (answered.status, answered.problem) == (503, "csc-not-checked")
    assert (await bench.call("GET", path)).body["card"] is None


async def test_what_is_no_card_is_refused_without_a_digit(bench: KioskBench) -> None:
    path = await draft(bench)
    for value, problem in ((BANK_CARD, "payment-card"), ("12345", "not-a-card"), ("x" * 500, "not-a-card")):
        answered = await bench.call("PUT", f"{path}/card", {"value": value, "csc": "4471"})
        assert (answered.status, answered.problem) == (422, problem)
        assert value not in str(answered.body)


async def test_another_card_is_refused_and_a_removed_one_makes_room(bench: KioskBench) -> None:
    path = f"/v1/checkouts/{await bench.begin()}"
    other = {"value": "9276004424644352"}
    refused = await bench.call("PUT", f"{path}/card", other, role=Role.OPERATOR)
    assert (refused.status, refused.problem) == (409, "card-present")
    removed = await bench.call("DELETE", f"{path}/card")
    assert (removed.status, removed.body["card"]) == (200, None)
    taken = await bench.call("PUT", f"{path}/card", other, role=Role.OPERATOR)
    assert taken.body["card"]["number"] == "9276********4352"


async def test_a_card_that_the_api_refuses_is_told_and_not_kept(bench: KioskBench) -> None:
    bench.simulator.set_card(CARD.value, locked=True)
    await draft(bench)
    async with bench.events() as events:
        await events.next()
        bench.scan()
        told = await events.until(lambda told: told.name == "card_refused")
    assert told.data == {"scanner": None, "reason": "locked"}


async def test_a_bank_card_is_told_without_a_digit(bench: KioskBench) -> None:
    async with bench.events() as events:
        await events.next()
        bench.scan(BANK_CARD)
        told = await events.next()
    assert (told.name, told.data) == ("card_refused", {"scanner": "counter", "reason": "payment_card"})


# The operator


OPERATOR_ONLY: list[tuple[str, dict[str, object]]] = [
    ("/v1/checkouts/{id}/confirm", {"amount": 296, "by": "Ada"}),
    ("/v1/checkouts/{id}/retry", {"by": "Ada"}),
    ("/v1/checkouts/{id}/resolve", {"outcome": "executed", "note": "seen", "by": "Ada"}),
    ("/v1/checkouts/{id}/reverse", {"reason": "wrong", "by": "Ada"}),
    ("/v1/terminal/end-of-day", {"by": "Ada"}),
    ("/v1/terminal/diagnosis", {"by": "Ada"}),
    ("/v1/drawer/open", {"reason": "change", "by": "Ada"}),
    ("/v1/tickets", {}),
]


async def test_the_screen_cannot_do_what_only_the_operator_may(bench: KioskBench) -> None:
    checkout_id = await awaiting_cash(bench)
    for path, body in OPERATOR_ONLY:
        answered = await bench.call("POST", path.format(id=checkout_id), body)
        assert (answered.status, answered.problem) == (403, "operator-required")
    assert (await bench.call("GET", f"/v1/checkouts/{checkout_id}")).body["phase"] == "awaiting_cash"
    assert bench.drawer.pulses == 1


async def test_the_operator_confirms_where_the_drawer_is_lost(bench: KioskBench) -> None:
    checkout_id = await awaiting_cash(bench)
    path = f"/v1/checkouts/{checkout_id}/confirm"
    early = await bench.call("POST", path, {"amount": 296, "by": "Ada"}, role=Role.OPERATOR)
    assert (early.status, early.problem) == (409, "operator-not-needed")
    async with bench.events(role=Role.OPERATOR) as events:
        await events.next()
        bench.drawer.unplug()
        lost = await events.until(lambda told: told.name == "checkout" and told.data["drawer_trouble"] == "lost")
        assert "confirm" in lost.data["allowed"]
        wrong = await bench.call("POST", path, {"amount": 297, "by": "Ada"}, role=Role.OPERATOR)
        assert (wrong.status, wrong.problem) == (409, "amount-differs")
        confirmed = await bench.call("POST", path, {"amount": 296, "by": "Ada"}, role=Role.OPERATOR)
        assert confirmed.status == 200
        done = await events.phase("completed")
    assert (done["evidence"]["kind"], done["evidence"]["by"]) == ("operator", "Ada")


async def test_an_operator_says_who_he_is(bench: KioskBench) -> None:
    checkout_id = await bench.begin()
    for path, body in OPERATOR_ONLY[:-1]:
        nameless = {name: value for name, value in body.items() if name != "by"}
        answered = await bench.call("POST", path.format(id=checkout_id), nameless, role=Role.OPERATOR)
        assert (answered.status, answered.problem) == (422, "name-required")


async def test_whoever_reaches_the_control_socket_is_an_operator_with_a_name(bench: KioskBench) -> None:
    checkout_id = await awaiting_cash(bench)
    async with bench.events(role=Role.OPERATOR) as events:
        await events.next()
        bench.drawer.unplug()
        await events.until(lambda told: told.name == "checkout" and told.data["drawer_trouble"] == "lost")
        connector = aiohttp.UnixConnector(str(bench.control_socket))
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"http://tillwire/v1/checkouts/{checkout_id}/confirm"
            async with session.post(url, json={"amount": 296}) as answered:
                assert answered.status == 200
        done = await events.phase("completed")
    assert done["evidence"]["by"] == bench.control_socket.owner()


async def test_the_drawer_is_opened_once_for_a_key(bench: KioskBench) -> None:
    key = {"Idempotency-Key": "no-sale-1"}
    body = {"reason": "change", "by": "Ada"}
    async with bench.events(role=Role.OPERATOR) as events:
        await events.next()
        for _ in range(2):
            opened = await bench.call("POST", "/v1/drawer/open", body, role=Role.OPERATOR, headers=key)
            assert opened.status == 204
        asked = await events.until(lambda told: told.name == "drawer")
        await events.until(lambda told: told.data.get("event") == "opened")
    assert (asked.data["event"], asked.data["reason"], asked.data["asked_by"]) == ("asked", "change", "Ada")
    assert bench.drawer.pulses == 1
    other = await bench.call("POST", "/v1/drawer/open", body | {"reason": "float"}, role=Role.OPERATOR, headers=key)
    assert (other.status, other.problem) == (422, "idempotency-key-reused")


async def test_a_drawer_that_cannot_open_says_why_and_may_be_asked_again(bench: KioskBench) -> None:
    key = {"Idempotency-Key": "no-sale-1"}
    async with bench.events() as events:
        await events.next()
        bench.drawer.unplug()
        await events.until(lambda told: told.name == "device" and told.data["state"] != "present")
        for _ in range(2):
            refused = await bench.call(
                "POST", "/v1/drawer/open", {"reason": "change", "by": "Ada"}, role=Role.OPERATOR, headers=key
            )
            assert (refused.status, refused.problem) == (503, "drawer-refused")
            assert refused.body["detail"]


# What can be read


async def test_a_receipt_comes_in_the_form_that_is_accepted(bench: KioskBench) -> None:
    url = f"{bench.base_url}/v1/checkouts/{await completed(bench)}/receipt"
    for accept, content_type, content in (
        (None, "application/json", '"lines"'),
        ("application/json", "application/json", '"9276********2845"'),
        ("text/plain", "text/plain", "7,96 EUR"),
        ("text/html", "text/html", "<strong>7,96 EUR</strong>"),
        ("application/octet-stream", "application/octet-stream", "\x1bt\x10"),
    ):
        headers = bench.headers(Role.SCREEN) | ({"Accept": accept} if accept else {})
        async with bench.session.get(url, headers=headers) as answered:
            assert answered.content_type == content_type
            text = (await answered.read()).decode("latin-1")
        assert content in text
        assert CARD.value not in text


async def test_receipts_that_are_not_there_or_not_possible_are_refused(bench: KioskBench) -> None:
    path = f"/v1/checkouts/{await bench.begin()}/receipt"
    for query, status, problem in (
        ("", 404, "no-receipt"),
        ("?receipt=merchant", 404, "no-receipt"),
        ("?receipt=tax-office", 422, "invalid-request"),
        ("?width=7", 422, "invalid-request"),
        ("?colour=red", 422, "invalid-request"),
    ):
        answered = await bench.call("GET", path + query)
        assert (answered.status, answered.problem) == (status, problem)


async def test_a_form_that_cannot_be_given_is_named(bench: KioskBench) -> None:
    path = f"/v1/checkouts/{await completed(bench)}/receipt"
    answered = await bench.call("GET", path, headers={"Accept": "image/png"})
    assert (answered.status, answered.problem) == (406, "not-acceptable")
    assert "text/plain" in answered.body["detail"]


async def test_checkouts_are_listed_by_phase_the_newest_first(bench: KioskBench) -> None:
    for _ in range(2):
        checkout_id = await bench.begin()
        await bench.call("POST", f"/v1/checkouts/{checkout_id}/cancel", {})
    active = await bench.begin()
    cancelled = (await bench.call("GET", "/v1/checkouts?phase=cancelled")).body["checkouts"]
    assert [each["phase"] for each in cancelled] == ["cancelled", "cancelled"]
    every = (await bench.call("GET", "/v1/checkouts")).body["checkouts"]
    assert [each["id"] for each in every] == [active, cancelled[0]["id"], cancelled[1]["id"]]
    rest = (await bench.call("GET", f"/v1/checkouts?limit=1&before={active}")).body["checkouts"]
    assert [each["id"] for each in rest] == [cancelled[0]["id"]]


async def test_a_wrong_query_is_refused(bench: KioskBench) -> None:
    for query in ("phase=paid", "limit=0", "limit=501", "limit=x", "phases=due", "before=" + "x" * 101):
        answered = await bench.call("GET", f"/v1/checkouts?{query}")
        assert (answered.status, answered.problem) == (422, "invalid-request")


async def test_devices_and_the_drawers_level_are_known(bench: KioskBench) -> None:
    answered = await bench.call("GET", "/v1/devices")
    assert answered.body == {
        "devices": [{"name": "drawer", "kind": "drawer", "state": "present", "reason": None}],
        "drawer": {"drawer": "drawer", "state": "closed"},
    }


# The day


async def test_the_operator_reads_the_day_and_what_happened_last(bench: KioskBench) -> None:
    await bench.call("POST", "/v1/checkouts")
    report = await bench.call("GET", "/v1/report", role=Role.OPERATOR)
    assert (report.status, report.body["totals"], report.body["openings"]) == (200, [], [])
    history = await bench.call("GET", "/v1/history?limit=1", role=Role.OPERATOR)
    assert [each["event"] for each in history.body["events"]] == ["Order"]
    assert history.body["events"][0]["checkout"].startswith("co_")


@pytest.mark.parametrize("path", ["/v1/report", "/v1/history"])
async def test_the_day_is_nothing_for_the_screen(bench: KioskBench, path: str) -> None:
    assert (await bench.call("GET", path)).problem == "operator-required"


async def test_a_day_that_no_calendar_has_is_refused(bench: KioskBench) -> None:
    refused = await bench.call("GET", "/v1/report?day=9999-12-31", role=Role.OPERATOR)
    assert (refused.status, refused.problem) == (422, "invalid-request")


async def test_the_operators_cookie_is_no_use_to_the_screens_calls(bench: KioskBench) -> None:
    ticket = bench.kiosk.tickets.issue(Role.OPERATOR)
    answered = await bench.call("POST", "/v1/session", {"ticket": ticket}, role=None)
    assert answered.status == 204
    assert "Path=/operator" in answered.headers["Set-Cookie"]
    cookie = answered.headers["Set-Cookie"].partition(";")[0]
    below = await bench.call("GET", "/operator/v1/report", role=None, headers={"Cookie": cookie})
    assert below.status == 200
    forgotten = await bench.call("DELETE", "/operator/v1/session", role=None, headers={"Cookie": cookie})
    assert 'tillwire_operator=""' in forgotten.headers["Set-Cookie"]
