"""`tillwire kiosk url` as it is typed."""

from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.command_bench import Box


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


async def test_the_address_lets_one_browser_in(box: Box) -> None:
    async with box.agent(), ClientSession() as browser:
        said = await box.types("kiosk", "url")
        page, _, ticket = said.out.strip().partition("#ticket=")
        let_in = [await browser.post(f"{page}v1/session", json={"ticket": ticket}) for _ in range(2)]
    assert said.code == 0
    assert [answer.status for answer in let_in] == [204, 403]


async def test_stdout_has_the_address_and_nothing_else(box: Box) -> None:
    async with box.agent():
        said = await box.types("kiosk", "url")
    assert said.out.count("\n") == 1
    assert said.err == "It lets one browser in, within 5 minutes.\n"


async def test_the_address_for_programs(box: Box) -> None:
    async with box.agent():
        said = await box.types("kiosk", "url", "--json")
    assert str(said.json["url"]).startswith("http://127.0.0.1:")
    assert said.json["valid_s"] == 300.0


async def test_without_an_agent_nobody_can_be_let_in(box: Box) -> None:
    said = await box.types("kiosk", "url")
    assert (said.code, said.out) == (1, "")
    assert said.err == "tillwire: no agent runs here: start it with `tillwire run`, or as a service\n"


async def test_a_till_without_a_page_has_no_address(box: Box) -> None:
    box.config.write_text(box.config.read_text().replace("[kiosk]", "[kiosk]\npage = false"))
    async with box.agent():
        said = await box.types("kiosk", "url")
    assert (said.code, said.out) == (1, "")
    assert "the page is switched off" in said.err
