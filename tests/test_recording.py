"""A recording holds what a replay needs, and no secret, card or person; and it is never in the agent's way."""

import json
import re
import stat
import threading
from functools import partial
from pathlib import Path
from typing import get_args

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.card import CardNumber, CardRules
from agent.recording.recorder import MOST_WAITING, MOST_WAITING_BYTES, Recorder
from agent.recording.records import Asked, Ended, Exchanged, Gap, Line, Scanned, TornRead, read_recording
from agent.recording.sanitiser import Sanitiser
from agent.recording.stand_ins import StandIns
from agent.simulator import CLIENT_ID, CLIENT_SECRET
from agent.simulator.documented import START_CASH
from config.settings import Offline
from device.interface import Torn
from tests.recorded_days import recorded_day, sell

RULES = CardRules(prefixes=("9276",), lengths=(16,))
KEY = b"a key of this test"
CARD = "9276004429942845"
BANK_CARD = "4111111111111111"
PAGE = Path(__file__).parent.parent / "docs" / "recording.md"
FIELD_PROBLEM = Path(__file__).parent / "golden" / "lost_answer_to_start_cash.jsonl"
EXAMPLES = Path(__file__).parent / "smart_examples.json"
PEOPLE = ("Mustermann", "Max", "2018-02-14")


def stand_ins(key: bytes = KEY) -> StandIns:
    return StandIns(RULES, key)


def sanitiser() -> Sanitiser:
    return Sanitiser(stand_ins())


@given(st.integers(0, 10**12 - 1).map("9276{:012}".format))
def test_the_stand_in_of_a_card_is_a_card_the_same_for_the_same_and_none_of_its_digits(digits: str) -> None:
    card = CardNumber(digits)
    stands_in = stand_ins().card(card)
    assert RULES.accept(stands_in)
    assert stands_in == stand_ins().card(card) == stand_ins().number(digits)
    assert stands_in != stand_ins(b"another start of the agent").card(card)


@given(
    st.integers(3 * 10**12, 7 * 10**18 - 1).filter(lambda number: str(number)[0] in "3456").map(str),
    st.text(max_size=20),
)
def test_of_a_bank_card_not_one_digit_stays_wherever_it_was_written(digits: str, around: str) -> None:
    words = "".join(character for character in around if not character.isdecimal())
    for written in (digits, " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))):
        text = f"{words} {written} {words}"
        for kept in (stand_ins().numbers_in(text), stand_ins().text(text)):
            assert not any(character.isdecimal() for character in kept)


@given(st.text(max_size=60))
def test_the_stand_in_of_a_text_has_its_shape(text: str) -> None:
    kept = stand_ins().text(text)
    assert len(kept) == len(text)
    assert kept == stand_ins().text(text)
    assert [character.isspace() for character in kept] == [character.isspace() for character in text]


def test_of_every_documented_answer_no_card_no_person_and_no_token_is_kept() -> None:
    documented = json.loads(EXAMPLES.read_text("utf-8"))
    kept = json.dumps([sanitiser().body(documented), sanitiser().body(START_CASH)], ensure_ascii=False)
    assert not [needle for needle in (CARD, *PEOPLE) if needle in kept]
    numbers = {ident["value"] for ident in _objects(documented, "value", "valid")}
    assert not [number for number in numbers if len(str(number)) > 11 and str(number) in kept]


def _objects(value: object, *fields: str) -> list[dict[str, object]]:
    """Every object that has these fields."""
    members = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    found = [each for member in members for each in _objects(member, *fields)]
    return [*found, value] if isinstance(value, dict) and set(fields) <= value.keys() else found


def test_what_the_table_of_the_checkout_decides_by_is_kept() -> None:
    kept = sanitiser().body(START_CASH)
    assert isinstance(kept, dict)
    same = ("object", "id", "created", "updated", "status", "basket_info", "payment_method", "trans_id", "is_demo")
    assert {name: kept[name] for name in same} == {name: START_CASH[name] for name in same}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("a_field_that_is_new", "Erika Mustermann"),
        ("desc", "Abholung Max Mustermann"),
        ("by", "Eva"),
        ("cardnumber", 9276004429942845),
        ("contact", {"phone": 491701234567, "year": 1970}),
        ("type", "Mustermann, Erika Straße 7"),
        ("9276004429942845", "x"),
    ],
)
def test_what_is_not_known_is_hidden_not_shown(field: str, value: object) -> None:
    kept = json.dumps(sanitiser().body({field: value}), ensure_ascii=False)
    assert not [word for word in ("Mustermann", "Eva", CARD, "491701234567", "1970") if word in kept]


def test_the_same_number_is_the_same_in_a_body_a_query_and_a_receipt() -> None:
    card = stand_ins().card(CardNumber(CARD))
    body = sanitiser().body({"cardnumber": CARD, "text": f"Karte {CARD}"})
    assert isinstance(body, dict)
    assert body["cardnumber"] == card
    assert card in str(body["text"])
    assert card in sanitiser().query(f"q=card.cardnumber%3A%22{CARD}%22")


def test_a_login_keeps_no_secret() -> None:
    grant = {"grant_type": "device", "client_id": "c" * 32, "client_secret": "s" * 64, "code": "2429e1d92f2f"}
    kept = json.dumps(sanitiser().login(grant))
    assert "device" in kept
    assert not [secret for secret in ("c" * 32, "s" * 64, "2429e1d92f2f") if secret in kept]


async def test_a_day_holds_what_was_asked_answered_and_delivered_and_no_needle(tmp_path: Path) -> None:
    async with recorded_day(tmp_path) as day:
        await sell(day.screen, day.shop)
        day.shop.scanner.send(f"{BANK_CARD}\r".encode())
        await day.screen.kiosk.begin([], merchantRef="Eva 17")
    begun, happened = day.recorded
    text = day.file.read_text("utf-8")
    assert not [needle for needle in (CARD, BANK_CARD, CLIENT_ID, CLIENT_SECRET, *PEOPLE, "Eva") if needle in text]
    assert begun.settings["offline"] == Offline().model_dump()
    calls = [each.path.rpartition("/")[2] for each in happened if isinstance(each, Exchanged)]
    assert calls[-1] == "cash"
    assert [each.status for each in happened if isinstance(each, Asked)] == [201, 200, 200, 201]
    assert next(each.read for each in happened if isinstance(each, Scanned)) == "card"
    assert isinstance(happened[-1], Ended)
    assert stat.S_IMODE(day.file.stat().st_mode) == 0o600


async def test_the_login_of_a_browser_is_no_part_of_a_day(tmp_path: Path) -> None:
    async with recorded_day(tmp_path) as day:
        socket = str(tmp_path / "state" / "tillwire.sock")
        async with aiohttp.ClientSession("http://tillwire", connector=aiohttp.UnixConnector(socket)) as operator:
            assert (await operator.post("/v1/tickets", json={})).status == 201
            assert (await operator.post("/v1/session", json={"ticket": "x" * 43})).status >= 400
    assert not [each for each in day.recorded[1] if isinstance(each, Asked)]


def written(file: Path) -> list[Line]:
    """The lines of a recorder that was used without its beginning."""
    begun = FIELD_PROBLEM.read_bytes().splitlines(keepends=True)[0]
    whole = file.with_suffix(".whole")
    whole.write_bytes(begun + file.read_bytes())
    return list(read_recording(whole)[0][1])


def torn(number: float = 0.0) -> Line:
    return TornRead(at=number, scanner="counter", reason=Torn.STALLED)


def test_lines_stand_in_the_file_in_the_order_in_which_they_happened(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "day.jsonl", lambda: 0.0)
    for number in range(100):
        recorder.put(partial(torn, number))
    recorder.close()
    assert written(tmp_path / "day.jsonl") == [*(torn(number) for number in range(100)), Ended(at=0.0)]


def test_what_is_too_much_is_left_out_and_counted(tmp_path: Path) -> None:
    """A disk that hangs: nothing waits for it, and the memory stays bounded."""
    hangs = threading.Event()

    def hanging() -> Line:
        hangs.wait()
        return torn()

    recorder = Recorder(tmp_path / "day.jsonl", lambda: 0.0)
    recorder.put(hanging)
    for _ in range(MOST_WAITING + 50):
        recorder.put(torn)
    hangs.set()
    recorder.close()
    lines = written(tmp_path / "day.jsonl")
    left_out = sum(line.lines for line in lines if isinstance(line, Gap))
    assert left_out + sum(isinstance(line, TornRead) for line in lines) == MOST_WAITING + 51
    assert left_out > 0


def test_large_bodies_wait_only_within_bounds(tmp_path: Path) -> None:
    hangs = threading.Event()

    def hanging() -> Line:
        hangs.wait()
        return torn()

    recorder = Recorder(tmp_path / "day.jsonl", lambda: 0.0)
    recorder.put(hanging)
    for _ in range(10):
        recorder.put(torn, MOST_WAITING_BYTES // 4)
    hangs.set()
    recorder.close()
    assert any(isinstance(line, Gap) for line in written(tmp_path / "day.jsonl"))


async def test_a_full_disk_stops_the_recording_and_not_the_agent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with recorded_day(tmp_path, file=Path("/dev/full")) as day:
        await sell(day.screen, day.shop)
    assert "the recording in /dev/full stops, the agent goes on: No space left on device" in caplog.text


async def test_a_file_that_cannot_be_opened_stops_the_recording_and_not_the_agent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with recorded_day(tmp_path, file=tmp_path / "no such directory" / "day.jsonl") as day:
        await sell(day.screen, day.shop)
    assert "stops, the agent goes on: No such file or directory" in caplog.text


def test_the_room_of_the_journal_is_left_to_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(tmp_path / "day.jsonl", lambda: 0.0, least_free_bytes=2**60)
    recorder.put(torn)
    recorder.close()
    assert (tmp_path / "day.jsonl").read_bytes() == b""
    assert "MiB are free" in caplog.text


def test_a_line_that_cannot_be_made_is_no_text_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Line:
        raise ValueError(CARD)

    recorder = Recorder(tmp_path / "day.jsonl", lambda: 0.0)
    recorder.put(fails)
    recorder.close()
    assert "a line cannot be made: ValueError" in caplog.text
    assert CARD not in caplog.text


def test_the_page_describes_every_line_of_the_format() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.read_text("utf-8").split("|---|---|\n")[1], re.MULTILINE))
    assert set(rows) == {str(model.model_fields["kind"].default) for model in get_args(Line)}
    for model in get_args(Line):
        fields = set(model.model_fields) - {"kind"}
        assert not [field for field in fields if f"`{field}`" not in rows[model.model_fields["kind"].default]]
