"""A drawer whose switch is on a modem line, through the kernel's 8250 driver: its loopback lines play the switch."""

import asyncio

from tests.kiosk_vm.kiosk import SETTLED_S, Kiosk, Screen
from tests.kiosk_vm.till_config import READERS
from tests.kiosk_vm.within import within

PORT = "/dev/ttyS1"
ON_A_LINE = f"""\
[drawer]
profile = "j2-625"
port = "{PORT}"
open_level = "high"
open_timeout_s = 60
"""


async def drawer_is(screen: Screen, level: str) -> None:
    async def is_so() -> bool:
        drawer = (await screen.client.devices()).drawer
        return drawer is not None and drawer.state == level

    async with within(SETTLED_S, lambda: f"the drawer to be {level}"):
        while not await is_so():  # noqa: ASYNC110 - what stays as it is is no event
            await asyncio.sleep(0.2)


async def test_a_drawer_on_a_line_of_an_8250_confirms_cash(box: Kiosk) -> None:
    await box.set_up(READERS, ON_A_LINE)
    async with box.screen() as screen:
        await screen.devices("present", "counter", "drawer")
        await box.hands("line", port=PORT, on=False)
        await drawer_is(screen, "closed")
        await asyncio.sleep(2)  # nothing within two seconds of opening a port is evidence
        checkout = await box.until_cash(screen)
        await screen.phase(checkout, "awaiting_cash")
        await box.hands("line", port=PORT, on=True)
        await drawer_is(screen, "open")
        assert box.simulator.ledger == []
        await asyncio.sleep(2)  # [cash] minimum_open_s
        await box.hands("line", port=PORT, on=False)
        done = await screen.phase(checkout, "completed")
    assert done.evidence is not None
    assert done.evidence.kind == "drawer-closed"
    assert len(box.simulator.ledger) == 1
    assert box.drawer.pulses == 0
