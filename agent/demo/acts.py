"""What a person can do to the hardware of the demo: from its panel in the browser, or typed in the terminal."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from agent.demo.stage import Stage
from agent.demo.story import CARD

BANK_CARD = ";4111111111111111=29121010000000000000?"
"""The second track of a test card of the card schemes, as a magstripe reader sends it."""
ARTICLE = "4012345678901"
"""A croissant of the catalogue. The EAN of the seed's water has no true check digit: it could be a bank card."""
LOST_ANSWER = "start/cash:no-answer-after-executing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something to do. `group` is where the panel shows it."""

    group: str
    text: str
    do: Callable[[Stage], Awaitable[None]]


async def _scan(stage: Stage) -> None:
    await stage.scanner.scan(CARD)


async def _scan_article(stage: Stage) -> None:
    await stage.scanner.scan(ARTICLE)


async def _swipe(stage: Stage) -> None:
    await stage.scanner.scan(BANK_CARD)


async def _tear(stage: Stage) -> None:
    await stage.scanner.scan_torn(CARD[:9])


async def _close(stage: Stage) -> None:
    stage.drawer.close_drawer()


async def _open_by_key(stage: Stage) -> None:
    stage.drawer.open_by_key()


async def _jam(stage: Stage) -> None:
    stage.drawer.faults.stuck = not stage.drawer.faults.stuck


async def _pull_reader(stage: Stage) -> None:
    stage.scanner.unplug()


async def _plug_reader(stage: Stage) -> None:
    if not stage.scanner.is_plugged_in:
        stage.scanner.plug_in()


async def _pull_drawer(stage: Stage) -> None:
    stage.drawer.unplug()


async def _plug_drawer(stage: Stage) -> None:
    if not stage.drawer.is_plugged_in:
        stage.drawer.plug_in()


async def _pull_network(stage: Stage) -> None:
    await stage.network.pull()


async def _plug_network(stage: Stage) -> None:
    await stage.network.plug_in()


async def _slow(stage: Stage) -> None:
    stage.network.is_slow = not stage.network.is_slow


async def _lose_answer(stage: Stage) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{stage.simulator_url}/faults", json=LOST_ANSWER):
        pass


async def _restart(stage: Stage) -> None:
    await stage.agent.kill()
    await stage.agent.start()


ACTS = {
    "scan": Act(group="customer", text="Scan the customer card", do=_scan),
    "article": Act(group="customer", text="Scan an article", do=_scan_article),
    "swipe": Act(group="customer", text="Swipe a bank card", do=_swipe),
    "torn": Act(group="customer", text="Scan only half of the card", do=_tear),
    "close": Act(group="drawer", text="Put the money in, close the drawer", do=_close),
    "key": Act(group="drawer", text="Open it with the key", do=_open_by_key),
    "jam": Act(group="drawer", text="Jam the drawer, or free it", do=_jam),
    "unplug-reader": Act(group="cables", text="Pull the reader's cable", do=_pull_reader),
    "plug-reader": Act(group="cables", text="Plug the reader in", do=_plug_reader),
    "unplug-drawer": Act(group="cables", text="Pull the drawer's cable", do=_pull_drawer),
    "plug-drawer": Act(group="cables", text="Plug the drawer in", do=_plug_drawer),
    "offline": Act(group="network", text="Lose the network", do=_pull_network),
    "online": Act(group="network", text="Bring the network back", do=_plug_network),
    "slow": Act(group="network", text="Slow network, or fast again", do=_slow),
    "unknown": Act(group="network", text="Lose the answer to the next booking", do=_lose_answer),
    "restart": Act(group="agent", text="Kill the agent and start it again", do=_restart),
}
"""By the word that is typed, and that the panel's calls end with."""
