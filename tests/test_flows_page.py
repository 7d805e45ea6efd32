"""docs/flows.md has the calls that really go out: every flow is played again, by the real agent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path

from agent.demo.flows import FLOWS, Hands, played
from agent.demo.flows_page import page
from agent.demo.story import Teller, listening
from agent.kiosk.client import KioskClient, kiosk_at
from agent.kiosk.event_answers import DeviceAnswer, SnapshotAnswer
from agent.outside import Outside
from agent.service import serve
from config.settings import load
from tests.test_killing import Shop, shop

BOOKED = {
    "collect": [("cash", 796, 0)],
    "card-covers-all": [("loyalty", 0, 349)],
    "card-and-cash": [("cash", 296, 500)],
    "card-and-terminal": [("cashless", 296, 500)],
    "cash-only": [("cash", 796, 0)],
    "change-of-mind": [("cash", 98, 500)],
    "charge": [("cash", 1500, 0)],
    "charge-in-a-mixed-basket": [("cash", 1849, 0)],
    "abandon": [],
    "reversal": [("cash", 296, 500), ("cash", -296, -500)],
    "reversal-at-the-terminal": [("cashless", 796, 0), ("cashless", -796, 0)],
    "check-a-card": [],
    "terminals-day": [],
}
"""Method, what was paid with it, and what was taken off the card, in cents."""
PAGE = Path(__file__).parent.parent / "docs" / "flows.md"


@asynccontextmanager
async def hands_at(the_shop: Shop) -> AsyncIterator[Hands]:
    """The agent in this process, with a customer who is quick."""
    config = the_shop.config
    as_in_the_demo = config.read_text().replace("[api]", "[api]\nis_demo = true")
    config.write_text(as_in_the_demo.replace("debounce_s = 0", "debounce_s = 0\nrecharge_s = 0"))
    stop = asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        agent = serve(
            load(config, {}),
            stop.wait,
            environment={},
            ready=lambda url: address.set_result(str(url)),
            outside=Outside(settling_s=0.0),
        )
        tasks.create_task(agent)
        stack.callback(stop.set)
        url, tokens = await address, config.parent / "state" / "tokens"
        screen, operator = [
            await stack.enter_async_context(kiosk_at(url, (tokens / role).read_text().strip()))
            for role in ("screen", "operator")
        ]
        heard = await stack.enter_async_context(listening(screen, Teller(lambda _: None)))
        await drawer_present(screen)
        yield Hands(screen=screen, operator=operator, drawer=the_shop.drawer, heard=heard, open_s=0.05)


async def drawer_present(screen: KioskClient) -> None:
    async with aclosing(screen.events()) as events:
        async for event in events:
            told = event.data.devices if isinstance(event.data, SnapshotAnswer) else [event.data]
            if any(
                isinstance(each, DeviceAnswer) and (each.name, each.state) == ("drawer", "present") for each in told
            ):
                return


async def test_the_page_has_what_really_goes_out_and_each_flow_books_what_it_says(tmp_path: Path) -> None:
    sent = {}
    booked: dict[str, list[tuple[str, int, int]]] = {}
    async with shop(tmp_path) as the_shop, hands_at(the_shop) as hands:
        for name, flow in FLOWS.items():
            sent[name] = await played(flow, hands, f"{the_shop.simulator.base_url}/simulator")
            ledger = the_shop.simulator.ledger
            booked[name] = [(each.method, each.amount, each.movement.redeemed) for each in ledger]
    assert booked == BOOKED
    assert page(sent) == PAGE.read_text("utf-8"), "run: python -m agent.demo.flows_page docs/flows.md"
