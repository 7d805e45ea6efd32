"""A whole till and a browser before it: the demo's stage (simulated API, reader, drawer, the real agent in a process of
its own) and Debian's Chromium, driven by Playwright.

Every page is held to this: nothing is asked of another host, nothing is written to the console, and axe finds nothing.
What axe can't prove: that the words are understood, that the order of reading makes sense, and how it is to use the
screen with a screen reader or one hand. It checks what a program can: names, roles, contrast, labels, structure.
"""

import asyncio
import re
import resource
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Locator, Page, ViewportSize, async_playwright, expect

from agent.checkout.state import Phase
from agent.demo.stage import Stage, set_up
from agent.demo.story import CARD, OPEN_S
from agent.kiosk.roles import Role
from agent.simulator import CLIENT_ID, CLIENT_SECRET

expect.set_options(timeout=30_000)
"""Milliseconds: the agent, Chromium and axe share the machine with other tests. Nothing waits longer than it must."""

Language = Literal["de", "en"]
TALL: ViewportSize = {"width": 1080, "height": 1920}
WIDE: ViewportSize = {"width": 1280, "height": 800}
CHROMIUM = "/usr/bin/chromium"
SWITCHES = (
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENSHOTS = Path("build/screenshots")
MOST_TABS = 40
LOCALES: dict[Language, str] = {"de": "de-DE", "en": "en-GB"}
_LOOKED_AT: set[str] = set()
AXE_OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def other(language: Language) -> Language:
    return "en" if language == "de" else "de"


@dataclass
class TillPage:
    """One page of the agent in a browser of its own."""

    page: Page
    language: Language
    said: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(str(urlsplit(request.url).hostname)))

    @property
    def heading(self) -> Locator:
        return self.page.locator("h1")

    @property
    def main(self) -> Locator:
        """The act that leads on."""
        return self.page.locator(".actions .main")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def screen(self, name: str, shown_as: str | None = None) -> None:
        """Wait for this screen and look at it."""
        await expect(self.page.locator(f"body[data-screen={name}]")).to_be_attached()
        await self.looked_at(shown_as or name)

    async def thanked(self) -> None:
        """Wait until the payment is booked; without a card there is no receipt."""
        await expect(self.page.locator("body[data-screen=thanks]")).to_be_attached()

    async def thanks(self) -> None:
        """Wait until the payment is booked and the receipt is there, and look at both."""
        await expect(self.page.locator("body[data-screen=thanks] .paper")).to_be_visible()
        await self.looked_at("thanks")

    async def looked_at(self, name: str) -> None:
        """Look at the page with axe in both languages, and keep a picture of it in each size, once in a test run."""
        self.seen.add(name)
        if name in _LOOKED_AT:
            return
        _LOOKED_AT.add(name)
        own_size = self._size
        for language in await self._languages():
            await self._speak(language)
            for size in (TALL, WIDE):
                await self.page.set_viewport_size(size)
                await self._kept(name)
            await self._has_no_violation()
        await self.page.set_viewport_size(own_size)

    async def glimpsed(self, name: str) -> None:
        """Look at what does not last, as it is now."""
        self.seen.add(name)
        await self._kept(name)
        await self._has_no_violation()

    @property
    def _size(self) -> ViewportSize:
        size = self.page.viewport_size
        assert size is not None
        return size

    async def _languages(self) -> tuple[Language, ...]:
        """Each, its own at the end. A question is asked in one."""
        is_asked = await self.page.locator("dialog").count() > 0
        return (self.language,) if is_asked else (other(self.language), self.language)

    async def _speak(self, language: Language) -> None:
        """Choose a language as a finger would, but leave the focus where it is."""
        button = self.page.locator(f".languages [lang={language}]")
        for event in ("pointerdown", "click"):
            await button.dispatch_event(event, {"bubbles": True})
        self.language = language

    async def _kept(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.evaluate("document.fonts.ready")
        picture = SCREENSHOTS / f"{name}-{self._size['width']}x{self._size['height']}-{self.language}.png"
        await self.page.screenshot(path=picture, animations="disabled")
        assert not await self._overflows(), f"{name} is wider than the screen"

    async def _has_no_violation(self) -> None:
        found = await Axe().run(self.page, options=AXE_OPTIONS)
        assert found.violations_count == 0, found.generate_report()

    async def _overflows(self) -> bool:
        return bool(await self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    async def notice(self, text: str) -> None:
        await expect(self.page.locator("#notice")).to_contain_text(text)

    async def banner(self, text: str) -> None:
        await expect(self.page.locator("#banners")).to_contain_text(text)

    async def press(self, name: str) -> None:
        """Go to this with the Tab key and press Enter."""
        for _ in range(MOST_TABS):
            await self.page.keyboard.press("Tab")
            focus = self.page.locator(":focus")
            if await focus.count() and name in (await focus.get_attribute("aria-label") or await focus.inner_text()):
                await self.page.keyboard.press("Enter")
                return
        raise AssertionError(f"{name} is not reached")

    async def fill_basket(self) -> None:
        """Touch the seed's basket together: a sandwich, a fruit salad, two waters. 7.96 EUR."""
        for tile in (0, 1, 2, 2):
            await self.page.locator(".tile").nth(tile).click()
        await expect(self.page.locator(".total")).to_contain_text(re.compile(r"7[.,]96"))


@dataclass
class Till:
    """The stage, and the browser that opens its pages."""

    stage: Stage
    browser: Browser
    settled: asyncio.Task[None]

    @asynccontextmanager
    async def page(
        self,
        language: Language = "en",
        size: ViewportSize = WIDE,
        *,
        role: Role = Role.SCREEN,
        context: BrowserContext | None = None,
    ) -> AsyncIterator[TillPage]:
        """Open a page and log it in; at the end it asked nobody else and complained of nothing."""
        address = await self.stage.operator.one_time_address(role)
        opened = context or await self.browser.new_context(
            viewport=size, locale=LOCALES[language], reduced_motion="reduce"
        )
        till_page = TillPage(await opened.new_page(), language)
        await till_page.page.goto(address)
        yield till_page
        await till_page.page.close()
        if context is None:
            await opened.close()
        assert till_page.hosts == {"127.0.0.1"}
        complaints = [text for text in till_page.said if not text.startswith("Failed to load resource")]
        assert complaints == [], "the page complained"

    async def scan(self, code: str = CARD) -> None:
        await self.stage.scanner.scan(code)

    async def put_money_in(self) -> None:
        """What a customer does: the drawer stands open while coins are counted, as the agent sees it."""
        await self.stage.drawer_is_known("open")
        await asyncio.sleep(OPEN_S)
        self.stage.drawer.close_drawer()

    async def may_pay(self) -> None:
        """Wait until the drawer's port has been open for so long that its signals count."""
        await self.settled

    def fill_disk(self) -> None:
        """Let the running agent write no further byte to any file."""
        pattern = f"run --config {self.stage.config}"
        agent = subprocess.run(["/usr/bin/pgrep", "-f", pattern], check=True, capture_output=True, text=True)
        resource.prlimit(int(agent.stdout), resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    async def simulator(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Ask the simulated API for something."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.stage.simulator_url}/{path}", json=body) as told,
        ):
            told.raise_for_status()
            answer: dict[str, object] = await told.json()
            return answer

    async def change_transaction(self) -> None:
        """Another program changes the transaction behind our back: it has half of the sum now."""
        [checkout] = await self.stage.screen.checkouts(Phase.DUE)
        await self._as_register("PUT", f"/{checkout.transaction_id}")

    async def hand_over(self) -> None:
        """A register creates a transaction of 3.98 EUR and hands it over."""
        created = await self._as_register("POST", "")
        await self.stage.screen.hand_over(str(created["id"]), 398)

    async def _as_register(self, method: str, path: str) -> dict[str, object]:
        """Have the API take a transaction of 3.98 EUR from another program."""
        api = self.stage.simulator_url.removesuffix("/simulator")
        line = {"id": 1, "desc": "Sandwich Romano", "quantity": 1, "priceOne": 398, "tax": 7}
        body = {
            "is_demo": True,
            "idents": [],
            "basket": {"products": [line]},
            "basket_info": {"sum": 398, "currency": "EUR"},
        }
        client = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        async with aiohttp.ClientSession() as session, session.post(f"{api}/oauth/token", json=client) as login:
            token = {"Authorization": f"Bearer {(await login.json())['access_token']}"}
            url = f"{api}/api/v2/Smart/Transactions{path}"
            async with session.request(method, url, json=body, headers=token) as answered:
                answered.raise_for_status()
                transaction: dict[str, object] = await answered.json()
                return transaction

    async def requests_of(self, call: str) -> int:
        """How many requests of a call the API has got."""
        requests = (await self.simulator("GET", f"requests?call={call}"))["requests"]
        assert isinstance(requests, list)
        return len(requests)

    async def booked(self) -> list[tuple[str, int]]:
        """What the API has booked: kind and cents."""
        bookings = (await self.simulator("GET", "ledger"))["bookings"]
        assert isinstance(bookings, list)
        return [(each["kind"], each["amount"]) for each in bookings]


@asynccontextmanager
async def till(directory: Path, *, framed_by: str | None = None, port: int = 0) -> AsyncIterator[Till]:
    """Everything, running until the end of the block."""
    async with set_up(directory, port=port, framed_by=framed_by) as stage, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        settled = asyncio.create_task(stage.settled())
        try:
            yield Till(stage, browser, settled)
        finally:
            settled.cancel()
            await browser.close()
