"""The Python client: a whole checkout, refusals, and a stream that misses nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import get_args

import aiohttp
import pytest

from agent.checkout.state import Phase
from agent.kiosk import client
from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.client import KioskClient, Refused, kiosk_at
from agent.kiosk.client_event import DATA
from agent.kiosk.event_answers import BusyAnswer, EventName, SnapshotAnswer
from agent.kiosk.roles import Role
from agent.kiosk.stream import MOST_READERS, Told
from tests.kiosk_bench import BASKET, KioskBench, whole_agent
from tests.till_bench import CARD


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KioskBench]:
    async with whole_agent(tmp_path) as bench:
        yield bench


@pytest.fixture
async def kiosk(bench: KioskBench) -> AsyncIterator[KioskClient]:
    async with kiosk_at(bench.base_url, bench.tokens.of(Role.OPERATOR)) as kiosk:
        yield kiosk


async def reached(kiosk: KioskClient, phase: Phase) -> CheckoutAnswer:
    """Follow the events until a checkout is there."""
    async with aclosing(kiosk.follow()) as events:
        async for event in events:
            told = event.data.checkouts if isinstance(event.data, SnapshotAnswer) else (event.data,)
            for each in told:
                if isinstance(each, CheckoutAnswer) and each.phase is phase:
                    return each
    raise AssertionError("follow never ends")


async def test_a_whole_checkout(bench: KioskBench, kiosk: KioskClient) -> None:
    checkout = await kiosk.begin(merchantRef="A-17")
    assert (await kiosk.set_basket(checkout.id, BASKET["products"])).basket_info.sum == 796
    await kiosk.set_card(checkout.id, CARD.value)
    await kiosk.apply(checkout.id, use_balance=True)
    due = await reached(kiosk, Phase.DUE)
    assert due.amount_due == 296
    await kiosk.pay(checkout.id, "cash", 296)
    await bench.drawer.opened()
    async with aclosing(kiosk.follow()) as events:
        bench.drawer.close_drawer()
        async for event in events:
            if isinstance(event.data, CheckoutAnswer) and event.data.phase is Phase.COMPLETED:
                break
    assert "Kundenkarte" in await kiosk.receipt(checkout.id)
    assert [each.id for each in await kiosk.checkouts(Phase.COMPLETED)] == [checkout.id]
    assert [device.name for device in (await kiosk.devices()).devices] == ["drawer"]


async def test_a_refusal_has_a_name_and_the_checkout_as_it_stands(kiosk: KioskClient) -> None:
    first = await kiosk.begin()
    with pytest.raises(Refused) as refused:
        await kiosk.begin()
    assert refused.value.name == "another-is-active"
    assert refused.value.checkout is not None
    assert refused.value.checkout.id == first.id


async def test_the_same_key_begins_one_checkout(kiosk: KioskClient) -> None:
    first = await kiosk.begin(key="order 17")
    assert (await kiosk.begin(key="order 17")).id == first.id
    await kiosk.cancel(first.id)


async def test_what_only_the_operator_may_is_refused_to_the_screen(bench: KioskBench) -> None:
    async with kiosk_at(bench.base_url, bench.tokens.of(Role.SCREEN)) as screen:
        with pytest.raises(Refused, match="Only the operator") as refused:
            await screen.open_drawer("change", by="Ada")
    assert refused.value.name == "operator-required"


async def test_the_operator_opens_the_drawer_and_decides(bench: KioskBench, kiosk: KioskClient) -> None:
    await kiosk.open_drawer("change", by="Ada")
    await bench.drawer.opened()
    checkout = await kiosk.begin()
    for decided in (
        kiosk.confirm(checkout.id, 0, by="Ada"),
        kiosk.retry(checkout.id, by="Ada"),
        kiosk.resolve(checkout.id, "refunded", "seen", by="Ada"),
    ):
        with pytest.raises(Refused):
            await decided
    await kiosk.remove_card(checkout.id)


async def test_after_a_lost_connection_follow_goes_on_where_it_was(
    bench: KioskBench, kiosk: KioskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "RECONNECT_PAUSE_S", 0.0)
    async with aclosing(kiosk.follow()) as events:
        assert isinstance((await anext(events)).data, SnapshotAnswer)
        checkout = await kiosk.begin()
        assert isinstance((await anext(events)).data, CheckoutAnswer)
        await anext(events)  # busy
        for reader in list(bench.kiosk.stream._readers):  # noqa: SLF001 - the network is cut
            reader.abort()
        await kiosk.cancel(checkout.id)
        missed = await anext(events)
        assert isinstance(missed.data, CheckoutAnswer)
        assert missed.data.phase is Phase.CANCELLED


@pytest.fixture
async def watched(bench: KioskBench) -> AsyncIterator[tuple[KioskClient, asyncio.Queue[int]]]:
    """A client, and the status of each answer to it."""
    statuses: asyncio.Queue[int] = asyncio.Queue()

    async def note(_session: object, _context: object, ended: aiohttp.TraceRequestEndParams) -> None:
        statuses.put_nowait(ended.response.status)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(note)
    headers = bench.headers(Role.SCREEN)
    async with aiohttp.ClientSession(bench.base_url, headers=headers, trace_configs=[trace]) as session:
        yield KioskClient(session), statuses


async def test_follow_waits_until_there_is_room(
    bench: KioskBench, watched: tuple[KioskClient, asyncio.Queue[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "RECONNECT_PAUSE_S", 0.0)
    kiosk, statuses = watched
    async with aclosing(kiosk.follow()) as events:
        with ExitStack() as others:
            for _ in range(MOST_READERS):
                others.enter_context(bench.kiosk.stream.reader(Role.SCREEN, lambda: None))
            first = asyncio.ensure_future(anext(events))
            assert await statuses.get() == 503
        assert isinstance((await first).data, SnapshotAnswer)


async def test_follow_does_not_ask_for_ever_with_a_token_that_is_none(bench: KioskBench) -> None:
    async with kiosk_at(bench.base_url, "no-token") as kiosk, aclosing(kiosk.follow()) as events:
        with pytest.raises(Refused, match="token"):
            await anext(events)


async def test_follow_pauses_after_every_end(
    bench: KioskBench, watched: tuple[KioskClient, asyncio.Queue[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "RECONNECT_PAUSE_S", 3600.0)
    kiosk, statuses = watched
    bench.kiosk.stream.end()
    async with aclosing(kiosk.follow()) as events:
        assert isinstance((await anext(events)).data, SnapshotAnswer)
        later = asyncio.ensure_future(anext(events))
        for _ in range(10):
            await bench.call("GET", "/v1/devices")
        later.cancel()
        await asyncio.wait([later])
    assert statuses.qsize() == 1


class NewerBusyAnswer(BusyAnswer):
    """What a later version of the agent may tell."""

    since_s: float = 5.0


async def test_what_a_newer_agent_tells_besides_is_passed_over(bench: KioskBench, kiosk: KioskClient) -> None:
    newer = NewerBusyAnswer(busy=True)
    async with aclosing(kiosk.follow()) as events:
        assert isinstance((await anext(events)).data, SnapshotAnswer)
        for name in ("weather", "busy"):
            bench.kiosk.stream._tell(Told(name=name, show=lambda _: newer))  # type: ignore[arg-type]  # noqa: SLF001 - no name of today
        assert (await anext(events)).data == BusyAnswer(busy=True)


async def test_an_agent_that_is_not_there_is_a_client_error() -> None:
    async with kiosk_at("http://127.0.0.1:9", "token") as kiosk:
        with pytest.raises(aiohttp.ClientError):
            await kiosk.devices()


def test_every_event_has_its_shape() -> None:
    assert set(DATA) == set(get_args(EventName))
