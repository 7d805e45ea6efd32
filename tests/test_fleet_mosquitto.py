"""A real agent and a real Mosquitto, with the configuration and the access list of docs/fleet."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.chosen_fleet import broker_of
from agent.control import JsonObject, agent_at
from agent.fleet.broker import Publication, Unusable, connected
from agent.simulator.server import SimulatorServer
from config.settings import load
from tests.command_bench import NO_DRAWER, Box
from tests.command_checkouts import ATTENTION, UNSURE, fill
from tests.fleet_bench import (
    DOCUMENTED,
    OFFICE,
    OTHER,
    TILL,
    Authority,
    Consumer,
    Line,
    Mosquitto,
    command_of,
    consumer,
    line_to,
    mosquitto,
)
from tests.journal_entries import journal_at, sale
from tests.till_bench import CARD, SEED

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

EVERYTHING = (
    'senders = ["head-office"]',
    'commands = ["check", "read-state", "list-waiting", "retry", "log-level", "restart", "change"]',
    'may_change = ["offline.max_payments"]',
)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
async def box(tmp_path: Path, capsys: pytest.CaptureFixture[str], broker: Mosquitto) -> AsyncIterator[Box]:
    async with SimulatorServer() as simulator:
        box = Box(tmp_path, capsys)
        box.write(base_url=simulator.base_url, rest=NO_DRAWER + broker.section(*EVERYTHING))
        yield box


async def sell(box: Box) -> str:
    """Sell the seed's basket with the card, the cash confirmed by hand; return the checkout's id."""
    async with agent_at(load(box.config, {})) as agent:
        assert agent is not None
        async with aclosing(agent.events()) as events:
            await anext(events)
            products = {"basket": {"products": list(SEED.basket.products)}}
            checkout = f"/v1/checkouts/{(created := await agent.post('/v1/checkouts', products))['id']}"
            await agent._ask("PUT", f"{checkout}/card", {}, {"value": CARD.value})  # noqa: SLF001 - commands never do
            await agent.post(f"{checkout}/apply", {"use_balance": True})
            amount = (await phase(events, "due"))["amount_due"]
            await agent.post(f"{checkout}/pay", {"method": "cash", "amount": amount})
            await phase(events, "awaiting_cash")
            await agent.post(f"{checkout}/confirm", {"amount": amount, "by": "Eva"})
            await phase(events, "completed")
    return str(created["id"])


async def phase(events: AsyncGenerator[tuple[str, JsonObject]], wanted: str) -> JsonObject:
    async for name, told in events:
        if name == "checkout" and told["phase"] == wanted:
            return told
    raise EOFError


def completed(office: Consumer) -> int:
    """How many checkouts were told to be booked, each once however often that came."""
    done = {each["id"] for each in office.of("event") if each["checkout"] and each["checkout"]["phase"] == "completed"}
    return len(done)


def in_order_without_a_gap(office: Consumer) -> bool:
    """Say whether a consumer that passes over repeats has everything from the first on, in order."""
    firsts = list(dict.fromkeys(office.sequences))
    return firsts == list(range(firsts[0], firsts[0] + len(firsts)))


# Told


async def test_a_sale_is_told_event_by_event_and_the_state_is_retained(box: Box, broker: Mosquitto) -> None:
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await office.until(lambda: bool(office.of("state")))
        checkout_id = await sell(box)
        await office.until(lambda: completed(office) == 1)
        assert office.sequences == list(range(1, len(office.sequences) + 1))
        assert {each["checkout"]["id"] for each in office.of("event")} == {checkout_id}
        assert {each["checkout"]["card"] for each in office.of("event")} == {None, "9276********2845"}
        assert CARD.value not in json.dumps(office.heard)
    async with consumer(broker.broker(OFFICE)) as late:
        await late.until(lambda: bool(late.of("state")) and bool(late.of("presence")))
        assert late.of("presence")[-1]["online"] is False
        assert late.of("state")[-1]["connection"]["api"] == "online"
        assert late.of("event") == []


async def test_the_last_will_says_that_a_killed_till_is_offline(box: Box, broker: Mosquitto) -> None:
    async with consumer(broker.broker(OFFICE)) as office:
        agent = await asyncio.create_subprocess_exec(sys.executable, "-m", "agent", "run", "--config", str(box.config))
        await office.until(lambda: [each["online"] for each in office.of("presence")] == [True])
        agent.kill()
        await agent.wait()
        await office.until(lambda: [each["online"] for each in office.of("presence")] == [True, False])


# The broker is away, restarted, slow, refusing


@pytest.fixture
async def line(box: Box, broker: Mosquitto) -> AsyncIterator[Line]:
    """A line between this box and the broker."""
    async with line_to(broker.till_port) as line:
        box.write(rest=NO_DRAWER + broker.section(*EVERYTHING, port=line.port))
        yield line


async def test_what_happened_while_the_broker_was_away_is_told_when_it_is_back(
    box: Box, broker: Mosquitto, line: Line
) -> None:
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await here(office)
        await line.cut()
        for _ in range(3):
            await sell(box)
        assert office.of("event") == []
        await line.mend()
        await office.until(lambda: completed(office) == 3)
        assert office.sequences[0] == 1
        assert in_order_without_a_gap(office)


async def test_a_broker_that_is_restarted_costs_no_event(box: Box, broker: Mosquitto, line: Line) -> None:
    async with box.agent():
        async with consumer(broker.broker(OFFICE)) as before:
            await here(before)
            await sell(box)
            await before.until(lambda: completed(before) == 1)
        await line.cut()
        await broker.stop()
        await sell(box)
        await broker.start()
        async with consumer(broker.broker(OFFICE)) as after:
            await line.mend()
            await after.until(lambda: completed(after) == 1)
    heard = list(dict.fromkeys([*before.sequences, *after.sequences]))
    assert heard == list(range(1, heard[-1] + 1))


async def test_over_a_slow_line_everything_comes_in_order(box: Box, broker: Mosquitto, line: Line) -> None:
    line.delay_s = 0.1
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await here(office)
        await sell(box)
        await office.until(lambda: completed(office) == 1)
        assert in_order_without_a_gap(office)


async def test_a_till_that_was_offline_for_a_day_catches_up_in_order(box: Box, broker: Mosquitto) -> None:
    """The journal is that of a till that sold once an hour; the broker has nothing of it."""
    yesterday = datetime.now(UTC) - timedelta(hours=24)
    async with journal_at(box.journal) as journal:
        for hour in range(24):
            for entry in sale(f"co_{hour:020x}", yesterday + timedelta(hours=hour)):
                newest = await journal.commit(entry)
        (box.state / "fleet-cursor").write_text(f"{journal.event_id(0)}\n")
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await office.until(lambda: len(office.sequences) >= newest)
        assert office.sequences[:newest] == list(range(1, newest + 1))
        times = [datetime.fromisoformat(each["at"]) for each in office.of("event")[:newest]]
        assert times == sorted(times)
        assert times[-1] - times[0] >= timedelta(hours=23)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho lets go of a socket unclosed
async def test_a_broker_that_never_answers_is_in_nobodys_way(box: Box, line: Line) -> None:
    line.delay_s = 3600
    async with box.agent():
        await sell(box)


async def test_what_the_access_list_refuses_does_not_count_as_sent_and_is_said_once(
    box: Box, broker: Mosquitto, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    await broker.stop()
    await broker.start((DOCUMENTED / "tillwire.acl").read_text().replace("pattern write tillwire/%u/event\n", ""))
    async with box.agent():
        async with consumer(broker.broker(OFFICE)) as office:
            await here(office)
            await sell(box)
            await office.until(lambda: [each["online"] for each in office.of("presence")].count(False) == 3)
        await line.cut()
        assert (
            len([each for each in caplog.records if "does not take it" in each.message and each.levelname == "WARNING"])
            == 1
        )
        await broker.stop()
        await broker.start()
        async with consumer(broker.broker(OFFICE)) as office:
            await line.mend()
            await office.until(lambda: completed(office) == 1)
            assert office.sequences[0] == 1


# QoS 1 and clocks


async def test_events_that_come_twice_have_the_same_ids(box: Box, broker: Mosquitto) -> None:
    async with consumer(broker.broker(OFFICE)) as office:
        async with box.agent():
            await sell(box)
            await office.until(lambda: completed(office) == 1)
        once = office.of("event")
        cursor = (box.state / "fleet-cursor").read_text()
        (box.state / "fleet-cursor").write_text(cursor.rpartition("-")[0] + "-2\n")  # as after a crash
        async with box.agent():
            await office.until(lambda: len(office.of("event")) == 2 * len(once) - 2)
        assert office.of("event")[len(once) :] == once[2:]
        assert in_order_without_a_gap(office)


async def test_a_command_that_comes_twice_is_carried_out_once_also_after_a_restart(box: Box, broker: Mosquitto) -> None:
    wanted = json.dumps(command_of("read-state")).encode()
    async with consumer(broker.broker(OFFICE)) as office:
        async with box.agent():
            await here(office)
            await office.sends(wanted)
            await office.sends(wanted)
            await office.until(lambda: len(office.of("answer")) == 2)
        await office.until(lambda: not office.of("presence")[-1]["online"])
        async with box.agent():
            await here(office)
            await office.sends(wanted)
            await office.until(lambda: len(office.of("answer")) == 3)
    answers = [each["reason"] for each in office.of("answer")]
    assert sorted(answers[:2], key=str) == [None, "repeated"]
    assert answers[2] == "repeated"


async def test_a_command_of_another_time_is_refused_and_the_answer_tells_the_tills(box: Box, broker: Mosquitto) -> None:
    now = datetime.now(UTC)
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await here(office)
        ahead = await office.asks(**command_of("check", now + timedelta(minutes=10)))
        behind = await office.asks(**command_of("check", now - timedelta(minutes=10)))
    assert (ahead["reason"], behind["reason"]) == ("not_yet", "expired")
    assert abs(datetime.fromisoformat(ahead["at"]) - now) < timedelta(minutes=1)


# Commands


async def here(office: Consumer) -> None:
    await office.until(lambda: bool(office.of("presence")) and office.of("presence")[-1]["online"])


async def test_each_command_is_answered_and_is_in_the_journal_with_its_sender(box: Box, broker: Mosquitto) -> None:
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await here(office)
        assert (await office.asks("read-state"))["state"]["busy"] is False
        assert (await office.asks("list-waiting"))["waiting"] == []
        assert (await office.asks("log-level", level="debug"))["outcome"] == "done"
        assert (await office.asks("log-level", level="info"))["outcome"] == "done"
        assert (await office.asks("retry", checkout="co_nobody"))["reason"] == "there is no such checkout"
        checked = await office.asks("check")
        assert (checked["ready"], checked["findings"]) == (True, [])
        await office.until(lambda: len([each for each in office.of("event") if each["command"]]) == 12)
        told = [(each["command"]["command"], each["command"]["outcome"]) for each in office.of("event")]
        assert told[:2] == [("read-state", "taken"), ("read-state", "done")]
        assert {each["command"]["sender"] for each in office.of("event")} == {OFFICE}


async def test_waiting_payments_are_listed_and_one_is_tried_again(box: Box, broker: Mosquitto) -> None:
    await fill(box.journal)
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await here(office)
        waiting = (await office.asks("list-waiting"))["waiting"]
        assert [each["id"] for each in waiting] == [UNSURE, ATTENTION]
        assert {each["card"] for each in waiting} == {"9276********2845"}
        await office.until(lambda: bool(office.of("state")))
        assert office.of("state")[0]["waiting_payments"] == 2
        assert (await office.asks("retry", checkout=ATTENTION))["outcome"] == "done"
        await office.until(lambda: ("RetryAsked", ATTENTION) in told_of_checkouts(office))
    assert "Sandwich" not in json.dumps(office.heard)


def told_of_checkouts(office: Consumer) -> list[tuple[str, str]]:
    return [(each["event"], each["checkout"]["id"]) for each in office.of("event") if each["checkout"]]


async def test_a_changed_value_is_in_effect_and_lasts(box: Box, broker: Mosquitto) -> None:
    async with consumer(broker.broker(OFFICE)) as office:
        async with box.agent():
            await here(office)
            answer = await office.asks("change", values={"offline.max_payments": 7})
            assert (answer["outcome"], answer["findings"]) == ("done", None)
            wrong = await office.asks("change", values={"offline.max_payments": -1})
            assert (wrong["outcome"], wrong["reason"]) == ("failed", "offline.max_payments must be at least 0")
            never = await office.asks("change", values={"offline.max_total": 1})
            assert (never["outcome"], never["reason"]) == ("refused", "not_changeable")
        said = await box.types("config", "show")
        assert "max_payments = 7\n" in said.out
        box.write(rest=NO_DRAWER + broker.section(*EVERYTHING[:1], 'commands = ["check"]'))
        assert "max_payments = 50\n" in (await box.types("config", "show")).out


async def test_a_till_is_restarted_by_its_service_manager_when_the_fleet_asks(box: Box, broker: Mosquitto) -> None:
    async with consumer(broker.broker(OFFICE)) as office:
        agent = await asyncio.create_subprocess_exec(sys.executable, "-m", "agent", "run", "--config", str(box.config))
        await here(office)
        assert (await office.asks("restart"))["outcome"] == "done"
        assert await agent.wait() == 0


# Abuse


async def test_another_tills_certificate_writes_and_reads_nothing_of_this_till(box: Box, broker: Mosquitto) -> None:
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await here(office)
        for topic in ("event", "state", "presence", "answer", f"command/{OFFICE}"):
            async with connected(broker.broker(OTHER)) as other:
                with pytest.raises(Unusable, match="does not take it"):
                    await other.publish(Publication(topic=f"tillwire/{TILL}/{topic}", payload=b"{}"))
        async with connected(broker.broker(OTHER)) as session:
            eavesdropper = Consumer(session)
            listening = asyncio.ensure_future(eavesdropper.listen())
            await session.subscribe(f"tillwire/{TILL}/command/+")  # Mosquitto asks its list when it delivers
            assert (await office.asks("read-state"))["outcome"] == "done"
            listening.cancel()
            assert eavesdropper.heard == []
        assert {} not in [told for _, told in office.heard]


async def test_who_only_watches_sends_no_command_and_nobody_signs_with_another_ones_name(
    box: Box, broker: Mosquitto
) -> None:
    broker.authority.issue("dashboard")
    async with box.agent():
        for name, sender in (("dashboard", OFFICE), ("dashboard", "dashboard"), (OFFICE, "dashboard")):
            async with connected(broker.broker(name)) as forger:
                with pytest.raises(Unusable, match="does not take it"):
                    await forger.publish(Publication(topic=f"tillwire/{TILL}/command/{sender}", payload=b"{}"))


async def test_a_till_that_pretends_to_be_another_one_does_not_push_it_off(box: Box, broker: Mosquitto) -> None:
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await here(office)
        async with connected(replace(broker.broker(OTHER), client_id=TILL)):
            assert (await office.asks("read-state"))["outcome"] == "done"
        assert [each["online"] for each in office.of("presence")] == [True]


async def test_a_certificate_of_another_authority_is_not_let_in(broker: Mosquitto, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    stranger.issue(TILL)
    with pytest.raises(Unusable):
        async with connected(replace(broker.broker(TILL, authority=stranger), answer_timeout_s=1.0)) as session:
            await session.publish(Publication(topic=f"tillwire/{TILL}/state", payload=b"{}"))


async def test_a_till_may_show_a_password_instead_of_a_certificate(box: Box, broker: Mosquitto) -> None:
    await broker.stop()
    await broker.start(passwords={TILL: "correct-horse"})
    password = box.directory / "mqtt_password"
    password.write_text("correct-horse")
    keys = {"port": broker.password_port, "till": TILL, "ca_file": str(broker.authority.ca), "host": "127.0.0.1"}
    keys |= {"username": TILL, "password_file": str(password)}
    section = "\n".join(["[fleet]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())])
    box.write(rest=NO_DRAWER + section + "\n")
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await office.until(lambda: bool(office.of("state")))
    chosen = load(box.config, {}).fleet
    assert chosen is not None
    with pytest.raises(Unusable, match="Not authorized"):
        async with connected(replace(broker_of(chosen, {}), password=SecretStr("battery-staple"))):
            pass


async def test_what_is_no_command_is_refused_and_journalled(box: Box, broker: Mosquitto) -> None:
    box.write(rest=NO_DRAWER + broker.section('senders = ["head-office"]', 'commands = ["check"]'))
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await here(office)
        assert (await office.asks("open-drawer", reason="x"))["reason"] == "unknown_command"
        assert (await office.asks("confirm", checkout="co_1"))["reason"] == "unknown_command"
        assert (await office.asks("restart"))["reason"] == "not_allowed"
        for payload in (b"", b"[]", b"{" * 1000, b"\xff" * 9000, b'{"id":' * 2000):
            await office.sends(payload)
        await office.sends(json.dumps(command_of("check")).encode(), retain=True)
        assert (await office.asks("check"))["outcome"] == "done"
        await office.until(lambda: bool(office.of("event")) and office.of("event")[-1]["command"]["outcome"] == "done")
        reasons = [each["command"]["reason"] for each in office.of("event") if each["command"]["outcome"] == "refused"]
    assert reasons == [
        *["unknown_command"] * 2,
        "not_allowed",
        *["not_a_command"] * 3,
        *["too_large"] * 2,
    ]


async def test_a_retained_command_is_refused_by_a_till_that_comes_to_it(box: Box, broker: Mosquitto) -> None:
    async with consumer(broker.broker(OFFICE)) as office:
        await office.sends(json.dumps(command_of("restart")).encode(), retain=True)
        async with box.agent():
            await office.until(lambda: bool(office.of("event")))
        assert office.of("event")[0]["command"]["reason"] == "retained"


async def test_a_message_beyond_the_brokers_limit_reaches_nobody(box: Box, broker: Mosquitto) -> None:
    async with consumer(broker.broker(OFFICE)) as office, box.agent():
        await here(office)
        with pytest.raises(Unusable):
            async with connected(replace(broker.broker(OFFICE), answer_timeout_s=1.0)) as sender:  # none comes
                await sender.publish(Publication(topic=f"tillwire/{TILL}/command/{OFFICE}", payload=b"x" * 100_000))
        assert (await office.asks("read-state"))["outcome"] == "done"
