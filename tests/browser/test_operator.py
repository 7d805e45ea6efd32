"""The operator's page: what waits for a person and the decisions, the day, the drawer, and who did it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import expect

from agent.checkout.state import Phase
from agent.demo.story import BASKET
from agent.journal.records import Entry
from agent.kiosk.roles import Role
from agent.till.listener import UnexpectedTold
from tests.browser.till_browser import TALL, WIDE, Language, Till, TillPage, till
from tests.journal_entries import journal_at, situation

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@asynccontextmanager
async def operator(the_till: Till, language: Language = "en") -> AsyncIterator[TillPage]:
    """The page of somebody who has said who she is."""
    async with the_till.page(language, WIDE, role=Role.OPERATOR) as page:
        await page.page.locator("input[name=name]").fill("Ada")
        await page.page.keyboard.press("Enter")
        await expect(page.page.locator(".panels")).to_be_visible()
        yield page


async def awaiting_cash(the_till: Till) -> str:
    """A checkout whose cash is awaited, as a register would have begun it."""
    checkout = await the_till.stage.screen.begin(BASKET, merchantRef="A-17")
    await the_till.may_pay()
    await the_till.stage.screen.pay(checkout.id, "cash", 796)
    return checkout.id


async def answer(page: TillPage, note: str | None = None) -> None:
    dialog = page.page.locator("dialog")
    if note is not None:
        await dialog.locator("input:not([type])").fill(note)
    await dialog.locator(".main").click()
    await expect(dialog).to_have_count(0)


async def test_a_day_with_a_sale_and_an_opening_without_one(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page:
        await page.looked_at("operator_empty")
        await awaiting_cash(the_till)
        await the_till.put_money_in()
        await expect(page.page.locator(".sheet .whole").first).to_contain_text(re.compile(r"7[.,]96"))
        await page.page.locator(".drawer .main").click()
        await page.looked_at("operator_question")
        await answer(page, "change for the float")
        await the_till.put_money_in()
        await expect(page.page.locator(".openings .alone")).to_contain_text("change for the float, Ada")
        await expect(page.page.locator(".chart rect")).to_have_count(24)
        await expect(page.page.locator(".latest tbody tr")).to_have_count(1)
        await page.looked_at("operator_day")


async def test_what_contradicts_the_till_is_said_above_everything_else(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    async with journal_at(tmp_path / "state/journal.sqlite") as journal:
        for said in (
            UnexpectedTold(what="paid_message", amount=296, contradicts=True),
            UnexpectedTold(what="read", checkout_id="co_1", phase=Phase.RESOLVED, status="ok", contradicts=True),
            UnexpectedTold(what="read", checkout_id="co_2", phase=Phase.CANCELLED, status="created", contradicts=False),
        ):
            await journal.commit(Entry(event=said, situation=situation(datetime.now(UTC))))
    async with till(tmp_path) as the_till, operator(the_till) as page:
        lines = page.page.locator(".alarm p")
        await expect(lines).to_have_count(2)
        await expect(lines.nth(0)).to_contain_text("2.96")
        await expect(lines.nth(1)).to_contain_text("co_1")
        await expect(page.page.locator(".events")).to_contain_text("came when nothing waited for it")
        await page.looked_at("operator_contradictions")
        await page.page.emulate_media(media="print")
        await expect(lines.nth(0)).to_be_visible()


async def test_what_happens_meanwhile_leaves_a_half_typed_name_alone(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page("en", WIDE, role=Role.OPERATOR) as page:
        await page.page.locator("input[name=name]").fill("Ad")
        async with page.page.expect_response("**/v1/history*"):  # what the page asks for when something happened
            await the_till.stage.screen.begin(BASKET)
        await page.page.keyboard.type("a")
        await page.page.keyboard.press("Enter")
        await expect(page.page.locator("header")).to_contain_text("Ada")


async def test_a_device_that_is_not_ready_says_why(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page:
        the_till.stage.scanner.unplug()
        the_till.stage.drawer.unplug()
        for device in ("Reader", "Drawer"):
            told = page.page.locator(".states .bad", has_text=device)
            await expect(told).to_contain_text("lost: the port was hung up")
        await page.looked_at("operator_devices_missing")


async def test_on_paper_there_is_the_sheet_and_nothing_else(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page:
        await page.page.emulate_media(media="print")
        await expect(page.page.locator(".day")).to_be_visible()
        for hidden in ("#header", ".waiting", ".events", ".controls >> nth=0"):
            await expect(page.page.locator(hidden)).to_be_hidden()


async def test_a_payment_after_a_restart_is_confirmed_by_name(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page:
        checkout_id = await awaiting_cash(the_till)
        await the_till.stage.drawer.opened()
        await the_till.stage.agent.kill()
        await expect(page.page.locator("main")).to_contain_text("The agent does not answer.")
        await the_till.stage.agent.start()
        await expect(page.page.locator(".urgent")).to_contain_text("the agent was restarted")
        await page.looked_at("operator_interrupted")
        await page.button("The cash is in").click()
        await answer(page)
        await expect(page.page.locator(".latest tbody")).to_contain_text("booked")
        checkout = await the_till.stage.operator.checkout(checkout_id)
        assert checkout.evidence is not None
        assert (checkout.evidence.kind, checkout.evidence.by) == ("operator", "Ada")
        assert await the_till.booked() == [("start", 796)]


async def needs_attention(the_till: Till, page: TillPage) -> None:
    """A payment whose cash is in and whose start the API has refused."""
    await the_till.simulator("POST", "faults", "start/cash:failed:1")
    await awaiting_cash(the_till)
    await the_till.put_money_in()
    await expect(page.page.locator(".urgent")).to_contain_text("needs a decision")


async def test_attention_is_closed_with_a_note_also_after_a_reload(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page:
        await needs_attention(the_till, page)
        await page.looked_at("operator_attention")
        await page.page.reload()
        await page.button("Close it").click()
        await page.looked_at("operator_resolve")
        await page.page.locator("[value=refunded]").check()
        await answer(page, "the customer came back")
        await expect(page.page.locator(".empty")).to_contain_text("Nothing waits for a decision.")
        await expect(page.page.locator(".latest")).to_contain_text("Ada: the customer came back")
        await expect(page.page.locator(".sheet")).to_contain_text("Given back")
        assert await the_till.booked() == []


async def test_a_refused_payment_is_booked_with_a_new_transaction(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page, the_till.page("de", TALL) as screen:
        await needs_attention(the_till, page)
        await screen.screen("staff", "staff_attention")
        await page.button("New transaction").click()
        await answer(page)
        await expect(page.page.locator(".latest tbody")).to_contain_text("booked")
        await expect(page.page.locator(".empty")).to_contain_text("Nothing waits for a decision.")
        assert await the_till.booked() == [("start", 796)]
        assert await the_till.requests_of("create") == 2


async def test_trying_again_reads_what_became_of_it_and_books_nothing_twice(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page:
        await needs_attention(the_till, page)
        reads = await the_till.requests_of("read")
        await page.button("Try again").click()
        await answer(page)
        await the_till.simulator("GET", f"requests?call=read&count={reads + 1}&wait_seconds=60")
        await expect(page.page.locator(".events")).to_contain_text("Ada")
        await expect(page.page.locator(".urgent")).to_contain_text("needs a decision")
        assert await the_till.requests_of("start/cash") == 1
        assert await the_till.booked() == []


async def test_a_payment_whose_cash_is_awaited_is_cancelled(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page:
        checkout_id = await awaiting_cash(the_till)
        await page.button("Cancel it").click()
        await answer(page)
        await expect(page.page.locator(".latest tbody")).to_contain_text("cancelled")
        assert (await the_till.stage.screen.checkout(checkout_id)).phase is Phase.CANCELLED


async def test_by_the_keyboard_alone(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page:
        await page.press("Open the drawer")
        await expect(page.page.locator("dialog input")).to_be_focused()
        await page.page.keyboard.type("change for the float")
        await page.page.keyboard.press("Enter")
        await expect(page.page.locator("dialog")).to_have_count(0)
        await the_till.stage.drawer.opened()
        await expect(page.page.locator(".openings")).to_contain_text("change for the float, Ada")
        await page.press("Open the drawer")
        await page.page.keyboard.press("Escape")
        await expect(page.page.locator("dialog")).to_have_count(0)
        assert the_till.stage.drawer.pulses == 1


async def test_who_says_no_decides_nothing(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page:
        await page.button("Open the drawer").click()
        await page.button("Not now").click()
        await expect(page.page.locator("dialog")).to_have_count(0)
        assert the_till.stage.drawer.pulses == 0


async def test_another_day_is_chosen(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page:
        await page.page.locator("input[type=date]").fill("2026-01-31")
        await expect(page.page.locator(".day .empty")).to_have_text("Nothing was paid.")
        await expect(page.page.locator("input[type=date]")).to_have_value("2026-01-31")


async def test_who_signs_out_is_out_and_the_screen_stays_in(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till:
        context = await the_till.browser.new_context(viewport=WIDE, locale="en-GB", reduced_motion="reduce")
        async with the_till.page(context=context) as screen, the_till.page(role=Role.OPERATOR, context=context) as page:
            await page.page.locator("input[name=name]").fill("Ada")
            await page.page.keyboard.press("Enter")
            await page.button("Sign out").click()
            await expect(page.heading).to_have_text("Till")
            await expect(page.page.locator("main h2")).to_have_text("This browser is not logged in")
            await page.looked_at("operator_denied")
            await screen.page.reload()
            await screen.screen("idle")
        await context.close()


async def test_the_screens_token_opens_nothing_of_it(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as screen:
        await screen.screen("idle")
        await screen.page.goto(f"{the_till.stage.agent_url}operator")
        await expect(screen.page.locator("main h2")).to_have_text("This browser is not logged in")


async def test_a_booked_payment_is_reversed_with_a_reason(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, operator(the_till) as page, the_till.page() as screen:
        await awaiting_cash(the_till)
        await the_till.put_money_in()
        await screen.thanked()
        await page.button("Reverse").click()
        await page.page.locator("[name=open_drawer]").check()
        await answer(page, "wrong lunch")
        await expect(page.page.locator(".latest")).to_contain_text("reversal by Ada: wrong lunch")
        await expect(page.page.locator(".sheet")).to_contain_text(re.compile(r"Reversed\s*1 payment"))
        await the_till.stage.drawer.opened()
        assert await the_till.booked() == [("start", 796), ("cancel", -796)]
        await expect(screen.page.locator("body:is([data-screen=thanks], [data-screen=idle])")).to_be_attached()
