"""The demo's panel in a browser: the kiosk's screen in a frame, and the hardware beside it, played by hand."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import FrameLocator, Page, expect

from agent.demo.panel_server import HOST, panel_at
from agent.demo.stage import free_port
from tests.browser.till_browser import SCREENSHOTS, Till, till

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@asynccontextmanager
async def panel(directory: Path) -> AsyncIterator[tuple[Till, Page, FrameLocator]]:
    port = free_port()
    async with till(directory, framed_by=f"http://{HOST}:{port}") as the_till, panel_at(the_till.stage, port) as url:
        page = await the_till.browser.new_page(locale="en-GB", viewport={"width": 1600, "height": 1000})
        await page.goto(url)
        frame = page.frame_locator("iframe")
        await expect(frame.locator(".start")).to_be_visible()
        yield the_till, page, frame
        await page.close()


async def test_a_checkout_played_by_hand_with_each_cable_pulled_once(tmp_path: Path) -> None:
    async with panel(tmp_path) as (the_till, page, screen):

        async def do(act: str) -> None:
            await page.locator(f"#act-{act}").click()

        await screen.locator(".start").click()
        await do("article")
        await expect(screen.locator(".lines")).to_contain_text("Butter croissant")
        await do("unplug-reader")
        await expect(screen.locator("#banners")).to_contain_text("reader")
        await expect(page.locator("#cables")).to_have_text("reader out")
        await do("plug-reader")
        await expect(screen.locator("#banners p")).to_have_count(0)
        await do("swipe")  # what comes so soon after a reader is back may be half a scan, and is thrown away
        await expect(screen.locator("#notice")).not_to_be_empty()
        await do("swipe")
        await expect(screen.locator("#notice")).to_contain_text("That was a bank card")
        await do("offline")
        await screen.locator(".main").click()
        await screen.get_by_role("button", name="Go on without a card").click()
        await expect(screen.locator("#banners")).to_contain_text("No connection")
        await do("online")
        await expect(screen.locator("#banners p")).to_have_count(0)
        await do("scan")
        await expect(screen.locator(".plastic")).to_be_visible()
        await the_till.may_pay()
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=SCREENSHOTS / "demo.png", animations="disabled")
        await screen.get_by_role("button", name="Keep the balance").click()
        await screen.get_by_role("button", name="Pay in cash").click()
        await expect(page.locator("#drawer")).to_have_text("open")
        await do("torn")
        await expect(screen.locator("#notice")).to_contain_text("could not be read")
        await expect(screen.locator("h1")).to_have_text("Please pay now")
        await do("restart")
        await expect(screen.locator("h1")).to_have_text("Please call our staff")


async def test_the_operators_page_is_opened_from_it(tmp_path: Path) -> None:
    async with panel(tmp_path) as (_, page, _), page.expect_popup() as opened:
        await page.locator("#operator").click()
        operator = await opened.value
        await expect(operator.locator("h2")).to_have_text("Who are you?")
        assert re.search(r"/operator$", operator.url)


async def test_other_pages_cannot_play_it(tmp_path: Path) -> None:
    port = free_port()
    async with till(tmp_path, framed_by=f"http://{HOST}:{port}") as the_till, panel_at(the_till.stage, port) as url:
        async with aiohttp.ClientSession() as stranger:
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
                async with stranger.post(f"{url}acts/key", headers=headers) as refused:
                    assert refused.status == 403
            async with stranger.post(f"{url}acts/nothing") as unknown:
                assert unknown.status == 404
        assert not the_till.stage.drawer.is_open
