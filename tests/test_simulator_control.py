"""The control interface, the record behind it, and waiting for what arrives."""

import asyncio
import json

import aiohttp
import pytest

from agent.simulator import CARD_NUMBER, CLIENT_SECRET, DEVICE_UUID, ManualClock
from agent.simulator.record import Counts, masked_number
from tests.test_simulator_api import CLIENT, Json, order
from tests.test_simulator_faults import Client, simulated


async def sold(client: Client) -> str:
    """The seed's checkout; its path."""
    path = await client.due()
    assert (await client.call("POST", f"{path}/start/cash", {})).status == 200
    return path


async def test_the_ledger_says_what_was_executed_and_masks_the_card() -> None:
    async with simulated(clock=ManualClock()) as client:
        path = await sold(client)
        assert (await client.call("GET", "/simulator/ledger")).json == {
            "count": 1,
            "bookings": [
                {
                    "number": 1,
                    "at": "2020-09-17T09:18:14.000+02:00",
                    "kind": "start",
                    "transaction": path.rpartition("/")[2],
                    "merchantRef": None,
                    "method": "cash",
                    "sum": 796,
                    "amount": 296,
                    "redeemed": 500,
                    "bonus_redeemed": 0,
                    "charged": 0,
                    "discharged": 0,
                    "card": "9276********2845",
                    "request": 4,
                    "reverses": None,
                }
            ],
        }


async def test_requests_are_recorded_with_everything_but_secrets() -> None:
    async with simulated(clock=ManualClock()) as client:
        await sold(client)
        reply = await client.call("GET", "/simulator/requests")
        requests = reply.json["requests"]
        assert isinstance(requests, list)
        assert [request["call"] for request in requests] == ["login", "create", "preTransaction", "start/cash"]
        assert [request["token_given"] for request in requests] == [False, True, True, True]
        assert requests[1]["body"]["idents"] == [{"type": "card", "value": "9276********2845"}]
        assert requests[1]["body"]["basket"]["products"][2]["ean"] == "4999012345678"
        for secret in (CARD_NUMBER, CLIENT_SECRET, client.token):
            assert secret not in reply.text


async def test_a_card_number_in_a_search_is_masked_too() -> None:
    async with simulated() as client:
        await client.call("GET", f'/api/v2/Loyalty/MerchantCards?q=card.cardnumber:"{CARD_NUMBER}"')
        reply = await client.call("GET", "/simulator/requests?call=cards")
        assert "9276********2845" in reply.text
        assert CARD_NUMBER not in reply.text


async def test_in_process_the_record_has_bodies_whole_and_does_not_print_them() -> None:
    async with simulated() as client:
        await client.call("POST", "/api/v2/Smart/Transactions", order())
        recorded = client.simulator.requests_of("create")[0]
        assert recorded.json == order()
        assert recorded.status == 200
        assert CARD_NUMBER not in repr(recorded)


async def test_x_action_and_faults_are_recorded() -> None:
    async with simulated("create:server-error", "create:latency:1:seconds=0") as client:
        url = f"{client.simulator.base_url}/api/v2/Smart/Transactions"
        async with client.session.post(url, headers={"X-Action": "a1"}) as answer:
            assert answer.status == 500
        recorded = client.simulator.requests_of("create")[0]
        assert (recorded.x_action, recorded.faults) == ("a1", ("server-error", "latency"))


async def test_a_request_can_be_waited_for() -> None:
    async with simulated() as client:
        waiting = asyncio.create_task(client.simulator.request_arrived("create", 2))
        await client.call("POST", "/api/v2/Smart/Transactions", {})
        assert not waiting.done()
        await client.call("POST", "/api/v2/Smart/Transactions", {})
        await waiting


async def test_a_wait_that_is_given_up_leaves_nothing_behind() -> None:
    counts = Counts()
    waiting = asyncio.create_task(counts.reach("a", 1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    counts.add("a")
    await counts.reach("a", 1)
    assert counts["a"] == 1


async def test_what_arrives_can_be_waited_for_over_http() -> None:
    async with simulated() as client:
        waiting = asyncio.create_task(client.call("GET", "/simulator/requests?call=create&count=1&wait_seconds=20"))
        booked = asyncio.create_task(client.call("GET", "/simulator/ledger?count=1&wait_seconds=20"))
        for _ in range(2):
            await client.call("GET", "/simulator")
        assert not waiting.done()
        assert not booked.done()
        await sold(client)
        assert [(await task).json["count"] for task in (waiting, booked)] == [1, 1]
        assert (await client.call("GET", "/simulator/ledger?count=9&wait_seconds=0")).json["count"] == 1


async def test_switches_are_read_and_changed() -> None:
    async with simulated() as client:
        path = await sold(client)
        changed = await client.call("PUT", "/simulator/switches", {"second-start": "executes-again"})
        assert changed.json == (await client.call("GET", "/simulator/switches")).json
        await client.call("POST", f"{path}/start/cash")  # the balance is spent: refused by another switch
        client.simulator.set_card(CARD_NUMBER, cash_balance=500)
        await client.call("POST", f"{path}/start/cash")
        assert [booking.amount for booking in client.simulator.ledger] == [296, 296]


async def test_faults_are_planned_shown_and_cleared() -> None:
    async with simulated() as client:
        planned = await client.call(
            "POST", "/simulator/faults", ["create:not-json", {"call": "read", "kind": "latency", "seconds": 1}]
        )
        assert planned.json["faults"] == [
            {"kind": "not-json", "call": "create", "count": 1, "first": 1, "executes": False},
            {"kind": "latency", "call": "read", "count": 1, "first": 1, "seconds": 1.0},
        ]
        assert (await client.call("POST", "/api/v2/Smart/Transactions", {})).text.startswith("<!DOCTYPE")
        assert (await client.call("DELETE", "/simulator/faults")).json == {"faults": []}


async def test_a_card_is_set_and_made() -> None:
    async with simulated() as client:
        reply = await client.call("POST", "/simulator/cards", {"number": CARD_NUMBER, "cash_balance": 796})
        assert (reply.json["number"], reply.json["cash_balance"]) == ("9276********2845", 796)
        path = (await client.call("POST", "/api/v2/Smart/Transactions", order())).json["id"]
        applied = await client.call("POST", f"/api/v2/Smart/Transactions/{path}/preTransaction")
        assert applied.json["missing_sum"] == 0
        await client.call("POST", "/simulator/cards", {"number": "9276000000000001", "locked": True})
        assert client.simulator.card("9276000000000001").locked
        cards = (await client.call("GET", "/simulator/cards")).json["cards"]
        assert isinstance(cards, list)
        assert len(cards) == 5


async def test_a_device_is_confirmed() -> None:
    async with simulated() as client:
        pairing: Json = {"grant_type": "device", "uuid": DEVICE_UUID}
        user_code = (await client.call("POST", "/oauth/token", pairing | CLIENT)).json["user_code"]
        assert (await client.call("POST", "/simulator/pairings", {"user_code": user_code})).json == {"confirmed": True}
        assert (await client.call("POST", "/simulator/pairings", {"user_code": "x"})).status == 400


async def test_a_reset_goes_back_to_the_beginning_and_keeps_the_logins() -> None:
    async with simulated("create:latency:1:seconds=0") as client:
        await sold(client)
        await client.call("PUT", "/simulator/switches", {"second-start": "executes-again"})
        client.simulator.add_fault("read:not-json:always")
        assert (await client.call("POST", "/simulator/reset")).json == {"reset": True}
        assert client.simulator.requests == []
        assert client.simulator.ledger == []
        assert client.simulator.faults.left == []
        assert client.simulator.switches.second_start == "refuses"
        assert client.simulator.card(CARD_NUMBER).balance == 500
        await sold(client)
        await client.simulator.booked(1)


async def test_a_reset_forgets_what_was_to_be_executed_late() -> None:
    clock = ManualClock()
    async with simulated("create:executed-late:1:connection=silent", clock=clock) as client:
        waiting = asyncio.create_task(client.call("POST", "/api/v2/Smart/Transactions", {}))
        await client.simulator.request_arrived("create")
        await client.simulator.reset()
        await clock.advance(60)
        assert client.simulator.api.state.transactions == {}
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_the_control_interface_lists_itself() -> None:
    async with simulated() as client:
        calls = (await client.call("GET", "/simulator/")).json["calls"]
        assert isinstance(calls, list)
        assert "POST /simulator/reset" in calls


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "switches", {"second-strat": "refuses", "x": 1}, 400),
        ("PUT", "switches", [], 400),
        ("POST", "faults", {"kind": "nothing"}, 400),
        ("POST", "faults", 7, 400),
        ("POST", "cards", {"number": CARD_NUMBER, "cash_balance": "7"}, 400),
        ("POST", "cards", {"number": int(CARD_NUMBER)}, 400),
        ("POST", "pairings", {}, 400),
        ("GET", "ledger?wait_seconds=3600", None, 400),
        ("GET", "requests?calls=create", None, 400),
        ("GET", "requests?call=craete", None, 400),
        ("POST", "clock", {"advance_seconds": -1}, 400),
        ("PATCH", "switches", {}, 404),
        ("GET", "nothing", None, 404),
    ],
)
async def test_a_mistake_is_answered_with_what_is_wrong(method: str, path: str, body: object, status: int) -> None:
    async with simulated() as client:
        reply = await client.call(method, f"/simulator/{path}", body)
        assert reply.status == status
        assert json.loads(reply.text)["problems"]
        assert CARD_NUMBER not in reply.text


async def test_a_body_that_is_not_json_is_a_mistake() -> None:
    async with (
        simulated() as client,
        client.session.post(f"{client.simulator.base_url}/simulator/cards", data=b"{") as answer,
    ):
        assert answer.status == 400


async def test_faults_do_not_touch_the_control_interface() -> None:
    async with simulated("*:no-answer-before-executing:always") as client:
        assert (await client.call("GET", "/simulator/ledger")).status == 200


@pytest.mark.parametrize(
    ("number", "masked"), [(CARD_NUMBER, "9276********2845"), ("9991234567890", "9991*****7890"), ("1234", "****")]
)
def test_numbers_are_masked(number: str, masked: str) -> None:
    assert masked_number(number) == masked


async def test_time_is_moved_while_it_runs_and_whoever_waits_is_woken() -> None:
    async with simulated("start/cash:executed-late:1:seconds=3600") as client:
        with pytest.raises(aiohttp.ClientError):
            await client.call("POST", f"{await client.due()}/start/cash", {})
        assert client.simulator.ledger == []
        await client.call("POST", "/simulator/clock", {"advance_seconds": 3600})
        await client.simulator.booked()
        assert (await client.call("GET", "/api/v2/General/Merchants/me")).status == 403  # the token is too old now


async def test_a_removed_device_is_told_so_with_all_that_it_logs_in_with() -> None:
    async with simulated() as client:
        pairing = (
            await client.call("POST", "/oauth/token", {"grant_type": "device", "uuid": DEVICE_UUID} | CLIENT)
        ).json
        await client.call("POST", "/simulator/pairings", {"user_code": pairing["user_code"]})
        by_code = {"grant_type": "device", "code": pairing["device_code"]} | CLIENT
        login = (await client.call("POST", "/oauth/token", by_code)).json
        assert (await client.call("DELETE", "/simulator/pairings")).json == {"removed": True}
        by_refresh_token = {"grant_type": "refresh_token", "refresh_token": login["refresh_token"]} | CLIENT
        statuses = [(await client.call("POST", "/oauth/token", body)).status for body in (by_code, by_refresh_token)]
        client.token = str(login["access_token"])
        statuses.append((await client.call("GET", "/api/v2/General/Merchants/me")).status)
        assert statuses == [401, 400, 403]


async def test_without_a_call_every_request_counts() -> None:
    async with simulated() as client:
        await client.call("GET", "/api/v2/General/Merchants/me")
        found = (await client.call("GET", "/simulator/requests?count=2&wait_seconds=60")).json
        assert found["count"] == 2
