"""Each drawer, each thing that can go wrong, each phase of a cash payment: said plainly, and it confirms nothing.

The API is away, so that each payment is asked for, awaited and given up within milliseconds.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.checkout.events import CancelAsked, ConfirmAsked, PayAsked
from agent.checkout.state import Checkout, Phase
from agent.simulator.server import SimulatorServer
from device.drawer_profile import DrawerProfile
from device.drawer_profile_file import load_profile
from device.drawer_reading import NO_ANSWER, NO_STATUS
from device.simulated_drawer import DrawerFaults, SimulatedDrawer
from tests.till_bench import SEED, TillBench, at_work

AMOUNT = 796
SILENT_AFTER_S = 0.25
PHASES = ("due", "asked", "open")


@dataclass(frozen=True)
class Fault:
    """What goes wrong, on which drawers (none named: on all), and what the device says of it."""

    name: str
    says: str
    drawers: tuple[str, ...] = ()

    def begin(self, drawer: SimulatedDrawer) -> None:
        if self.name == "wire cut":
            drawer.unplug()
        else:
            setattr(drawer.faults, self.name, True)


ASKED = ("escpos", "star", "ibm-surepos", "glancetron-8005u")
FAULTS = (
    Fault("wire cut", "lost"),
    Fault("dead", NO_ANSWER, ASKED),
    Fault("half_status", NO_STATUS, ("star", "glancetron-8005u")),
    Fault("garbage", NO_STATUS, ("ibm-surepos", "glancetron-8005u")),
    Fault("wrong_drawer", NO_STATUS, ("glancetron-8005u",)),
)
DRAWERS = (*ASKED, "acode-at10u3", "apg-484a", "apg-212a", "mmf", "j2-625", "tysso-pcd005r")


def quick(name: str) -> DrawerProfile:
    """A shipped profile without its pauses, asked often, its polarity learned."""
    learned = {"open_level": "high"} if name in ("j2-625", "tysso-pcd005r") else {}
    code = {"open_bytes": "C0 DE", "status": {"gap_ms": 80}} if name == "acode-at10u3" else {}
    asked = {"status": {"interval_ms": 50}} if name in ASKED else {}
    pauses = {"charge_s": 0, "recharge_s": 0, "status_delay_s": 0, "debounce_s": 0}
    return load_profile(name, overrides={**pauses, **learned, **code, **asked})


@pytest.mark.parametrize("name", DRAWERS)
async def test_whatever_goes_wrong_is_said_and_confirms_nothing(name: str, tmp_path: Path) -> None:
    async with SimulatorServer() as simulator:
        pass  # it is away from now on
    async with SimulatedDrawer(quick(name), tmp_path / "drawer0") as drawer:
        if name == "acode-at10u3":
            drawer.open_by_key()  # silence says nothing before it was seen open
        async with at_work(tmp_path, simulator, drawer, silent_after_s=SILENT_AFTER_S) as bench:
            drawer.close_drawer()
            await bench.heard.until(lambda: bench.till.drawer_level == "closed")
            await bench.heard.until(lambda: bench.till.connection.api == "offline")
            for fault in FAULTS:
                if not fault.drawers or name in fault.drawers:
                    for phase in PHASES:
                        await goes_wrong(bench, fault, phase)


async def goes_wrong(bench: TillBench, fault: Fault, phase: str) -> None:
    drawer, heard = bench.drawer, bench.heard
    heard.devices.clear()
    checkout = await bench.till.create(SEED)
    drawer.faults.stuck = phase != "open"
    if phase == "due":
        fault.begin(drawer)
        await heard.until(lambda: bench.till.drawer_level == "unknown")
    awaited = await bench.till.ask(checkout.id, PayAsked(method="cash", amount=AMOUNT))
    assert awaited.phase is Phase.AWAITING_CASH
    if phase == "open":
        await heard.until(lambda: bench.till.drawer_level == "open")
    if phase != "due":
        fault.begin(drawer)
    await heard.until(lambda: trouble(bench, checkout) is not None)
    await heard.until(lambda: any(fault.says in f"{told.state} {told.reason}" for told in heard.devices))
    await mended(bench)
    now = await bench.till.lookup.find(checkout.id)
    assert (now.phase, trouble(bench, checkout) is not None) == (Phase.AWAITING_CASH, True)
    if phase == "open":
        confirmed = await bench.till.ask(checkout.id, ConfirmAsked(amount=AMOUNT, by="Ada"))
        assert confirmed.payment is not None
        assert confirmed.payment.evidence is not None
    else:
        await bench.till.ask(checkout.id, CancelAsked())


def trouble(bench: TillBench, checkout: Checkout) -> str | None:
    now = bench.till.find_open(checkout.id)
    return now.payment.drawer_trouble if now is not None and now.payment is not None else None


async def mended(bench: TillBench) -> None:
    """Whatever it was is over, the drawer is pushed in, and its level is known again."""
    drawer = bench.drawer
    drawer.faults = DrawerFaults(stuck=True)  # a pulse that is still on its way opens nothing
    drawer.close_drawer()
    if not Path(drawer.path).exists():
        drawer.plug_in()
        if drawer.profile.status.source == "stream":
            await bench.heard.until(lambda: any(told.state == "present" for told in bench.heard.devices[1:]))
            drawer.open_by_key()
            await bench.heard.until(lambda: bench.till.drawer_level == "open")
            drawer.close_drawer()
    await bench.heard.until(lambda: bench.till.drawer_level == "closed")
