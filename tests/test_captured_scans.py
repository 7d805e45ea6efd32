"""What common readers send, as it is on record in hardware.md, decoded from the raw bytes and events.

A keyboard-mode reader is given by its HID reports, which become the kernel's events as its HID driver makes them:
modifiers first, then what was let go, then what was pressed, and the end of the report.
"""

from collections.abc import Iterator

import pytest

from device.hidpos_decoder import HidPosDecoder
from device.interface import Scan, Torn, TornScan
from device.key_decoder import EV_KEY, EV_SYN, SYN_DROPPED, InputEvent, KeyDecoder, KeyReading
from device.keyboard_layouts import LayoutName
from device.line_decoder import LineDecoder, LineReading
from device.scan_text import Outcome

CARD = "9276004429942845"
MODIFIERS = {0x01: 29, 0x02: 42, 0x04: 56, 0x08: 125, 0x10: 97, 0x20: 54, 0x40: 100, 0x80: 126}
# HID usages of the keyboard page to the kernel's keys, as far as they occur here (drivers/hid/hid-input.c).
USAGES = {
    **dict(zip(range(0x1E, 0x28), range(2, 12), strict=True)),  # 1 to 0
    0x05: 48, 0x06: 46, 0x08: 18,  # B, C, E
    0x28: 28, 0x2B: 15, 0x2C: 57, 0x2D: 12, 0x2E: 13, 0x30: 27, 0x33: 39, 0x36: 51, 0x37: 52, 0x38: 53,
    **dict(zip(range(0x59, 0x63), (79, 80, 81, 75, 76, 77, 71, 72, 73, 82), strict=True)),  # keypad 1 to 0
}  # fmt: skip


def kernel_events(reports: str, report_s: float = 0.008) -> Iterator[InputEvent]:
    """The events of boot reports, written as `mm kk kk …`: the modifiers and the keys that are down."""
    held: list[int] = []
    for place, report in enumerate(reports.split("|")):
        modifiers, *usages = bytes.fromhex(report)
        down = [key for bit, key in MODIFIERS.items() if modifiers & bit] + [USAGES[usage] for usage in usages]
        at = 1.0 + place * report_s
        yield from (InputEvent(at, EV_KEY, key, 0) for key in held if key not in down)
        yield from (InputEvent(at, EV_KEY, key, 1) for key in down if key not in held)
        yield InputEvent(at, EV_SYN, 0, 0)
        held = down


def shown(outcomes: list[Outcome]) -> list[tuple[str, str | None] | Torn]:
    return [
        (outcome.text, outcome.symbology) if isinstance(outcome, Scan) else outcome.reason
        for outcome in outcomes
        if isinstance(outcome, Scan | TornScan)
    ]


def decode_keys(events: Iterator[InputEvent] | list[InputEvent], layout: LayoutName = "us") -> list[Outcome]:
    decoder = KeyDecoder("counter", KeyReading(layout=layout))
    return [outcome for event in events for outcome in decoder.feed(event)]


def typed(usages: str, modifier: str = "00") -> str:
    """Each key pressed and let go, in reports."""
    return "|".join(f"{modifier} {usage}|00" for usage in usages.split())


CARD_KEYS = "26 1f 24 23 27 27 21 21 1f 26 26 21 1f 25 21 22"


def test_a_digit_as_it_was_observed() -> None:
    """MSC_SCAN 0x70026, KEY_9, SYN, and the same for the release: six events a digit (3.2)."""
    raw = [(4, 4, 0x70026), (1, 10, 1), (0, 0, 0), (4, 4, 0x70026), (1, 10, 0), (0, 0, 0), (1, 28, 1)]
    events = [InputEvent(1.0, *event) for event in raw]
    assert shown(decode_keys(events)) == [("9", None)]


def test_a_reader_that_sends_empty_reports_between_its_keys() -> None:
    assert shown(decode_keys(kernel_events(f"{typed(CARD_KEYS)}|00 28|00"))) == [(CARD, None)]


def test_a_fast_reader_that_sends_one_only_between_equal_keys() -> None:
    keys = CARD_KEYS.split()
    reports = [f"00 {key}" if key != before else f"00|00 {key}" for before, key in zip(["", *keys], keys, strict=False)]
    assert shown(decode_keys(kernel_events("|".join([*reports, "00 28", "00"]), 0.001))) == [(CARD, None)]


def test_a_code_128_reader_with_its_aim_identifier() -> None:
    """`]C0` as a US reader types it: bracket, Shift and C, 0."""
    assert shown(decode_keys(kernel_events(f"{typed('30')}|02 06|00|{typed('27')}|{typed(CARD_KEYS)}|00 28|00"))) == [
        (CARD, "]C0")
    ]


def test_alt_mode_with_all_digits_of_a_character_in_one_report() -> None:
    """`04 00 62 60 5b` (3.2): Alt with keypad 0, 8 and 3 is S."""
    assert shown(decode_keys(kernel_events("04 62 60 5b|00|00 28|00"))) == [("S", None)]


def test_a_magstripe_reader_with_its_defaults() -> None:
    """MagTek (4.2): `;track2?` CR, upper case, US layout."""
    stripe = f"{typed('33')}|{typed(CARD_KEYS)}|{typed('2e')}|{typed('1f 22 1e 1f')}|02 38|00|00 28|00"
    assert shown(decode_keys(kernel_events(stripe))) == [(f";{CARD}=2512?", None)]


def test_the_same_swipe_on_a_reader_that_is_set_to_german() -> None:
    """Shift and comma, Shift and 0, Shift and minus (3.2)."""
    stripe = f"02 36|00|{typed(CARD_KEYS)}|02 27|00|{typed('1f 22 1e 1f')}|02 2d|00|00 28|00"
    assert shown(decode_keys(kernel_events(stripe), "de")) == [(f";{CARD}=2512?", None)]


@pytest.mark.parametrize("marks", ["02 22|00|02 08|00|02 38|00", "00 33|00|02 08|00|02 38|00"])
def test_the_error_marks_of_a_magstripe_reader(marks: str) -> None:
    """`%E?` and `;E?` (4.2)."""
    assert shown(decode_keys(kernel_events(f"{marks}|00 28|00"))) == [Torn.READER_ERROR]


def test_a_german_bahncard_with_shift_held_makes_no_digit() -> None:
    """`;7081410` with Shift held, read as German: `Ö/=(!$!=` (3.2)."""
    swipe = "|".join(f"02 {usage}|02" for usage in ("33", "24", "27", "25", "1e", "21", "1e", "27"))
    assert shown(decode_keys(kernel_events(f"{swipe}|00 28|00"), "de")) == [("Ö/=(!$!=", None)]


def test_the_tail_that_a_blocked_reader_is_left_with() -> None:
    """17 characters at 1 ms while nobody read for 300 ms: SYN_DROPPED and `42845` with Enter (3.3)."""
    events = list(kernel_events(f"{typed('21 1f 25 21 22')}|00 28|00"))
    assert shown(decode_keys([InputEvent(0.99, EV_SYN, SYN_DROPPED, 0), *events])) == [Torn.DROPPED]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"{CARD}\r".encode(), [(CARD, None)]),
        (f"]C0{CARD}\r\n".encode(), [(CARD, "]C0")]),
        (b"\x02]E04006381333931\x03", [("4006381333931", "]E0")]),
        (f"\x02\x1b%B{CARD}^X/Y^2512?;{CARD}=2512?0\r\x03".encode(), [(f"%B{CARD}^X/Y^2512?;{CARD}=2512?", None)]),
        (b"\x02\x1b1\r\x03", []),
        (b"\x02\x1b%E?;E?0\r\x03", [Torn.READER_ERROR]),
    ],
)
def test_serial_readers(raw: bytes, expected: list[tuple[str, str | None] | Torn]) -> None:
    """Barcode readers with CR, CR LF and frames (3.6), and MagTek's port-powered insertion reader (4.2)."""
    decoder = LineDecoder("wall", LineReading())
    assert shown([*decoder.feed(raw, 1.0), *decoder.wake(2.0)]) == expected


def test_a_hid_pos_reader() -> None:
    """2, 56, 93, 88, 48, data …, 63, 0, 1 and a last report with 0 at its end, as observed on a Honeywell (3.5)."""
    first = bytes([2, 56, 93, 88, 48]) + b"P" * 56 + bytes([63, 0, 1])
    last = (bytes([2, 4, 93, 88, 48]) + b"END\r").ljust(61, b"\0") + bytes([63, 0, 0])
    decoder = HidPosDecoder("counter")
    assert shown([*decoder.feed(first, 1.0), *decoder.feed(last, 1.002)]) == [("P" * 56 + "END", "]X0")]
