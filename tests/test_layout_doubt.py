"""A reader that plays another keyboard than the configuration says is found out by its first card."""

import time
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.evdev_scanner import EvdevScanner, EvdevScannerSettings
from device.interface import DeviceState, Scan
from device.key_decoder import KeyReading
from device.keyboard_layouts import LAYOUTS, LayoutName
from device.keystrokes import key_events, strokes
from device.layout_doubt import played_layout
from device.matching import Match
from device.simulated_scanner import SimulatedKeyScanner
from tests.scanner_reports import Reports, running

CARD = "9276004429942845"
STRIPE = f";{CARD}=0000?"
IDLE_S = 60.0
MISREAD = [
    ("us", "fr", CARD),
    ("fr", "us", CARD),
    ("fr", "de", CARD),
    ("us", "de", STRIPE),
    ("de", "us", STRIPE),
    ("ch", "us", STRIPE),
    ("us", "fr", STRIPE),
]
"""Configured, played, and what is scanned."""


def set_to(layout: LayoutName) -> EvdevScannerSettings:
    reading = KeyReading(layout=layout, idle_s=IDLE_S)
    return EvdevScannerSettings(name="counter", match=Match(id_vendor="0c2e"), reading=reading)


def scan(reader: SimulatedKeyScanner, text: str, layout: LayoutName, after_s: float) -> None:
    reader.send(key_events(strokes(text, layout, "enter"), time.monotonic() + after_s, 0.001))


async def presence(reports: Reports) -> DeviceState:
    await reports.next(Scan)
    return await reports.next(DeviceState)


@pytest.mark.parametrize(("configured", "played", "text"), MISREAD)
async def test_the_layout_that_a_reader_plays_is_named_until_a_card_is_read_right(
    configured: LayoutName, played: LayoutName, text: str
) -> None:
    async with (
        SimulatedKeyScanner() as reader,
        running(EvdevScanner(set_to(configured), open_device=reader.open_device)) as reports,
    ):
        assert await reports.state() == "present"
        scan(reader, text, played, after_s=IDLE_S)
        doubted = await presence(reports)
        scan(reader, CARD, configured, after_s=2 * IDLE_S)
        mended = await presence(reports)
    assert doubted.state == mended.state == "present"
    assert doubted.reason is not None
    assert f'layout = "{configured}" reads this reader wrong' in doubted.reason
    assert CARD not in doubted.reason
    assert mended.reason is None


@pytest.mark.parametrize(("configured", "played"), list(permutations(LAYOUTS, 2)))
def test_the_number_of_a_card_is_never_doubted(configured: LayoutName, played: LayoutName) -> None:
    assert played_layout(CARD, configured) is None
    assert played_layout(STRIPE, played) is None


@given(st.text(max_size=40), st.sampled_from(sorted(LAYOUTS)))
def test_any_text_is_judged(text: str, layout: LayoutName) -> None:
    assert played_layout(text, layout) != layout


@pytest.mark.parametrize("code", ["Tillwire-1z@Y+/2", "4006381333931", "https://example.com/?a=1", "A-17", "!!"])
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_other_codes_are_not_doubted(code: str, layout: LayoutName) -> None:
    assert played_layout(code, layout) is None
