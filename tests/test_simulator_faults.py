"""Faults: planned as values, and what each of them does on the wire."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.simulator import CLIENT_ID, CLIENT_SECRET, Fault, Kind, ManualClock, Simulator, SimulatorServer, Switches
from agent.simulator.faults import ABOUT, FaultPlan, fault_from, fault_from_text
from agent.simulator.switches import UnknownSetting
from tests.test_simulator_api import Json, order

LOGIN = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that arrived whole."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Json:
        body = json.loads(self.text)
        assert isinstance(body, dict)
        return body


@dataclass(slots=True)
class Client:
    """An HTTP client that neither repeats nor follows, with a fresh connection for each call."""

    simulator: Simulator
    session: aiohttp.ClientSession
    token: str = ""

    async def call(self, method: str, path: str, body: object = None, **options: object) -> Reply:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"{self.simulator.base_url}{path}"
        async with self.session.request(
            method, url, json=body, headers=headers, allow_redirects=bool(options.get("follow"))
        ) as answer:
            return Reply(answer.status, await answer.text(), dict(answer.headers))

    async def log_in(self) -> None:
        self.token = str((await self.call("POST", "/oauth/token", LOGIN)).json["access_token"])

    async def due(self) -> str:
        """The path of the sample transaction with its balance applied."""
        created = (await self.call("POST", "/api/v2/Smart/Transactions", order())).json
        path = f"/api/v2/Smart/Transactions/{created['id']}"
        assert (await self.call("POST", f"{path}/preTransaction")).json["missing_sum"] == 296
        return path


@asynccontextmanager
async def simulated(*faults: str, clock: ManualClock | None = None, **switches: str) -> AsyncIterator[Client]:
    """A running simulator and a client that is logged in; the faults are planned after that."""
    server = SimulatorServer(switches=Switches.model_validate(switches), clock=clock)
    connector = aiohttp.TCPConnector(force_close=True)
    async with server as simulator, aiohttp.ClientSession(connector=connector) as session:
        client = Client(simulator, session)
        await client.log_in()
        for fault in faults:
            simulator.add_fault(fault)
        yield client


async def started(client: Client) -> Reply:
    path = await client.due()
    return await client.call("POST", f"{path}/start/cash", {})


async def no_reply(client: Client) -> None:
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await started(client)


async def test_no_answer_before_executing() -> None:
    async with simulated("start/cash:no-answer-before-executing") as client:
        await no_reply(client)
        assert client.simulator.ledger == []
        assert client.simulator.requests_of("start/cash")[0].status is None


async def test_no_answer_after_executing() -> None:
    async with simulated("start/cash:no-answer-after-executing") as client:
        await no_reply(client)
        assert [booking.amount for booking in client.simulator.ledger] == [296]


@pytest.mark.parametrize("kind", ["no-answer-before-executing", "no-answer-after-executing", "executed-late"])
async def test_a_silent_connection_stays_open_until_the_client_gives_up(kind: str) -> None:
    async with simulated(f"start/cash:{kind}:connection=silent", clock=ManualClock()) as client:
        path = await client.due()
        waiting = asyncio.create_task(client.call("POST", f"{path}/start/cash"))
        await client.simulator.request_arrived("start/cash")
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_executed_late() -> None:
    clock = ManualClock()
    async with simulated("start/cash:executed-late:1:seconds=45", clock=clock) as client:
        await no_reply(client)
        await clock.advance(44)
        assert client.simulator.ledger == []
        await clock.advance(1)
        await client.simulator.booked()
        assert client.simulator.ledger[0].at == clock.now()
        assert client.simulator.ledger[0].request == client.simulator.requests_of("start/cash")[0].number


async def test_what_is_executed_late_was_authorised_when_it_arrived() -> None:
    """A login in between ends the token, not the request that is under way."""
    clock = ManualClock()
    async with simulated("start/cash:executed-late:1:seconds=45", clock=clock) as client:
        path = await client.due()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.call("POST", f"{path}/start/cash")
        await clock.advance(1)
        client.simulator.api.logins.expire(client.token, clock.now())
        await clock.advance(44)
        await client.simulator.booked()


async def test_an_incomplete_request_is_not_executed(caplog: pytest.LogCaptureFixture) -> None:
    async with simulated() as client:
        async with connected(client) as (_, writer):
            head = f"POST /api/v2/Smart/Transactions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n"
            writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            await writer.drain()
        await client.call("GET", "/")
        assert client.simulator.requests_of("create") == []
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


async def test_a_late_update_takes_the_balance_away_that_was_shown() -> None:
    """The story of law 4: a PUT without an answer (aiohttp repeats it once) is carried out after preTransaction."""
    clock = ManualClock()
    async with simulated("update:executed-late:2:seconds=5", clock=clock) as client:
        path = await client.due()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.call("PUT", path, order())
        assert (await client.call("POST", f"{path}/preTransaction")).json["missing_sum"] == 296
        await clock.advance(5)
        await client.call("POST", f"{path}/start/cash")
        assert client.simulator.ledger[0].amount == 796


async def test_latency_waits_before_it_executes() -> None:
    clock = ManualClock()
    async with simulated("start/cash:latency:1:seconds=3", clock=clock) as client:
        waiting = asyncio.create_task(started(client))
        await client.simulator.request_arrived("start/cash")
        await clock.advance(2)
        assert client.simulator.ledger == []
        await clock.advance(1)
        assert (await waiting).json["status"] == "ok"


async def test_a_simulator_that_is_stopped_does_not_wait_for_what_is_slow() -> None:
    async with aiohttp.ClientSession() as session:
        async with SimulatorServer(faults=["*:latency:always:seconds=3600"]) as simulator:
            waiting = asyncio.create_task(session.get(simulator.base_url))
            await simulator.request_arrived("unknown")
        assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], aiohttp.ClientConnectionError)


async def test_a_client_that_gives_up_is_executed_all_the_same() -> None:
    clock = ManualClock()
    async with simulated("start/cash:latency:1:seconds=3", clock=clock) as client:
        waiting = asyncio.create_task(started(client))
        await client.simulator.request_arrived("start/cash")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await clock.advance(3)
        await client.simulator.booked()


async def test_a_slow_answer_is_executed_at_once() -> None:
    clock = ManualClock()
    async with simulated("start/cash:slow-answer:1:seconds=3", clock=clock) as client:
        waiting = asyncio.create_task(started(client))
        await client.simulator.booked()
        assert not waiting.done()
        await clock.advance(3)
        assert (await waiting).json["status"] == "ok"


async def test_a_slow_execution_shows_in_reads() -> None:
    clock = ManualClock()
    async with simulated("start/cash:slow-execution:1:seconds=3", clock=clock) as client:
        path = await client.due()
        waiting = asyncio.create_task(client.call("POST", f"{path}/start/cash"))
        await client.simulator.request_arrived("start/cash")
        assert (await client.call("GET", path)).json["status"] == "pending"
        assert (await client.call("POST", f"{path}/abort")).status == 500
        await clock.advance(3)
        assert (await waiting).json["status"] == "ok"


async def test_a_slow_execution_of_another_call_is_latency() -> None:
    clock = ManualClock()
    async with simulated("create:slow-execution:1:seconds=3", clock=clock) as client:
        waiting = asyncio.create_task(client.due())
        await client.simulator.request_arrived("create")
        assert client.simulator.api.state.transactions == {}
        await clock.advance(3)
        await waiting


async def test_cut_in_body() -> None:
    async with simulated("start/cash:cut-in-body") as client:
        with pytest.raises(aiohttp.ClientPayloadError):
            await started(client)
        assert len(client.simulator.ledger) == 1


async def _answer_on(reader: asyncio.StreamReader) -> Json:
    header = await reader.readuntil(b"\r\n\r\n")
    length = int(header.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    body = json.loads(await reader.readexactly(length))
    assert isinstance(body, dict)
    return body


async def test_two_answers_come_on_one_connection_and_one_execution() -> None:
    async with simulated("start/cash:two-answers") as client:
        path = await client.due()
        async with connected(client) as (reader, writer):
            head = f"POST {path}/start/cash HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n"
            writer.write(f"{head}Content-Length: 0\r\n\r\n".encode())
            first, second = await _answer_on(reader), await _answer_on(reader)
        assert first == second
        assert first["status"] == "ok"
        assert len(client.simulator.ledger) == 1


@pytest.mark.parametrize(("executes", "booked"), [("yes", 1), ("no", 0)])
async def test_server_error(executes: str, booked: int) -> None:
    async with simulated(f"start/cash:server-error:1:status=503:executes={executes}") as client:
        reply = await started(client)
        assert (reply.status, reply.json["status"], len(reply.json)) == (503, "error", 6)
        assert len(client.simulator.ledger) == booked


@pytest.mark.parametrize(("executes", "booked"), [("yes", 1), ("no", 0)])
async def test_bare_server_error(executes: str, booked: int) -> None:
    async with simulated(f"start/cash:bare-server-error:1:executes={executes}") as client:
        reply = await started(client)
        assert (reply.status, reply.text) == (502, "")
        assert len(client.simulator.ledger) == booked


@pytest.mark.parametrize(("executes", "booked"), [("yes", 1), ("no", 0)])
async def test_not_json(executes: str, booked: int) -> None:
    async with simulated(f"start/cash:not-json:1:executes={executes}") as client:
        reply = await started(client)
        assert (reply.status, reply.text[:9]) == (200, "<!DOCTYPE")
        assert len(client.simulator.ledger) == booked


async def test_an_error_in_a_good_answer() -> None:
    async with simulated("start/cash:error-in-good-answer") as client:
        reply = await started(client)
        assert (reply.status, reply.json["status"]) == (200, "error")
        assert client.simulator.ledger == []


async def test_an_empty_body() -> None:
    async with simulated("start/cash:empty-body") as client:
        reply = await started(client)
        assert (reply.status, reply.text, len(client.simulator.ledger)) == (200, "", 1)


async def test_an_answer_about_another_transaction() -> None:
    async with simulated("start/cash:another-transaction", "preTransaction:another-transaction") as client:
        path = await client.due()  # the answer of preTransaction names none, so nothing changes there
        other = (await client.call("POST", f"{path}/start/cash")).json["id"]
        assert str(other).startswith("STX_")
        assert len(str(other)) == 34
        assert other != client.simulator.ledger[0].transaction


async def test_a_missing_field() -> None:
    async with simulated("start/cash:missing-field:1:field=receipt") as client:
        reply = await started(client)
        assert "receipt" not in reply.json
        assert reply.json["status"] == "ok"


async def test_a_failed_start_in_a_good_answer() -> None:
    async with simulated("start/cash:failed") as client:
        reply = await started(client)
        assert (reply.status, reply.json["status"]) == (200, "failed")
        assert client.simulator.ledger == []


async def test_an_expired_token_is_refused_and_a_new_one_is_good() -> None:
    async with simulated("start/cash:expired-token") as client:
        path = await client.due()
        assert (await client.call("POST", f"{path}/start/cash")).status == 403
        assert (await client.call("GET", path)).status == 403
        await client.log_in()
        assert (await client.call("POST", f"{path}/start/cash")).status == 200


async def test_a_captive_portal_redirects_and_its_page_records_who_follows() -> None:
    async with simulated("read:captive-portal:2:status=307") as client:
        path = await client.due()
        reply = await client.call("GET", path)
        assert (reply.status, reply.headers["Location"]) == (307, "/captive-portal")
        followed = await client.call("GET", path, follow=True)
        assert followed.text.startswith("<!DOCTYPE")
        assert client.simulator.requests_of("captive-portal")[0].token_given


async def test_connections_are_refused_at_once_and_for_a_time() -> None:
    clock = ManualClock()
    async with simulated(clock=clock) as client:
        client.simulator.refuse_connections(30)
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.call("GET", "/")
        await clock.advance(30)
        assert (await client.call("GET", "/")).status == 501


async def test_connections_can_be_refused_from_the_beginning() -> None:
    clock = ManualClock()
    server = SimulatorServer(faults=["connect:refused-connection:1:seconds=30"], clock=clock)
    async with server as simulator, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(simulator.base_url)
        await clock.advance(30)
        async with session.get(simulator.base_url) as answer:
            assert answer.status == 403


async def test_connections_are_refused_after_a_call_was_answered() -> None:
    clock = ManualClock()
    async with simulated("preTransaction:refused-connection:1:seconds=30", clock=clock) as client:
        path = await client.due()
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.call("POST", f"{path}/start/cash")
        await clock.advance(30)
        assert (await client.call("POST", f"{path}/start/cash")).status == 200


async def test_a_connection_that_is_kept_alive_is_closed_when_connections_are_refused() -> None:
    async with simulated(clock=ManualClock()) as client, connected(client) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"403" in await reader.readuntil(b"\r\n\r\n")
        client.simulator.add_fault("connect:refused-connection:1:seconds=30")
        await reader.read()
        assert reader.at_eof()


async def test_a_slow_handshake_waits_before_the_connection_is_served() -> None:
    clock = ManualClock()
    async with simulated("connect:slow-tls:1:seconds=3", clock=clock) as client, connected(client) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.call("GET", "/")).status == 501
        assert len(client.simulator.requests_of("unknown")) == 1
        await clock.advance(3)
        assert b"403" in await reader.readline()


@asynccontextmanager
async def connected(client: Client) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which a test writes its own bytes."""
    host, port = client.simulator.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    yield reader, writer
    writer.close()
    await writer.wait_closed()


def test_every_fault_is_described() -> None:
    assert set(ABOUT) == set(Kind)


def plan_of(*faults: str) -> FaultPlan:
    plan = FaultPlan()
    for fault in faults:
        plan.add(fault_from_text(fault))
    return plan


def struck(plan: FaultPlan, *calls: str) -> list[list[str]]:
    return [[fault.kind.value for fault in plan.take(call)] for call in calls]


def test_a_fault_strikes_its_call_as_often_as_planned() -> None:
    plan = plan_of("read:not-json:2")
    assert struck(plan, "create", "read", "read", "read") == [[], ["not-json"], ["not-json"], []]
    assert plan.left == []


def test_a_fault_may_begin_with_a_later_request() -> None:
    assert struck(plan_of("read:not-json:1:first=3"), *["read"] * 4) == [[], [], ["not-json"], []]


def test_a_fault_may_strike_always() -> None:
    plan = plan_of("start/*:not-json:always")
    assert struck(plan, "start/cash", "start/loyalty", "read") == [["not-json"], ["not-json"], []]
    assert len(plan.left) == 1


def test_faults_of_time_go_together_with_one_other_and_the_second_other_waits() -> None:
    plan = plan_of("read:latency", "read:not-json", "read:empty-body", "read:slow-answer:2")
    assert struck(plan, "read", "read") == [["latency", "not-json", "slow-answer"], ["empty-body", "slow-answer"]]


def test_a_fault_for_every_call_leaves_connections_alone() -> None:
    assert struck(plan_of("*:not-json"), "connect", "read") == [[], ["not-json"]]


def test_a_fault_is_written_with_its_options() -> None:
    fault = fault_from_text("start/cash:executed-late:2:seconds=10:connection=silent:first=3")
    assert fault == Fault(kind=Kind.EXECUTED_LATE, call="start/cash", count=2, first=3, seconds=10, connection="silent")
    assert fault.settings() == {
        "kind": "executed-late",
        "call": "start/cash",
        "count": 2,
        "first": 3,
        "seconds": 10.0,
        "connection": "silent",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("start/cash", "write it as CALL:KIND"),
        ("start/cash:nothing", "fault nothing: there is none of this name"),
        ("start/chas:latency", "it strikes no call named start/chas; did you mean start/cash?"),
        ("read:failed", "it strikes no call named read; there are start/"),
        ("connect:latency", "it strikes no call named connect"),
        ("read:slow-tls", "it strikes no call named read; there are connect"),
        ("read:latency:0", "fault latency: count: "),
        ("read:latency:1:seconds=-1", "fault latency: seconds: "),
        ("read:latency:1:status=500", "fault latency: it has no option status; there are seconds"),
        ("read:server-error:1:status=20", "fault server-error: status: "),
    ],
)
def test_a_wrong_fault_is_refused_with_what_is_right(text: str, problem: str) -> None:
    with pytest.raises(UnknownSetting) as refused:
        fault_from_text(text)
    assert problem in str(refused.value)


@given(st.text(max_size=40))
def test_any_text_is_a_fault_or_is_refused(text: str) -> None:
    with contextlib.suppress(UnknownSetting):
        assert isinstance(fault_from_text(text), Fault)


@pytest.mark.parametrize("values", [None, [], {"kind": []}, {"kind": "latency", "call": 7}])
def test_values_that_are_no_fault_are_refused(values: object) -> None:
    with pytest.raises(UnknownSetting):
        fault_from(values)
