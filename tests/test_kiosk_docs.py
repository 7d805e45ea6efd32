"""docs/kiosk.md: its programs are run as they stand there, against the demo's stage; its tables are the interface."""

import asyncio
import os
import re
import sys
from contextlib import aclosing
from pathlib import Path
from typing import get_args

import pytest

from agent.checkout.evidence_state import OpenedBy
from agent.checkout.state import Api, Confirmation, Level, Trouble
from agent.demo.stage import Stage, set_up
from agent.demo.story import CARD, OPEN_S
from agent.kiosk.adapter import MOST_BODY_BYTES, MOST_HEADER_BYTES
from agent.kiosk.call import Route
from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.client_event import DATA
from agent.kiosk.connections import MOST_CONNECTIONS
from agent.kiosk.event_answers import DrawerAnswer, EventName, SnapshotAnswer
from agent.kiosk.rate_limit import Rate
from agent.kiosk.requests import MOST_LINES
from agent.kiosk.roles import Role
from agent.kiosk.routes import ROUTES
from agent.kiosk.stream import MOST_READERS
from agent.kiosk.wrong_attempts import MOST_WRONG, PERIOD_S
from agent.till.asked_once import MOST_KEYS
from agent.till.listener import CardRefusal, DrawerEvent, ScanRefusal, UnexpectedThing
from device.interface import DeviceKind, Presence
from tests.test_kiosk_pages import reasons_given

DOCS = Path(__file__).parent.parent / "docs" / "kiosk.md"
EXAMPLE = re.compile(r"<!-- runs: (\w+) -->\n```\w+\n(.*?)```", re.DOTALL)
PAGE = DOCS.read_text(encoding="utf-8")
EXAMPLES = dict(EXAMPLE.findall(PAGE))
FILES = {"bash": "checkout.sh", "javascript": "checkout.mjs", "python": "checkout.py"}
COMMANDS = {"bash": ["bash"], "javascript": ["node"], "python": [sys.executable]}


async def customer(stage: Stage) -> None:
    """Scan the card when there is a basket, and put the money in when the drawer opens."""
    await stage.settled()
    async with aclosing(stage.screen.follow()) as events:
        async for event in events:
            told = event.data.checkouts if isinstance(event.data, SnapshotAnswer) else (event.data,)
            for each in told:
                if isinstance(each, CheckoutAnswer) and each.phase == "draft" and each.card is None:
                    await stage.scanner.scan(CARD)
                elif isinstance(each, DrawerAnswer) and each.event == "opened":
                    await asyncio.sleep(OPEN_S)
                    stage.drawer.close_drawer()


@pytest.mark.system
@pytest.mark.parametrize("language", FILES)
async def test_each_program_sells_two_sandwiches(tmp_path: Path, language: str) -> None:
    program = tmp_path / FILES[language]
    program.write_text(EXAMPLES[language], encoding="utf-8")
    async with set_up(tmp_path) as stage:
        there = asyncio.create_task(customer(stage))
        running = await asyncio.create_subprocess_exec(
            *COMMANDS[language],
            str(program),
            env=os.environ | {"AGENT": stage.agent_url.rstrip("/"), "TOKEN_FILE": str(stage.tokens / "screen")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await running.communicate()
        there.cancel()
        await asyncio.wait([there])
    assert running.returncode == 0, err.decode()
    assert "put 296 cents into the drawer" in out.decode()
    assert "Kundenkarte" in out.decode()


def test_there_is_a_program_in_each_language() -> None:
    assert set(EXAMPLES) == set(FILES)


def rows(heading: str) -> list[list[str]]:
    """The cells of every table under a heading of the page."""
    _, _, rest = PAGE.partition(f"\n## {heading}\n")
    section, _, _ = rest.partition("\n## ")
    lines = [
        line.strip("| ").split(" | ") for line in re.sub(r"\| +\|", "|  |", section).splitlines() if line[:1] == "|"
    ]
    return [[cell.strip() for cell in cells] for cells in lines if not cells[0].startswith("---")]


def named(cell: str) -> set[str]:
    """What stands in backticks as a name of the interface."""
    return set(re.findall(r"`([\w-]+)`", cell))


CALLS = {cells[0].strip("`"): cells for cells in rows("Every call") if "/" in cells[0]}
WHO = {None: "anybody", Role.SCREEN: "screen", Role.OPERATOR: "operator"}


def test_every_call_stands_on_the_page_and_no_other() -> None:
    assert set(CALLS) == {f"{route.method} {route.path}" for route in ROUTES}
    assert set(re.findall(r"`GET (/v1/\w+)`", PAGE)) <= {route.path for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_call_is_told_with_what_it_brings_and_who_may_make_it(route: Route) -> None:
    _, brings, who, _ = CALLS[f"{route.method} {route.path}"]
    fields = {field for body in re.findall(r"`{(.*?)}`", brings) for field in body.split(", ")}
    assert fields == set(route.body.model_fields)
    assert set(re.findall(r"`\?(\w+)`", brings)) == set(route.query.model_fields)
    assert who == WHO[route.needs]


EVENTS = {cells[0].strip("`"): cells[1] for cells in rows("Every event") if cells[0].strip("`") in DATA}


@pytest.mark.parametrize("event", sorted(set(DATA) - {"checkout"}))
def test_an_event_is_told_with_all_its_fields(event: EventName) -> None:
    assert set(DATA[event].model_fields) <= named(EVENTS[event])


def test_the_fields_of_a_checkout_stand_on_the_page_and_no_other() -> None:
    told = [named(cells[0]) for cells in rows("Every event")]
    start, end = (
        told.index({"id", "kind", "phase", "created", "updated"}),
        told.index({"reverses", "reversed_by", "reversal"}),
    )
    assert set().union(*told[start : end + 1]) == set(CheckoutAnswer.model_fields)


VALUES: dict[str, set[str]] = {
    "`reason` of a checkout": reasons_given(),
    "`drawer_trouble`": set(get_args(Trouble)),
    "`evidence.kind`": set(get_args(Confirmation)),
    "`event` of a drawer": set(get_args(DrawerEvent)),
    "`by` of a drawer": set(get_args(OpenedBy)),
    "`state` of a drawer": set(get_args(Level)),
    "`refused` of a scan": set(get_args(ScanRefusal)),
    "`reason` of a refused card": set(get_args(CardRefusal)),
    "`kind` of a device": set(get_args(DeviceKind)),
    "`state` of a device": set(get_args(Presence)),
    "`what` of the unexpected": set(get_args(UnexpectedThing)),
    "`api`": set(get_args(Api)),
}


@pytest.mark.parametrize("field", VALUES)
def test_every_value_of_a_field_stands_on_the_page_and_no_other(field: str) -> None:
    [told] = [cells[1] for cells in rows("Every event") if cells[0] == field]
    assert named(told) == VALUES[field]


def test_the_limits_are_those_of_the_program() -> None:
    told = {cells[0].partition(" (")[0]: list(map(int, re.findall(r"\d+", cells[1]))) for cells in rows("Limits")[1:]}
    assert told == {
        "a body": [MOST_BODY_BYTES // 1024],
        "all headers together": [MOST_HEADER_BYTES // 1024],
        "product lines of a basket": [MOST_LINES],
        "requests of one caller": [Rate().per_s, Rate().burst],
        "connections at one address": [MOST_CONNECTIONS],
        "readers of the event stream": [MOST_READERS],
        "wrong card numbers": [MOST_WRONG, PERIOD_S / 60],
        "keys of prints, and of the terminal's reports, that are remembered": [MOST_KEYS],
    }
