"""What the simulated devices do with bytes: the documented exchanges, and the traps that make the driver careful."""

import pytest

from device.drawer_profile_file import load_profile
from device.simulated_firmware import PULSE, Acts, EscposFirmware, StarFirmware, Switch, TriggerFirmware, firmware_of

LOW, HIGH = Switch(high=False, offline=False), Switch(high=True, offline=False)
OFFLINE = Switch(high=True, offline=True)


def answer(hexadecimal: str) -> Acts:
    return Acts(answer=bytes.fromhex(hexadecimal))


@pytest.mark.parametrize(("switch", "byte"), [(LOW, "12"), (HIGH, "16"), (OFFLINE, "1E")])
def test_an_escpos_printer_answers_dle_eot_at_once(switch: Switch, byte: str) -> None:
    assert EscposFirmware().receive(b"\x10\x04\x01", switch) == answer(byte)


def test_an_escpos_printer_tells_every_change_after_gs_a() -> None:
    printer = EscposFirmware()
    assert printer.moved(LOW) == Acts()
    assert printer.receive(b"\x1da\x03", HIGH) == answer("14 00 00 0F")
    assert printer.moved(LOW) == answer("10 00 00 0F")
    assert printer.moved(OFFLINE) == answer("1C 00 00 0F")


def test_an_escpos_printer_obeys_a_real_time_pulse_also_offline() -> None:
    assert EscposFirmware().receive(bytes.fromhex("10 14 01 00 01"), OFFLINE) == PULSE
    assert EscposFirmware().receive(bytes.fromhex("10 14 01 00 09"), HIGH) == Acts()


def test_a_queued_pulse_waits_for_an_offline_printer_and_fires_later() -> None:
    """The trap: for another customer."""
    printer = EscposFirmware()
    assert printer.receive(bytes.fromhex("1B 70 00 32 FA"), OFFLINE) == Acts()
    assert printer.moved(HIGH) == PULSE


def test_half_a_pulse_sticks_and_takes_the_next_bytes() -> None:
    """The trap: python-escpos issue 10."""
    printer = EscposFirmware()
    assert printer.receive(bytes.fromhex("1B 70 00"), HIGH) == Acts()
    assert printer.receive(b"re", HIGH) == PULSE
    assert printer.printed == b""


def test_a_question_inside_of_print_data_is_taken_out_of_it() -> None:
    printer = EscposFirmware()
    assert printer.receive(b"rec\x10\x04\x01eipt", HIGH) == answer("16")
    assert printer.printed == b"receipt"


def test_bytes_that_only_begin_like_a_real_time_command_are_printed() -> None:
    printer = EscposFirmware()
    assert printer.receive(b"\x10\x10\x04\x01\x10\x05a", HIGH) == answer("16")
    assert printer.printed == b"\x10\x10\x05a"


@pytest.mark.parametrize(("switch", "state"), [(LOW, "00"), (HIGH, "04"), (OFFLINE, "0C")])
def test_a_star_printer_answers_esc_ack_soh_at_once(switch: Switch, state: str) -> None:
    assert StarFirmware().receive(b"\x1b\x06\x01", switch) == answer(f"0F 06 {state} 00 00 00 00")


@pytest.mark.parametrize("command", ["07", "1C", "1A", "19", "1B 07 14 14 07", "1B 07 14 14 1C"])
def test_a_star_printer_obeys_each_of_its_pulses(command: str) -> None:
    printer = StarFirmware()
    assert printer.receive(bytes.fromhex(command), HIGH) == PULSE
    assert printer.printed == b""


def test_an_offline_star_printer_obeys_fs_at_once_and_bel_later() -> None:
    printer = StarFirmware()
    assert printer.receive(b"\x07", OFFLINE) == Acts()
    assert printer.receive(b"\x1c", OFFLINE) == PULSE
    assert printer.moved(HIGH) == PULSE


def test_a_star_printer_tells_changes_by_itself_where_it_is_told_to() -> None:
    printer = StarFirmware()
    assert printer.moved(HIGH) == Acts()
    printer.receive(b"\x1b\x1ea\x01", LOW)
    assert printer.moved(HIGH) == answer("0F 06 04 00 00 00 00")
    printer.receive(b"\x1b\x1ea\x00", LOW)
    assert printer.moved(HIGH) == Acts()


@pytest.mark.parametrize(
    ("name", "sent", "low", "high"),
    [
        ("ibm-surepos", "06", "00", "40"),
        ("glancetron-8005u", "1B 3A", "1B 34 41", "1B 34 42"),
    ],
)
def test_a_trigger_answers_its_question(name: str, sent: str, low: str, high: str) -> None:
    trigger = TriggerFirmware(load_profile(name))
    assert trigger.receive(bytes.fromhex(sent), LOW) == answer(low)
    assert trigger.receive(bytes.fromhex(sent), HIGH) == answer(high)


def test_a_trigger_opens_at_its_bytes_only() -> None:
    trigger = TriggerFirmware(load_profile("apg-212a"))
    assert trigger.receive(b"[", LOW) == Acts()
    assert trigger.receive(b"x[", LOW) == Acts()
    assert trigger.receive(b"[", LOW) == PULSE
    assert trigger.printed == b"[x"


def test_a_streaming_drawer_sends_its_byte_while_it_is_open() -> None:
    trigger = TriggerFirmware(load_profile("acode-at10u3"))
    assert (trigger.repeated(HIGH), trigger.repeated(LOW)) == (b"\x00", b"")


def test_each_profile_has_its_firmware() -> None:
    assert isinstance(firmware_of(load_profile("escpos")), EscposFirmware)
    assert isinstance(firmware_of(load_profile("star")), StarFirmware)
    assert isinstance(firmware_of(load_profile("mmf")), TriggerFirmware)
