"""A receipt printer on a serial line, its own or the drawer's: on a real pseudo-terminal."""

import asyncio
from pathlib import Path

import pytest

from device.drawer import SerialDrawer
from device.drawer_profile_file import load_profile, profile_files
from device.drawer_reading import SILENT_AFTER_S
from device.interface import DeviceState, DrawerLevel, PrintRefused
from device.serial_printer import SerialPrinter, SharedPrinter, takes_receipts
from device.simulated_drawer import SimulatedDrawer
from tests.drawer_reports import running, until
from tests.moved_clock import MovedClock

ASKS = b"\x10\x04\x01"
RECEIPT = b"Umsatz: 7,96 EUR\n"
PROFILE = load_profile("escpos", overrides={"debounce_s": 0, "recharge_s": 0})


def line_to(simulated: SimulatedDrawer) -> SerialDrawer:
    return SerialDrawer(name="line", path=simulated.path, profile=simulated.profile)


async def test_a_printer_of_its_own_prints_and_tells_of_no_drawer(tmp_path: Path) -> None:
    async with SimulatedDrawer(PROFILE, tmp_path / "printer0") as simulated:
        printer = SerialPrinter("printer", line_to(simulated))
        async with running(printer) as reports:
            present = await reports.state("present")
            await until(lambda: ASKS in simulated.received)
            await printed(printer)
            await until(lambda: simulated.printed == RECEIPT)
        assert (present.name, present.kind) == ("printer", "printer")
        assert all(isinstance(report, DeviceState) and report.kind == "printer" for report in reports.all)
        assert simulated.pulses == 0


async def printed(printer: SerialPrinter | SharedPrinter) -> None:
    """Print as soon as the printer has told how it is."""
    while True:
        try:
            return await printer.print_bytes(RECEIPT)
        except PrintRefused as refused:
            if "was not heard yet" not in str(refused):
                raise
        await asyncio.sleep(0)


async def test_a_printer_that_is_offline_or_silent_gets_nothing(tmp_path: Path, clock: MovedClock) -> None:
    async with SimulatedDrawer(PROFILE, tmp_path / "printer0") as simulated:
        printer = SerialPrinter("printer", line_to(simulated))
        async with running(printer) as reports:
            await reports.state("present")
            simulated.set_offline(offline=True)
            assert "close its cover" in ((await reports.state("fault")).reason or "")
            with pytest.raises(PrintRefused, match="close its cover"):
                await printer.print_bytes(RECEIPT)
            simulated.set_offline(offline=False)
            await reports.state("present")
            simulated.faults.dead = True
            asked = simulated.received.count(ASKS)
            await until(lambda: simulated.received.count(ASKS) > asked)
            clock.advance(2 * SILENT_AFTER_S)  # one that is seldom asked may be silent for longer
            assert "no answer" in ((await reports.state("fault")).reason or "")
            with pytest.raises(PrintRefused, match="no answer"):
                await printer.print_bytes(RECEIPT)
        assert simulated.printed == b""


async def test_a_shared_line_is_told_as_drawer_and_as_printer(tmp_path: Path) -> None:
    async with SimulatedDrawer(PROFILE, tmp_path / "drawer0") as simulated:
        drawer = line_to(simulated)
        printer = SharedPrinter("printer", drawer)
        async with running(printer) as reports:
            told = {(await reports.state("present")).kind, (await reports.state("present")).kind}
            assert told == {"drawer", "printer"}
            await reports.next(DrawerLevel)
            await printed(printer)
            await drawer.open_drawer(lambda: True)
            await simulated.opened()
            await until(lambda: simulated.printed == RECEIPT)
            simulated.unplug()
            lost = await reports.next(DeviceState, lambda told: told.kind == "printer" and told.state == "lost")
            assert lost.name == "printer"
            with pytest.raises(PrintRefused, match="not open"):
                await printer.print_bytes(RECEIPT)


def test_only_a_drawer_on_an_esc_pos_printer_takes_receipts() -> None:
    assert [name for name in sorted(profile_files(None)) if takes_receipts(load_profile(name))] == ["escpos"]
