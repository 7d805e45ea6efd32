"""The machine starts again in the middle of a payment."""

from pathlib import Path

import pytest

from tests.kiosk_vm.image import Image
from tests.kiosk_vm.kiosk import CASH_DUE, SETTLED_S, around, switched_on
from tests.kiosk_vm.machine import Saved, new_disk
from tests.kiosk_vm.within import within


async def test_while_cash_is_awaited(folder: Path, bookworm: Image, saved_at_work: Saved) -> None:
    disk = await new_disk(folder / "disk.qcow2", saved_at_work.disk)
    async with around(folder) as outside:
        async with switched_on(folder, bookworm, disk, outside, saved_at_work.memory) as box:
            async with box.screen() as screen:
                checkout = await box.until_cash(screen)
                await box.put_money_in(screen)
            await box.machine.reboot()
        outside.drawer.close_drawer()
        async with switched_on(folder, bookworm, disk, outside) as box, box.screen("operator") as operator:
            seen = await operator.until(checkout, lambda seen: seen.interrupted, "an interrupted payment")
            assert (seen.phase, seen.amount_due, outside.simulator.ledger) == ("awaiting_cash", CASH_DUE, [])
            await operator.devices("present", "drawer")
            await operator.client.confirm(checkout, CASH_DUE, by="Eva")
            await operator.phase(checkout, "completed")
    assert [booking.amount for booking in outside.simulator.ledger] == [CASH_DUE]
    assert outside.drawer.pulses == 1


@pytest.mark.parametrize("fault", ["latency", "slow-answer"])
async def test_while_start_is_not_answered(folder: Path, fault: str, bookworm: Image, saved_at_work: Saved) -> None:
    """The request was not executed, or it was: one read decides."""
    disk = await new_disk(folder / "disk.qcow2", saved_at_work.disk)
    async with around(folder) as outside:
        outside.simulator.add_fault(f"start/cash:{fault}:1:seconds=3600")
        async with switched_on(folder, bookworm, disk, outside, saved_at_work.memory) as box, box.screen() as screen:
            checkout = await box.until_cash(screen)
            await box.take_cash(screen)
            async with within(SETTLED_S, lambda: "start/cash"):
                await outside.simulator.request_arrived("start/cash")
            assert (await screen.client.checkout(checkout)).phase == "starting"
            await box.machine.reboot()
        async with switched_on(folder, bookworm, disk, outside) as box, box.screen() as screen:
            await screen.phase(checkout, "completed")
    assert [booking.amount for booking in outside.simulator.ledger] == [CASH_DUE]
    assert len(outside.simulator.requests_of("start/cash")) == (2 if fault == "latency" else 1)
