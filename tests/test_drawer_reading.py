"""One connection to a drawer, without a port: what is read, what silence means, and what is wrong."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.drawer_level import Change
from device.drawer_profile import DrawerProfile
from device.drawer_profile_file import load_profile, profile_files
from device.drawer_reading import NO_ANSWER, NO_STATUS, OFFLINE, SILENT_AFTER_S, DrawerReading
from device.modem_lines import LineSample

ESCPOS = load_profile("escpos")
GLANCETRON = load_profile("glancetron-8005u")
ACODE = load_profile("acode-at10u3")
APG_212A = load_profile("apg-212a")
CLOSED, OPEN = b"\x16", b"\x12"


def test_an_answer_counts_once_it_has_held_for_the_debounce_time() -> None:
    reading = DrawerReading(ESCPOS, opened_at=0)
    assert reading.asked(1.0) == []
    assert reading.received(CLOSED, 1.01) == []
    assert reading.settles_at == pytest.approx(1.06)
    assert reading.passed(1.06) == [Change("closed", 1.01)]
    assert (reading.settles_at, reading.online, reading.fault) == (None, True, None)


def test_an_offline_printer_is_a_fault_and_still_tells_its_drawer() -> None:
    reading = DrawerReading(ESCPOS, opened_at=0)
    reading.received(b"\x1e", 1.0)
    assert (reading.online, reading.fault) == (False, OFFLINE)
    assert reading.passed(1.1) == [Change("closed", 1.0)]
    reading.received(CLOSED, 2.0)
    assert (reading.online, reading.fault) == (True, None)


@pytest.mark.parametrize(("noise", "fault"), [(b"", NO_ANSWER), (b"\xff\xfe", NO_STATUS)])
def test_who_does_not_answer_is_unknown_and_the_fault_says_whether_anything_came(noise: bytes, fault: str) -> None:
    often_asked = load_profile("escpos", overrides={"status": {"interval_ms": 250}})
    reading = DrawerReading(often_asked, opened_at=0)
    reading.received(CLOSED, 0.0)
    reading.passed(0.1)
    reading.asked(1.0)
    reading.received(noise, 1.1)
    assert reading.passed(1.0 + SILENT_AFTER_S - 0.1) == []
    assert reading.passed(1.0 + SILENT_AFTER_S) == [Change("unknown", 1.0 + SILENT_AFTER_S)]
    assert reading.fault == fault
    assert reading.passed(10.0) == []


def test_an_answer_is_judged_when_the_next_question_is_asked() -> None:
    reading = DrawerReading(GLANCETRON, opened_at=0)
    told: list[Change] = []
    for at in (1.0, 1.1, 1.2):
        told += reading.asked(at)
        told += reading.received(b"\x1b4A", at + 0.01)
    assert told == [Change("closed", 1.01)]


def test_a_stream_that_never_began_is_unknown() -> None:
    reading = DrawerReading(ACODE, opened_at=5.0)
    assert reading.passed(5.4) == []
    assert reading.passed(5.5) == [Change("unknown", 5.5)]
    assert reading.passed(9.0) == []


STREAMS = st.lists(st.tuples(st.sampled_from([b"\x00", b"\x00\x00\x00", b"\x07", "pulse"]), st.floats(0.001, 1.2)))


@given(STREAMS, st.sampled_from(["high", "low", "unknown"]))
def test_a_stream_needs_no_look_but_when_its_reading_says_so(acts: list[tuple[bytes | str, float]], level: str) -> None:
    """Looked at when it settles, it comes to rest where one that is looked at all the time does."""
    profile = load_profile("acode-at10u3", overrides={"open_level": level})
    at_its_time, always = (DrawerReading(profile, opened_at=0) for _ in range(2))
    told: list[Change] = []
    seen: list[Change] = []
    now = 0.0
    for act, pause_s in [*acts, ("rest", 5.0)]:
        for reading, changes in ((at_its_time, told), (always, seen)):
            if isinstance(act, bytes):
                changes.extend(reading.received(act, now))
            elif act == "pulse":
                reading.pulse_sent(now)
        ends = now + pause_s
        looks = 0
        while (due := at_its_time.settles_at) is not None and due <= ends:
            told += at_its_time.passed(max(now, due))
            looks += 1
            assert looks <= 2
        while now < ends:
            now = min(now + 0.01, ends)
            seen += always.passed(now)
    assert at_its_time.settles_at is None
    assert [change.level for change in told[-1:]] == [change.level for change in seen[-1:]]


def test_the_status_means_nothing_for_some_time_after_a_pulse() -> None:
    reading = DrawerReading(APG_212A, opened_at=0)
    for step in range(4):
        reading.looked(LineSample(high=False, edges=0, at=step / 20))
    reading.pulse_sent(1.0)
    assert reading.looked(LineSample(high=True, edges=1, at=1.1)) == []
    assert reading.looked(LineSample(high=True, edges=1, at=1.25)) == []
    assert reading.looked(LineSample(high=True, edges=1, at=1.3)) == [Change("open", 1.25)]


def test_a_line_that_cannot_be_read_is_unknown_and_says_why() -> None:
    reading = DrawerReading(APG_212A, opened_at=0)
    assert reading.cannot_be_read("no modem lines", 1.0) == [Change("unknown", 1.0)]
    assert reading.fault == "no modem lines"


ACTS = st.one_of(
    st.tuples(st.just("asked"), st.just(b"")),
    st.tuples(st.just("received"), st.binary(max_size=8)),
    st.tuples(st.just("passed"), st.just(b"")),
    st.tuples(st.just("looked"), st.sampled_from([b"", b"\x01"])),
)
PROFILES = [load_profile(name, overrides={"open_level": "high"}) for name in profile_files(None)]


@given(st.sampled_from(PROFILES), st.lists(st.tuples(ACTS, st.floats(0, 3, allow_nan=False, allow_infinity=False))))
def test_whatever_comes_a_level_is_told_once_and_in_order(
    profile: DrawerProfile, acts: list[tuple[tuple[str, bytes], float]]
) -> None:
    reading, now, told = DrawerReading(profile, opened_at=0), 0.0, list[Change]()
    for (act, data), pause_s in acts:
        now += pause_s
        if act == "asked":
            told += reading.asked(now)
        elif act == "received":
            told += reading.received(data, now)
        elif act == "looked":
            told += reading.looked(LineSample(high=bool(data), edges=None, at=now))
        else:
            told += reading.passed(now)
    assert all(before.level != after.level for before, after in itertools.pairwise(told))
    assert all(0 <= change.at <= now for change in told)
