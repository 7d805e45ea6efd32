"""The pages as files: whole, closed to other hosts, in two languages. What they do is in tests/browser/."""

import re
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

import agent
from agent.checkout.events import Event
from agent.checkout.state import Confirmation, Trouble
from agent.kiosk import page
from agent.kiosk.checkout_answers import Act
from agent.kiosk.event_answers import EventName
from agent.kiosk.problems import TITLES
from agent.kiosk.routes import ROUTES
from agent.kiosk.static_files import page_files
from agent.till.listener import CardRefusal, DrawerEvent, ScanRefusal

SERVED = {file.path: file for file in page_files()}
TEXTS = {path: file.content.decode() for path, file in SERVED.items() if not path.endswith(".woff2")}
KEY = re.compile(r"^ +\"?([\w-]+)\"?:", re.MULTILINE)


def group(language: str, name: str) -> set[str]:
    """The keys of one group of texts."""
    [inner] = re.findall(rf"^  {name}: {{\n(.*?)^  }}", TEXTS[f"/{language}.js"], re.MULTILINE | re.DOTALL)
    return set(KEY.findall(inner))


def reasons_given() -> set[str]:
    """Every reason for which the checkout table lets a checkout stand where it stands."""
    rules = "".join(path.read_text(encoding="utf-8") for path in Path(agent.__path__[0], "checkout").glob("*.py"))
    return set(re.findall(r"(?:because|give_up|forget_wanted|keep_refused|stop_at_sum)\(\"(\w+)\"", rules))


def test_every_file_that_a_page_names_is_served_and_every_other_is_a_page() -> None:
    named = set(re.findall(r"(?:from|href=|src=|url\()\s*\"(/[a-z_]+\.[a-z0-9]+)\"", "".join(TEXTS.values())))
    assert named == set(SERVED) - {"/", "/operator"}


def test_nothing_but_pages_lies_in_the_folder() -> None:
    known = {path.removeprefix("/") for path in SERVED} | {"index.html", "operator.html"}
    others = {file.name for file in files(page).iterdir()} - known - {"__init__.py", "__pycache__"}
    assert others == {"inter.LICENSE.txt"}


def test_the_pages_ask_for_nothing_from_another_host() -> None:
    for name, text in TEXTS.items():
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert "innerHTML" not in text
        assert "style=" not in text


def test_the_pages_call_only_what_is_described() -> None:
    calls = {route.path for route in ROUTES}
    for name, text in TEXTS.items():
        for path in re.findall(r"/v1/[a-z/]+", text):
            assert path.rstrip("/") in calls, f"{name}: {path}"
        for path in re.findall(r"on\((?:checkout, )?\"(/[a-z]+)\"\)", text):
            assert f"/v1/checkouts/{{id}}{path}" in calls or path == "/reverse", f"{name}: {path}"


def test_the_pages_know_every_act_that_the_agent_allows() -> None:
    for act in get_args(Act):
        assert any(re.search(rf"(?:includes|may)\(\"{act}\"\)", text) for text in TEXTS.values()), act


def test_the_pages_hear_every_event() -> None:
    [names] = re.findall(r"const EVENTS = \[(.*?)\]", TEXTS["/agent.js"], re.DOTALL)
    assert set(re.findall(r"\"(\w+)\"", names)) == set(get_args(EventName))


@pytest.mark.parametrize("language", ["english", "german"])
def test_the_screen_has_words_for_everything_that_a_customer_can_cause(language: str) -> None:
    assert set(get_args(ScanRefusal)) <= group(language, "scans")
    assert set(get_args(CardRefusal)) == group(language, "cards")
    assert group(language, "problems") <= set(TITLES)


@pytest.mark.parametrize("language", ["operator_english", "operator_german"])
def test_the_operators_page_has_words_for_everything_that_stands_in_the_journal(language: str) -> None:
    beside = {"Order", "HandedOver", "UnexpectedTold"}
    assert group(language, "events") == {event.__name__ for event in get_args(Event)} | beside
    assert group(language, "drawerEvents") == set(get_args(DrawerEvent))
    assert group(language, "evidences") == set(get_args(Confirmation))
    assert group(language, "troubles") == set(get_args(Trouble))
    assert group(language, "reasons") == reasons_given()


@pytest.mark.parametrize("name", ["", "operator_"])
def test_both_languages_say_the_same_things(name: str) -> None:
    english, german = (KEY.findall(TEXTS[f"/{name}{language}.js"]) for language in ("english", "german"))
    assert english == german


def test_the_screen_may_be_framed_by_an_allowed_origin_and_the_operators_page_by_nobody() -> None:
    framed = {file.path: file.headers["Content-Security-Policy"] for file in page_files(["https://kiosk.example"])}
    assert "frame-ancestors https://kiosk.example;" in framed["/"]
    assert "frame-ancestors 'none';" in framed["/operator"]
    assert "frame-ancestors 'none';" in SERVED["/"].headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["", "operator_"])
def test_no_text_is_there_for_nothing(name: str) -> None:
    said_by = "".join(text for path, text in TEXTS.items() if not path.endswith(("english.js", "german.js")))
    for key in re.findall(r"^  (\w+):", TEXTS[f"/{name}english.js"], re.MULTILINE):
        assert re.search(rf"\b{key}\b", said_by), key
