"""The programs of docs/kiosk.md are run as they stand there, against the demo's stage; somebody plays the hardware."""

import asyncio
import os
import re
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from agent.demo.stage import Stage, set_up
from agent.demo.story import CARD, OPEN_S
from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.event_answers import DrawerAnswer, SnapshotAnswer
from agent.kiosk.routes import ROUTES

DOCS = Path(__file__).parent.parent / "docs" / "kiosk.md"
EXAMPLE = re.compile(r"<!-- runs: (\w+) -->\n```\w+\n(.*?)```", re.DOTALL)
EXAMPLES = dict(EXAMPLE.findall(DOCS.read_text(encoding="utf-8")))
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


def test_the_calls_that_the_page_names_are_described() -> None:
    named = set(re.findall(r"`GET (/v1/\w+)`", DOCS.read_text(encoding="utf-8")))
    assert named <= {route.path for route in ROUTES}
