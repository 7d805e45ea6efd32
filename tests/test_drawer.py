"""The driver against byte-exact simulated drawers on pseudo-terminals, one of each shipped profile."""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from device.drawer import SerialDrawer
from device.drawer_port import port_settings
from device.drawer_profile import DrawerProfile
from device.drawer_profile_file import load_profile, parse_profile, profile_files
from device.interface import DeviceState, DrawerLevel, DrawerRefused, PaidMessage, PrintInterrupted, PrintRefused
from device.paid_message import ON_ITS_WAY_S
from device.simulated_drawer import SimulatedDrawer
from device.simulated_lines import Output
from device.tty import SerialTty, open_tty
from tests.drawer_reports import Reports, running, until
from tests.moved_clock import MovedClock

SOON_S = 0.3  # for drawers that are to fall silent
XOFF, XON = b"\x13", b"\x11"
QUICK = {"charge_s": 0.0, "recharge_s": 0.0, "debounce_s": 0.02}
PULSES = {
    "escpos": "10 14 01 00 01",
    "star": "1B 07 14 14 1C",
    "apg-484a": "07",
    "apg-212a": "5B 5B",
    "mmf": "41",
    "logic-controls": "07",
    "ibm-surepos": "07",
    "glancetron-8005u": "1B 34",
    "acode-at10u3": "C0 DE",
    "j2-625": "07",
    "tysso-pcd005r": "07",
}
TELLING = ("escpos", "star", "apg-484a", "apg-212a", "mmf", "ibm-surepos", "glancetron-8005u")


def shipped(name: str, **overrides: object) -> DrawerProfile:
    """A shipped profile without its waiting times, which is asked and looked at quickly."""
    interval_ms = 50 if name in ("escpos", "star", "ibm-surepos", "glancetron-8005u") else 20
    asked = {} if name in ("logic-controls", "acode-at10u3") else {"status": {"interval_ms": interval_ms}}
    code = {"open_bytes": "C0 DE"} if name == "acode-at10u3" else {}
    return load_profile(name, overrides={**QUICK, **asked, **code, **overrides})


def own(text: str) -> DrawerProfile:
    return parse_profile(f'model = "M"\nwiring = "W"\nlimits = "L"\n{text}', file="own.toml")


@contextlib.asynccontextmanager
async def drawer_of(
    profile: DrawerProfile, folder: Path, **arguments: object
) -> AsyncIterator[tuple[SerialDrawer, SimulatedDrawer, Reports]]:
    """A running driver on a simulated drawer that is plugged in."""
    async with SimulatedDrawer(profile, folder / "drawer0") as simulated:
        drawer = driver(profile, simulated, **arguments)
        async with running(drawer) as reports:
            await reports.state("present")
            yield drawer, simulated, reports


def driver(profile: DrawerProfile, simulated: SimulatedDrawer, **arguments: object) -> SerialDrawer:
    return SerialDrawer(
        name="drawer",
        path=simulated.path,
        profile=profile,
        **{"opener": simulated.opener, **arguments},  # type: ignore[arg-type]  # each test names SerialDrawer's own
    )


def wanted() -> bool:
    return True


@pytest.mark.parametrize("name", TELLING)
async def test_a_drawer_that_tells_is_closed_then_open_then_closed(name: str, tmp_path: Path) -> None:
    """Opens by exactly the documented bytes, and every change is told once."""
    async with drawer_of(shipped(name), tmp_path) as (drawer, simulated, reports):
        first = await reports.level()
        pulsed_at = await drawer.open_drawer(wanted)
        opened = await reports.level()
        simulated.close_drawer()
        closed = await reports.level()

    assert [first.level, opened.level, closed.level] == ["closed", "open", "closed"]
    assert first.at < pulsed_at < opened.at < closed.at
    assert {1} == {report.connection for report in (first, opened, closed)}
    assert bytes.fromhex(PULSES[name]) in simulated.received
    assert simulated.pulses == 1
    assert reports.levels == ["closed", "open", "closed"]


@pytest.mark.parametrize("name", ["logic-controls", "j2-625", "tysso-pcd005r"])
async def test_a_drawer_that_cannot_be_understood_stays_unknown(name: str, tmp_path: Path) -> None:
    """No status, or a polarity that no document states: unknown once, whatever the drawer does."""
    async with drawer_of(shipped(name), tmp_path) as (drawer, simulated, reports):
        first = await reports.level()
        await drawer.open_drawer(wanted)
        await simulated.opened()
        simulated.close_drawer()
        await drawer.open_drawer(wanted)
        await simulated.opened()

    assert first.level == "unknown"
    assert reports.levels == ["unknown"]
    assert not drawer.capabilities.status
    assert bytes.fromhex(PULSES[name]) * 2 == simulated.received


@pytest.mark.parametrize(("name", "open_level"), [("j2-625", "low"), ("tysso-pcd005r", "high")])
async def test_a_learned_polarity_makes_a_drawer_tell(name: str, open_level: str, tmp_path: Path) -> None:
    async with drawer_of(shipped(name, open_level=open_level), tmp_path) as (drawer, simulated, reports):
        assert (await reports.level()).level == "closed"
        await drawer.open_drawer(wanted)
        assert (await reports.level()).level == "open"
        simulated.close_drawer()
        assert (await reports.level()).level == "closed"

    assert drawer.capabilities.status


async def test_silence_of_a_streaming_drawer_is_unknown_until_it_was_seen_open(tmp_path: Path) -> None:
    """ACODE: silence is closed or a broken sensor. One opening shows that the sensor works."""
    async with drawer_of(shipped("acode-at10u3", status={"gap_ms": 100}), tmp_path) as (drawer, simulated, reports):
        assert (await reports.level()).level == "unknown"
        await drawer.open_drawer(wanted)
        assert (await reports.level()).level == "open"
        simulated.close_drawer()
        assert (await reports.level()).level == "closed"


@pytest.mark.parametrize("name", TELLING)
async def test_a_key_opens_too(name: str, tmp_path: Path) -> None:
    async with drawer_of(shipped(name), tmp_path) as (_, simulated, reports):
        await reports.level()
        simulated.open_by_key()

        assert (await reports.level()).level == "open"
        assert simulated.pulses == 0


def test_every_shipped_profile_is_tested() -> None:
    assert set(profile_files(None)) == set(PULSES)


@pytest.mark.parametrize(
    ("name", "stale"), [("escpos", b"\x12\x10\x00\x00\x0f"), ("star", b"\x0f\x06\x04\x00\x00\x00\x00")]
)
async def test_bytes_from_before_the_port_was_opened_are_no_status(name: str, stale: bytes, tmp_path: Path) -> None:
    """They say open; the drawer is closed."""
    profile = shipped(name)
    async with SimulatedDrawer(profile, tmp_path / "drawer0") as simulated:
        simulated.send(stale * 3)
        async with running(driver(profile, simulated)) as reports:
            assert (await reports.level()).level == "closed"

    assert reports.levels == ["closed"]


@pytest.mark.parametrize("name", ["escpos", "apg-484a"])
async def test_an_unplugged_drawer_is_unknown_and_picked_up_again(name: str, tmp_path: Path) -> None:
    async with drawer_of(shipped(name), tmp_path) as (drawer, simulated, reports):
        await reports.level()
        simulated.unplug()
        lost = await reports.level()
        assert (lost.level, lost.connection) == ("unknown", 1)
        await reports.state("lost")
        with pytest.raises(DrawerRefused, match="is not open"):
            await drawer.open_drawer(wanted)

        simulated.plug_in()
        await reports.state("present")
        back = await reports.level()
        assert (back.level, back.connection) == ("closed", 2)


async def test_a_drawer_that_is_not_there_is_missing_and_said_once(tmp_path: Path) -> None:
    profile = shipped("escpos")
    simulated = SimulatedDrawer(profile, tmp_path / "drawer0")
    async with running(driver(profile, simulated)) as reports:
        missing = await reports.state("missing")
        assert "plug the device in" in (missing.reason or "")
        async with simulated:
            await reports.state("present")

    assert sum(isinstance(report, DeviceState) and report.state == "missing" for report in reports.all) == 1


async def test_a_second_program_on_the_port_is_named(tmp_path: Path) -> None:
    profile = shipped("mmf")
    async with SimulatedDrawer(profile, tmp_path / "drawer0") as simulated, contextlib.AsyncExitStack() as stack:
        drawer = driver(profile, simulated)
        with contextlib.closing(open_tty(port_settings(profile, simulated.path))):
            reports = await stack.enter_async_context(running(drawer))
            fault = await reports.state("fault")
            assert "held by another program" in (fault.reason or "")
            with pytest.raises(DrawerRefused):
                await drawer.open_drawer(wanted)
        await reports.state("present")


async def test_a_second_pulse_during_recharge_is_refused_not_queued(tmp_path: Path) -> None:
    async with drawer_of(shipped("ibm-surepos", recharge_s=60.0), tmp_path) as (drawer, simulated, reports):
        await reports.level()
        await drawer.open_drawer(wanted)
        for _ in range(100):
            with pytest.raises(DrawerRefused, match="opened just now: ask again in 60 s"):
                await drawer.open_drawer(wanted)
        await reports.level()

    assert simulated.pulses == 1


async def test_recharge_outlives_a_lost_connection(tmp_path: Path) -> None:
    async with drawer_of(shipped("apg-484a", recharge_s=60.0), tmp_path) as (drawer, simulated, reports):
        await drawer.open_drawer(wanted)
        simulated.unplug()
        simulated.plug_in()
        await reports.state("lost")
        await reports.state("present")
        with pytest.raises(DrawerRefused, match="opened just now"):
            await drawer.open_drawer(wanted)


async def test_two_askers_at_once_make_one_pulse(tmp_path: Path) -> None:
    async with drawer_of(shipped("mmf", recharge_s=60.0), tmp_path) as (drawer, simulated, reports):
        await reports.level()
        outcomes = await asyncio.gather(*(drawer.open_drawer(wanted) for _ in range(5)), return_exceptions=True)
        await reports.level()

    assert sum(isinstance(outcome, DrawerRefused) for outcome in outcomes) == 4
    assert simulated.pulses == 1


async def test_a_pulse_that_was_cancelled_midway_counts_for_the_recharge(tmp_path: Path) -> None:
    """What is not certainly unsent may have acted."""
    profile = own('open_line = "dtr"\npulse_ms = 500\nrecharge_s = 60\n[status]\nsource = "none"')
    async with drawer_of(profile, tmp_path) as (drawer, simulated, _):
        opening = asyncio.create_task(drawer.open_drawer(wanted))
        await until(lambda: simulated.pulses == 1)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        with pytest.raises(DrawerRefused, match="opened just now"):
            await drawer.open_drawer(wanted)


async def test_a_charging_drawer_is_not_asked(tmp_path: Path) -> None:
    async with drawer_of(shipped("apg-484a", charge_s=60.0), tmp_path) as (drawer, simulated, _):
        with pytest.raises(DrawerRefused, match="charges"):
            await drawer.open_drawer(wanted)

    assert simulated.received == b""


async def test_nothing_is_sent_when_nobody_waits_any_more(tmp_path: Path) -> None:
    """The look is the last thing before the bytes; a refusal does not count as an opening."""
    async with drawer_of(shipped("mmf", recharge_s=60.0), tmp_path) as (drawer, simulated, reports):
        await reports.level()
        with pytest.raises(DrawerRefused, match="nobody waits"):
            await drawer.open_drawer(lambda: False)
        await drawer.open_drawer(wanted)
        await reports.level()

    assert simulated.received == b"\x41"


@pytest.mark.parametrize("name", ["escpos", "star"])
async def test_a_printer_that_is_offline_gets_no_pulse(name: str, tmp_path: Path) -> None:
    """It would fire with a later print, for another customer."""
    async with drawer_of(shipped(name), tmp_path) as (drawer, simulated, reports):
        await reports.level()
        simulated.set_offline(offline=True)
        fault = await reports.state("fault")
        assert (fault.reason or "").startswith("printer offline")
        with pytest.raises(DrawerRefused, match="printer offline"):
            await drawer.open_drawer(wanted)
        with pytest.raises(PrintRefused, match="printer offline"):
            await drawer.print_bytes(b"receipt")

        simulated.set_offline(offline=False)
        await reports.state("present")
        await drawer.open_drawer(wanted)
        assert (await reports.level()).level == "open"

    assert simulated.pulses == 1
    assert simulated.printed == b""


@pytest.mark.parametrize("name", ["escpos", "star"])
async def test_a_printer_is_not_asked_before_it_said_whether_it_is_offline(name: str, tmp_path: Path) -> None:
    profile = shipped(name)
    async with SimulatedDrawer(profile, tmp_path / "drawer0") as simulated:
        simulated.faults.dead = True
        drawer = driver(profile, simulated)
        async with running(drawer) as reports:
            await reports.state("present")
            with pytest.raises(DrawerRefused, match="not heard yet"):
                await drawer.open_drawer(wanted)


async def test_a_printer_that_never_says_anything_still_opens_its_drawer(tmp_path: Path) -> None:
    """A clone that knows no status: the level is unknown, and the pulse in real time acts now or never."""
    async with drawer_of(shipped("escpos"), tmp_path, silent_after_s=SOON_S) as (drawer, simulated, reports):
        simulated.faults.dead = True
        await reports.state("fault")
        await drawer.open_drawer(wanted)
        await until(lambda: simulated.received.endswith(bytes.fromhex("10 14 01 00 01")))


async def test_the_queued_pulse_is_sent_where_the_printer_knows_no_other(tmp_path: Path) -> None:
    profile = shipped("escpos", realtime_open_bytes="")
    async with drawer_of(profile, tmp_path) as (drawer, simulated, reports):
        await reports.level()
        await drawer.open_drawer(wanted)
        assert (await reports.level()).level == "open"

    assert bytes.fromhex("1B 70 00 32 FA") in simulated.received


async def test_a_pulse_that_the_device_holds_back_is_refused_and_never_sent_later(tmp_path: Path) -> None:
    """And counts for no recharge."""
    profile = shipped("logic-controls", xonxoff=True, recharge_s=60.0)
    async with drawer_of(profile, tmp_path) as (drawer, simulated, reports):
        await reports.level()
        simulated.send(XOFF)
        await until(lambda: simulated.holds_back)
        with pytest.raises(DrawerRefused, match="takes nothing"):
            await drawer.open_drawer(wanted)
        simulated.send(XON)
        await until(lambda: not simulated.holds_back)
        await drawer.open_drawer(wanted)
        await simulated.opened()

    assert simulated.pulses == 1
    assert simulated.received == b"\x07"


@pytest.mark.parametrize("name", ["glancetron-8005u", "escpos", "star"])
async def test_a_dead_port_is_unknown_and_a_fault(name: str, tmp_path: Path) -> None:
    """It opens and takes everything, and nothing comes back."""
    async with drawer_of(shipped(name), tmp_path, silent_after_s=SOON_S) as (_, simulated, reports):
        await reports.level("closed")
        simulated.faults.dead = True
        fault = await reports.state("fault")
        assert (fault.reason or "").startswith("no answer")
        await reports.level("unknown")
        simulated.faults.dead = False
        await reports.state("present")
        await reports.level("closed")


async def test_a_printer_that_was_switched_off_and_on_tells_changes_again(tmp_path: Path) -> None:
    async with drawer_of(shipped("escpos"), tmp_path, silent_after_s=SOON_S) as (_, simulated, reports):
        await reports.level()
        simulated.faults.dead = True
        await reports.state("fault")
        simulated.switch_off_and_on()
        simulated.received.clear()
        simulated.faults.dead = False
        await reports.state("present")
        await until(lambda: b"\x1d\x61\x03" in simulated.received)


async def test_garbage_instead_of_answers_names_the_speed(tmp_path: Path) -> None:
    async with drawer_of(shipped("star"), tmp_path, silent_after_s=SOON_S) as (_, simulated, reports):
        await reports.level()
        simulated.faults.half_status = True
        simulated.faults.garbage = True
        await reports.next(DeviceState, lambda report: "speed" in (report.reason or ""))


@pytest.mark.parametrize("name", ["escpos", "star"])
async def test_garbage_before_each_status_changes_nothing(name: str, tmp_path: Path) -> None:
    async with drawer_of(shipped(name), tmp_path) as (drawer, simulated, reports):
        simulated.faults.garbage = True
        await reports.level()
        await drawer.open_drawer(wanted)
        await reports.level()
        simulated.close_drawer()
        await reports.level()

    assert reports.levels == ["closed", "open", "closed"]


@pytest.mark.parametrize("name", ["ibm-surepos", "glancetron-8005u"])
async def test_garbage_beside_an_answer_makes_it_no_answer(name: str, tmp_path: Path) -> None:
    """A byte without a mark of its own cannot be told from noise, so the level is unknown."""
    async with drawer_of(shipped(name), tmp_path, silent_after_s=SOON_S) as (_, simulated, reports):
        await reports.level()
        simulated.faults.garbage = True
        await reports.next(DeviceState, lambda report: "speed" in (report.reason or ""))
        await reports.level("unknown")
        simulated.faults.garbage = False
        await reports.level("closed")


@pytest.mark.parametrize("name", ["escpos", "star", "glancetron-8005u"])
async def test_half_a_status_is_no_status(name: str, tmp_path: Path) -> None:
    """The drawer opens while every status breaks off; what is known is not changed by half a block."""
    async with drawer_of(shipped(name), tmp_path, silent_after_s=SOON_S) as (_, simulated, reports):
        await reports.level()
        simulated.faults.half_status = True
        simulated.open_by_key()
        await reports.level("unknown")
        simulated.faults.half_status = False
        await reports.level("open")


@pytest.mark.parametrize("name", ["escpos", "star"])
async def test_flow_control_inside_a_status_is_skipped(name: str, tmp_path: Path) -> None:
    async with drawer_of(shipped(name), tmp_path) as (drawer, simulated, reports):
        simulated.faults.flow_control = True
        await reports.level()
        await drawer.open_drawer(wanted)
        await reports.level()
        simulated.close_drawer()
        await reports.level()

    assert reports.levels == ["closed", "open", "closed"]


async def test_an_answer_for_another_drawer_is_no_answer(tmp_path: Path) -> None:
    async with drawer_of(shipped("glancetron-8005u"), tmp_path, silent_after_s=SOON_S) as (_, simulated, reports):
        await reports.level()
        simulated.faults.wrong_drawer = True
        await reports.level("unknown")


async def test_a_stuck_drawer_stays_closed(tmp_path: Path) -> None:
    async with drawer_of(shipped("mmf"), tmp_path) as (drawer, simulated, reports):
        await reports.level()
        simulated.faults.stuck = True
        await drawer.open_drawer(wanted)
        await until(lambda: simulated.pulses == 1)
        simulated.faults.stuck = False
        simulated.open_by_key()
        await reports.level()

    assert reports.levels == ["closed", "open"]


async def test_a_printer_tells_what_was_before_it_carries_out_a_pulse_of_the_same_bytes(tmp_path: Path) -> None:
    async with SimulatedDrawer(shipped("escpos", open_level="low"), tmp_path / "drawer0", opening_s=0.0) as simulated:
        port = os.open(simulated.path, os.O_RDWR | os.O_NOCTTY)
        os.write(port, b"\x1da\xff" + bytes.fromhex(PULSES["escpos"]))
        await simulated.opened()
        blocks = os.read(port, 8)
        os.close(port)

    assert [bool(block & 0x04) for block in blocks[::4]] == [True, False]  # the drawer's pin: high, low


async def test_delayed_blocks_of_a_printer_still_count(tmp_path: Path) -> None:
    async with drawer_of(shipped("escpos"), tmp_path) as (_, simulated, reports):
        await reports.level()
        simulated.faults.delay_s = 0.1
        simulated.open_by_key()
        assert (await reports.level()).level == "open"


async def test_a_bouncing_switch_is_one_change(tmp_path: Path) -> None:
    async with drawer_of(shipped("escpos"), tmp_path) as (_, simulated, reports):
        await reports.level()
        for _ in range(5):
            simulated.open_by_key()
            simulated.close_drawer()
        simulated.open_by_key()
        await reports.level()

    assert reports.levels == ["closed", "open"]


@pytest.mark.parametrize("name", ["apg-484a", "apg-212a", "mmf"])
async def test_an_opening_between_two_looks_at_a_line_is_seen(name: str, tmp_path: Path) -> None:
    """As an opening of no length: shown, and no evidence of cash."""
    async with drawer_of(shipped(name), tmp_path) as (_, simulated, reports):
        await reports.level()
        simulated.flicker()
        opened, closed = await reports.level(), await reports.level()

    assert (opened.level, closed.level) == ("open", "closed")
    assert opened.at == closed.at


async def test_a_driver_without_counters_shows_levels_only(tmp_path: Path) -> None:
    async with drawer_of(shipped("mmf"), tmp_path) as (_, simulated, reports):
        simulated.lines.counting = False
        await reports.level()
        simulated.open_by_key()
        assert (await reports.level()).level == "open"


async def test_a_port_without_modem_lines_is_named(tmp_path: Path) -> None:
    profile = shipped("mmf")
    async with SimulatedDrawer(profile, tmp_path / "drawer0") as simulated:
        drawer = SerialDrawer(name="drawer", path=simulated.path, profile=profile)
        async with running(drawer) as reports:
            fault = await reports.state("fault")
            assert "no modem lines" in (fault.reason or "")
            assert (await reports.level()).level == "unknown"


async def test_an_opening_right_after_a_pulse_leaves_no_trace_while_the_status_means_nothing(tmp_path: Path) -> None:
    async with drawer_of(shipped("apg-212a", status_delay_s=0.2), tmp_path) as (drawer, simulated, reports):
        await reports.level()
        simulated.faults.stuck = True
        pulsed_at = await drawer.open_drawer(wanted)
        simulated.flicker()
        loop = asyncio.get_running_loop()
        await until(lambda: loop.time() > pulsed_at + 0.2)
        looked = simulated.lines.looks
        await until(lambda: simulated.lines.looks > looked + 4)

    assert reports.levels == ["closed"]


@pytest.mark.parametrize("name", ["apg-212a", "ibm-surepos", "escpos"])
async def test_the_status_means_nothing_right_after_a_pulse(name: str, tmp_path: Path) -> None:
    """APG 212A: 200 ms."""
    async with drawer_of(shipped(name, status_delay_s=0.3), tmp_path) as (drawer, simulated, reports):
        await reports.level()
        pulsed_at = await drawer.open_drawer(wanted)
        await simulated.opened()
        opened = await reports.level()

    assert opened.at >= pulsed_at + 0.3


async def test_a_receipt_is_printed_whole_beside_questions_and_pulses(tmp_path: Path) -> None:
    """A question inside of a receipt would be eaten, or eat a part of it."""
    receipts = [bytes([65 + number]) * 3000 for number in range(8)]
    async with drawer_of(shipped("escpos"), tmp_path) as (drawer, simulated, reports):
        await reports.level()
        await asyncio.gather(*(drawer.print_bytes(receipt) for receipt in receipts), drawer.open_drawer(wanted))
        await simulated.opened()
        await until(lambda: len(simulated.printed) == sum(map(len, receipts)))

    assert all(receipt in simulated.received for receipt in receipts)
    assert b"".join(receipts) == simulated.printed
    assert simulated.pulses == 1


async def test_a_receipt_that_is_cut_off_says_so(tmp_path: Path) -> None:
    profile = shipped("logic-controls", xonxoff=True)
    async with drawer_of(profile, tmp_path) as (drawer, simulated, reports):
        await reports.level()
        simulated.send(XOFF)
        await until(lambda: simulated.holds_back)
        printing = asyncio.create_task(drawer.print_bytes(b"receipt"))
        await asyncio.sleep(0)
        simulated.unplug()
        with pytest.raises(PrintInterrupted, match="lost while it printed"):
            await printing


async def test_a_drawer_that_the_register_opens_is_only_watched(tmp_path: Path) -> None:
    async with drawer_of(shipped("mmf"), tmp_path, opened_by="register") as (drawer, simulated, reports):
        await reports.level()
        with pytest.raises(DrawerRefused, match="the register opens this drawer"):
            await drawer.open_drawer(wanted)
        simulated.open_by_key()
        assert (await reports.level()).level == "open"

    assert simulated.received == b""


async def test_a_drawer_without_its_code_is_not_opened(tmp_path: Path) -> None:
    profile = load_profile("acode-at10u3")
    async with drawer_of(profile, tmp_path) as (drawer, _, _reports):
        with pytest.raises(DrawerRefused, match="set \\[drawer\\] open_bytes"):
            await drawer.open_drawer(wanted)


@pytest.mark.parametrize("level", ["high", "low"])
async def test_a_line_opens_a_drawer_and_rests_at_the_other_level(level: str, tmp_path: Path) -> None:
    text = f'open_line = "rts"\nopen_line_level = "{level}"\npulse_ms = 20\n[status]\nsource = "line"\nline = "dsr"'
    profile = own(text.replace("[status]", 'open_level = "high"\n[status]'))
    async with drawer_of(profile, tmp_path) as (drawer, simulated, reports):
        driven: list[tuple[str, bool]] = []
        act = simulated.lines.driven

        def watched(line: Output, high: bool) -> None:
            driven.append((line, high))
            act(line, high)

        simulated.lines.driven = watched
        assert (await reports.level()).level == "closed"
        await drawer.open_drawer(wanted)
        assert (await reports.level()).level == "open"

    assert [("rts", level == "high"), ("rts", level == "low")] == driven
    assert (level == "low") == port_settings(profile, "/dev/null").rts


async def test_a_port_that_is_not_kept_open_is_free_for_others(tmp_path: Path) -> None:
    profile = own('keep_port_open = false\nopen_bytes = "07"\nrecharge_s = 0\n[status]\nsource = "none"')
    async with drawer_of(profile, tmp_path) as (drawer, simulated, reports):
        assert (await reports.level()).level == "unknown"
        open_tty(port_settings(profile, simulated.path)).close()
        await drawer.open_drawer(wanted)
        await simulated.opened()
        open_tty(port_settings(profile, simulated.path)).close()
        simulated.unplug()
        with pytest.raises(DrawerRefused, match="plug the device in"):
            await drawer.open_drawer(wanted)
        await reports.state("lost")

    assert simulated.received == b"\x07"


@pytest.mark.parametrize("name", ["logic-controls", "mmf"])
async def test_the_money_is_in_may_be_said_on_the_drawers_port(name: str, tmp_path: Path, clock: MovedClock) -> None:
    pattern = re.compile(r"paid (?P<amount>\d+)")
    async with drawer_of(shipped(name), tmp_path, paid_pattern=pattern) as (_, simulated, reports):
        await reports.level()
        clock.advance(ON_ITS_WAY_S)
        simulated.send(b"paid 796\r\n")
        message = await reports.next(PaidMessage)

    assert simulated.received == b"", "many a drawer opens at any byte"
    assert (message.drawer, message.amount, message.connection) == ("drawer", 796, 1)


def test_text_and_status_bytes_do_not_share_a_port() -> None:
    with pytest.raises(ValueError, match="a port of their own"):
        SerialDrawer(name="drawer", path="/dev/null", profile=shipped("escpos"), paid_pattern=re.compile("paid"))


async def test_a_change_that_a_printer_tells_once_counts_without_a_question(tmp_path: Path) -> None:
    async with drawer_of(shipped("escpos", status={"interval_ms": 5000}), tmp_path) as (_, simulated, reports):
        await reports.level("closed")
        simulated.open_by_key()
        await reports.level("open")

    assert simulated.received.count(b"\x10\x04\x01") == 1


async def test_a_drawer_that_is_seldom_asked_is_not_silent_between_two_questions(tmp_path: Path) -> None:
    profile = shipped("ibm-surepos", status={"interval_ms": 300})
    async with drawer_of(profile, tmp_path, silent_after_s=0.1) as (_, _simulated, reports):
        assert (await reports.level()).level == "closed"


async def test_a_port_that_is_opened_for_a_pulse_is_closed_when_the_pulse_is_on_the_wire(tmp_path: Path) -> None:
    """Closing drops what still lies in the chip: 16 bytes, at 300 Bd more than half a second."""
    closed: list[float] = []

    class TimedTty(SerialTty):
        def close(self) -> None:
            closed.append(time.monotonic())
            super().close()

    profile = own('keep_port_open = false\nbaudrate = 9600\nopen_bytes = "07"\n[status]\nsource = "none"')
    async with SimulatedDrawer(profile, tmp_path / "drawer0") as simulated:
        drawer = driver(profile, simulated, opener=TimedTty.open)
        at = await drawer.open_drawer(wanted)

    assert closed[0] - at >= 16 * 12 / 9600


async def test_a_lost_drawer_of_which_nothing_was_known_is_not_told_twice(tmp_path: Path) -> None:
    async with drawer_of(shipped("logic-controls"), tmp_path) as (_, simulated, reports):
        await reports.level("unknown")
        simulated.unplug()
        await reports.state("lost")

    assert reports.levels == ["unknown"]


async def test_levels_are_told_on_change_only(tmp_path: Path) -> None:
    async with drawer_of(shipped("escpos"), tmp_path) as (_, simulated, reports):
        await reports.level()
        asked = simulated.received.count(b"\x10\x04\x01")
        await until(lambda: simulated.received.count(b"\x10\x04\x01") > asked + 3)

    assert sum(isinstance(report, DrawerLevel) for report in reports.all) == 1
