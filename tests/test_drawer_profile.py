"""What a profile may say, and what it means."""

import pytest
from pydantic import ValidationError

from device.drawer_profile import DrawerProfile
from device.interface import DrawerCapabilities

NONE: dict[str, object] = {"source": "none"}
ESCPOS: dict[str, object] = {"source": "asb", "printer": "escpos", "interval_ms": 1000}
STAR: dict[str, object] = {"source": "asb", "printer": "star", "interval_ms": 200}
RI: dict[str, object] = {"source": "line", "line": "ri"}
CTS: dict[str, object] = {"source": "line", "line": "cts"}
QUERY: dict[str, object] = {"source": "query", "bytes": "06", "mask": 0x40, "value": 0x40}


def profile(status: dict[str, object] | None = None, **keys: object) -> DrawerProfile:
    named = {"model": "M", "wiring": "W", "limits": "L"}
    return DrawerProfile.model_validate({**named, **keys, "status": status or NONE})


def reason(keys: dict[str, object], status: dict[str, object] | None = None) -> str:
    with pytest.raises(ValidationError) as refused:
        DrawerProfile.model_validate({"model": "M", "wiring": "W", "limits": "L", "status": status or NONE, **keys})
    return "; ".join(detail["msg"] for detail in refused.value.errors())


def test_times_stand_in_bytes_in_the_units_of_the_command() -> None:
    made = profile(open_bytes="1B 70 00 pulse/2 off/2", pulse_ms=100, pulse_off_ms=500)
    assert made.open_bytes == bytes.fromhex("1B 70 00 32 FA")
    made = profile(open_bytes="1B 07 pulse/10 off/10 07", pulse_ms=200, pulse_off_ms=200)
    assert made.open_bytes == bytes.fromhex("1B 07 14 14 07")


def test_the_pulse_in_real_time_is_preferred() -> None:
    queued = profile(open_bytes="1B 70 00 pulse/2", pulse_ms=100)
    assert queued.pulse_bytes == bytes.fromhex("1B 70 00 32")
    real_time = profile(open_bytes="1B 70 00 pulse/2", pulse_ms=100, realtime_open_bytes="10 14 01 00 pulse/100")
    assert real_time.pulse_bytes == bytes.fromhex("10 14 01 00 01")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"open_bytes": "1B 70 00 pulse/2 32"}, "needs pulse_ms"),
        ({"open_bytes": "10 14 01 00 pulse/100", "pulse_ms": 150}, "a multiple of 100"),
        ({"open_bytes": "pulse/2", "pulse_ms": 510, "pulse_off_ms": 20}, "pulse_off_ms: nothing in the open bytes"),
        ({"open_bytes": "off/2 pulse/2", "pulse_ms": 100, "pulse_off_ms": 600}, "up to 510"),
        ({"open_bytes": "07", "pulse_ms": 100}, "times its pulse itself"),
        ({"open_bytes": "0x07"}, "a byte in hexadecimal"),
        ({"open_bytes": "7"}, "a byte in hexadecimal"),
        ({"open_bytes": "pulse/0", "pulse_ms": 100}, "a byte in hexadecimal"),
        ({"open_bytes": "07 " * 65}, "at most 64"),
        ({"open_bytes": 7}, "valid bytes"),
        ({"open_bytes": "pulse/2", "pulse_ms": 600}, "less than or equal to 510"),
        ({"baudrate": 9601}, "9600"),
        ({"baudrate": "9600"}, "9600"),
        ({"recharge_s": True}, "valid number"),
        ({"model": ""}, "at least 1 character"),
        ({"pulses": 3}, "Extra inputs"),
    ],
)
def test_a_wrong_key_is_refused_with_its_reason(keys: dict[str, object], said: str) -> None:
    assert said in reason(keys)


@pytest.mark.parametrize(
    ("status", "keys", "said"),
    [
        (NONE, {"open_line": "rts", "pulse_ms": 100, "open_bytes": "07"}, "by bytes or by a line"),
        (NONE, {"open_line": "rts"}, "needs pulse_ms"),
        (NONE, {"open_line": "rts", "pulse_ms": 100, "rtscts": True}, "RTS is taken"),
        (CTS, {"rtscts": True}, "CTS is the status line"),
        (RI, {"keep_port_open": False}, "keep_port_open"),
        (NONE, {"keep_port_open": False, "charge_s": 1.0}, "keep_port_open"),
        (NONE, {"keep_port_open": False, "open_line": "rts", "pulse_ms": 100}, "keep_port_open"),
        ({**QUERY, "value": 0x80}, {}, "within mask"),
        ({**QUERY, "other_value": 0x01}, {}, "within mask"),
        ({**QUERY, "other_value": 0x40}, {}, "the same"),
        ({**QUERY, "bytes": ""}, {}, "at least 1"),
        ({**QUERY, "bytes": "6"}, {}, "hexadecimal"),
        ({**RI, "interval_ms": 500}, {}, "less than or equal to 100"),
        ({**RI, "line": "rts"}, {}, "'cts', 'dsr', 'dcd' or 'ri'"),
        ({"source": "smell"}, {}, "'none', 'query', 'stream', 'asb', 'line'"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(
    status: dict[str, object], keys: dict[str, object], said: str
) -> None:
    assert said in reason(keys, status)


@pytest.mark.parametrize(
    ("status", "key", "command"),
    [
        (ESCPOS, "open_bytes", "1B 70 00 32 FA 1B 70 01 32 FA"),
        (ESCPOS, "open_bytes", "1B 70 00 32 FA 10 14 01 01 01"),
        (ESCPOS, "open_bytes", "1B 70 00"),
        (ESCPOS, "realtime_open_bytes", "10 14 01 00 01 10 14 01 01 01"),
        (ESCPOS, "realtime_open_bytes", "10 14 01"),
        (STAR, "open_bytes", "07 1A"),
        (STAR, "open_bytes", "1B 07 14 14 07 1A"),
        (STAR, "realtime_open_bytes", "1C 19"),
    ],
)
def test_a_printer_gets_one_whole_pulse_for_one_drawer(status: dict[str, object], key: str, command: str) -> None:
    """Both drawers at once are more than it can drive; half a command sticks and fires with the next print."""
    assert f"{key}: must be one complete pulse" in reason({key: command}, status)


@pytest.mark.parametrize(
    ("status", "key", "command"),
    [
        (ESCPOS, "realtime_open_bytes", "10 14 01 00 06"),  # 600 ms
        (ESCPOS, "realtime_open_bytes", "10 14 01 01 08"),
        (STAR, "open_bytes", "1B 07 34 0A 07"),  # 520 ms
        (STAR, "realtime_open_bytes", "1B 07 7F 0A 1C"),
    ],
)
def test_a_printer_drives_no_drawer_for_longer_than_it_stands(
    status: dict[str, object], key: str, command: str
) -> None:
    assert f"{key}: drives the drawer for longer than 510 ms" in reason({key: command}, status)


@pytest.mark.parametrize(
    ("status", "command"), [(ESCPOS, "1B 70 00 FF FF"), (ESCPOS, "10 14 01 00 05"), (STAR, "1B 07 33 0A 1C")]
)
def test_raw_bytes_may_drive_a_drawer_for_510_ms(status: dict[str, object], command: str) -> None:
    assert profile(status, open_bytes=command).pulse_bytes == bytes.fromhex(command)


@pytest.mark.parametrize("command", ["07", "1C", "1A", "19", "1B 07 19 1C 07", "1B 07 07 07 1C"])
def test_a_star_pulse_may_set_its_own_times(command: str) -> None:
    assert profile(STAR, open_bytes=command).open_bytes == bytes.fromhex(command)


def test_a_code_that_opens_is_not_shown() -> None:
    shown = repr(profile(open_bytes="C0 DE"))
    assert "open_bytes" not in shown


@pytest.mark.parametrize(
    ("open_level", "high", "level"),
    [
        ("high", True, "open"),
        ("high", False, "closed"),
        ("low", True, "closed"),
        ("low", False, "open"),
        ("unknown", True, "unknown"),
        ("unknown", False, "unknown"),
    ],
)
def test_open_level_says_what_a_raw_level_means(open_level: str, high: bool, level: str) -> None:
    assert profile(RI, open_level=open_level).level(high=high) == level


@pytest.mark.parametrize(
    ("status", "keys", "told"),
    [
        (NONE, {}, DrawerCapabilities(status=False)),
        (NONE, {"open_level": "high"}, DrawerCapabilities(status=False)),
        (RI, {}, DrawerCapabilities(status=False)),
        (RI, {"open_level": "high"}, DrawerCapabilities(status=True)),
        (RI, {"open_level": "high", "cut_wire_level": "low"}, DrawerCapabilities(status=True, cut_wire="closed")),
        (RI, {"open_level": "low", "cut_wire_level": "low"}, DrawerCapabilities(status=True, cut_wire="open")),
        (RI, {"cut_wire_level": "low"}, DrawerCapabilities(status=False)),
        (
            QUERY,
            {"open_level": "high", "multi_drawer_detect": True},
            DrawerCapabilities(status=True, multi_drawer_detect=True),
        ),
    ],
)
def test_capabilities_say_only_what_is_known(
    status: dict[str, object], keys: dict[str, object], told: DrawerCapabilities
) -> None:
    """A polarity that no document states is no status."""
    named = {"model": "M", "wiring": "W", "limits": "L"}
    assert DrawerProfile.model_validate({**named, **keys, "status": status}).capabilities == told
