"""The reference screen as customers meet it: whole checkouts and every fault, in Chromium, against a running agent."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Route, ViewportSize, expect

from agent.checkout.state import Phase
from agent.demo.acts import ARTICLE, BANK_CARD
from agent.demo.story import CARD
from tests.browser.till_browser import TALL, WIDE, Language, Till, TillPage, till
from tests.checkouts import cash_in, unknown
from tests.command_checkouts import fill_with_one

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

WORDS: dict[Language, dict[str, str]] = {
    "de": {"begin": "Zum Beginnen berühren", "type": "Nummer eintippen", "back": "Zurück", "cancel": "Abbrechen"},
    "en": {"begin": "Touch to begin", "type": "Type the number", "back": "Back", "cancel": "Cancel"},
}


async def to_the_card(page: TillPage) -> None:
    await page.button(WORDS[page.language]["begin"]).click()
    await page.fill_basket()
    await page.main.click()
    await page.screen("card", "scan_card")


async def to_due(the_till: Till, page: TillPage) -> None:
    """To the amount that is left when the card's 5.00 EUR are used."""
    await to_the_card(page)
    await the_till.scan()
    await expect(page.page.locator(".actions button")).to_have_count(3)
    await page.screen("card", "card_with_balance")
    await page.main.click()
    await page.screen("due")
    await expect(page.page.locator(".amount")).to_contain_text(re.compile(r"2[.,]96"))


async def to_open_drawer(the_till: Till, page: TillPage) -> None:
    await to_due(the_till, page)
    await the_till.may_pay()
    await page.main.click()
    await the_till.stage.drawer.opened()
    await expect(page.heading).to_have_text(re.compile("Please pay now|Bitte jetzt bezahlen"))
    await page.screen("awaitingCash", "pay_now")


@pytest.mark.parametrize(("language", "size"), [("de", TALL), ("en", WIDE)], ids=["de-tall", "en-wide"])
async def test_a_whole_checkout(tmp_path: Path, language: Language, size: ViewportSize) -> None:
    async with till(tmp_path) as the_till, the_till.page(language, size) as page:
        await page.screen("idle")
        await page.button(WORDS[language]["begin"]).click()
        await page.screen("basket", "basket_empty")
        await page.fill_basket()
        await page.screen("basket")
        await page.main.click()
        await page.button(WORDS[language]["type"]).click()
        await page.page.locator("[data-key='9']").click()
        await page.screen("typing")
        await page.button(WORDS[language]["back"]).click()
        await page.button(WORDS[language]["back"]).click()
        await page.button(WORDS[language]["cancel"]).click()
        await page.screen("givenUp", "cancelled")
        await page.main.click()
        await to_open_drawer(the_till, page)
        await the_till.put_money_in()
        await page.thanks()
        await expect(page.page.locator(".paper")).to_contain_text("29187332")
        assert await the_till.booked() == [("start", 296)]
        await page.main.click()
        await page.screen("idle")
        assert page.seen >= {"idle", "basket", "typing", "scan_card", "card_with_balance", "due", "pay_now", "thanks"}


async def test_without_a_card_the_whole_sum_is_paid_in_cash(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await to_the_card(page)
        await page.button("Go on without a card").click()
        await page.screen("due")
        await the_till.may_pay()
        await page.main.click()
        await the_till.put_money_in()
        await page.thanked()
        assert await the_till.booked() == [("start", 796)]


async def test_a_typed_card_is_taken_with_the_digits_on_its_back(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await to_the_card(page)
        await page.button("Type the number").click()
        for digit in f"{CARD}1234":
            await page.page.locator(f"[data-key='{digit}']").click()
        await page.main.click()
        await page.notice("The four digits do not belong to this card.")


async def test_a_reload_in_the_middle_shows_the_right_screen(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await to_due(the_till, page)
        await page.page.reload()
        await page.screen("due")
        await the_till.may_pay()
        await page.main.click()
        await the_till.stage.drawer.opened()
        await page.page.reload()
        await page.screen("awaitingCash", "pay_now")
        await the_till.put_money_in()
        await page.thanks()
        assert await the_till.booked() == [("start", 296)]


async def test_an_answer_that_an_event_has_overtaken_changes_nothing(tmp_path: Path) -> None:
    """The answer to a call says how the checkout was then; on a busy machine it may come after what came of it."""
    async with till(tmp_path) as the_till, the_till.page() as page:
        await to_the_card(page)
        overtaken = asyncio.Event()

        async def hold_back(route: Route) -> None:
            answer = await route.fetch()
            assert (await answer.json())["phase"] == "applying"
            await expect(page.page.locator("body[data-screen=due]")).to_be_attached()
            await route.fulfill(response=answer)
            overtaken.set()

        await page.page.route("**/apply", hold_back)
        await page.button("Go on without a card").click()
        await overtaken.wait()
        await page.button("Change something").click()
        await page.screen("basket")


async def test_a_payment_that_is_still_asked_for_does_not_stand_before_the_next_customer(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    await fill_with_one(tmp_path / "state/journal.sqlite", cash_in(296), unknown)
    async with till(tmp_path) as the_till, the_till.page("en", WIDE) as page:
        await page.screen("idle")
        [waiting] = await the_till.stage.operator.checkouts(phase=Phase.UNSURE)
        assert waiting.basket_info.sum == 796
        await to_the_card(page)


async def test_a_killed_agent_is_waited_for_and_staff_is_called(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await to_open_drawer(the_till, page)
        await the_till.stage.agent.kill()
        await page.screen("lost")
        await the_till.stage.agent.start()
        await page.screen("staff", "staff_interrupted")
        await expect(page.page.locator("main")).to_contain_text("There was an interruption.")


async def test_by_the_keyboard_alone(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await page.screen("idle")
        await page.press("Touch to begin")
        await page.screen("basket", "basket_empty")
        await expect(page.heading).to_be_focused()
        await page.press("Add Sandwich Romano")
        await page.press("Continue")
        await page.screen("card", "scan_card")
        await page.press("Go on without a card")
        await page.screen("due")
        await the_till.may_pay()
        await page.press("Pay in cash")
        await the_till.put_money_in()
        await page.thanked()
        await page.press("Done")
        await page.screen("idle")


async def test_a_customers_language_is_not_the_next_ones(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page("de") as page:
        await page.button("English").click()
        await page.button("Touch to begin").click()
        await expect(page.heading).to_have_text("What would you like?")
        assert await page.page.locator("html").get_attribute("lang") == "en"
        await page.button("Cancel").click()
        await page.main.click()
        await expect(page.heading).to_have_text("Willkommen")


async def test_who_is_slow_is_asked_and_loses_nothing(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await page.page.clock.install()
        await page.page.reload()
        await to_due(the_till, page)
        await page.page.clock.fast_forward(61_000)
        await page.screen("stillThere", "still_there")
        await page.main.click()
        await page.screen("due")
        await page.page.clock.fast_forward(61_000)
        await page.screen("stillThere", "still_there")
        await page.button("Cancel").click()
        await page.screen("givenUp", "cancelled")


async def test_who_is_slow_before_an_amount_that_was_handed_over_is_asked_and_keeps_it(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await page.page.clock.install()
        await page.page.reload()
        await the_till.hand_over()
        await page.screen("due")
        [before] = await the_till.stage.screen.checkouts(Phase.DUE)
        await page.page.clock.fast_forward(61_000)
        await page.screen("stillThere", "still_there")
        await page.main.click()
        await page.screen("due")
        [kept] = await the_till.stage.screen.checkouts(Phase.DUE)
        assert (kept.id, kept.amount_due) == (before.id, 398)
        assert kept.updated > before.updated


# Faults, in plain words


async def test_what_is_no_valid_card_is_said(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await the_till.simulator("POST", "cards", {"number": "9276000000000009", "locked": True})
        await to_the_card(page)
        await the_till.scan(BANK_CARD)
        await page.notice("That was a bank card. Nothing of it was kept.")
        await page.glimpsed("bank_card")
        await the_till.scan("9276111111111111")
        await page.notice("This card is not valid.")
        await the_till.scan("9276000000000009")
        await page.notice("This card is locked.")
        await the_till.scan("hello")
        await page.notice("This article is not known here.")
        await the_till.stage.scanner.scan_torn(CARD[:9])
        await page.notice("The card could not be read.")


async def test_an_article_is_scanned_into_the_basket(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await page.button("Touch to begin").click()
        await page.screen("basket", "basket_empty")
        await the_till.scan(ARTICLE)
        await expect(page.page.locator(".lines")).to_contain_text("Butter croissant")


async def test_a_missing_reader_or_drawer_is_said_until_it_is_back(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page("de", TALL) as page:
        await page.button("Zum Beginnen berühren").click()
        the_till.stage.scanner.unplug()
        await page.banner("Der Kartenleser ist nicht verfügbar.")
        the_till.stage.drawer.unplug()
        await page.banner("Die Kassenschublade ist nicht verfügbar.")
        await page.screen("basket", "devices_missing")
        the_till.stage.scanner.plug_in()
        the_till.stage.drawer.plug_in()
        await expect(page.page.locator("#banners p")).to_have_count(0)


async def test_without_a_connection_cash_is_taken_and_booked_later(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page("de", TALL) as page:
        await page.button("Zum Beginnen berühren").click()
        await page.fill_basket()
        await the_till.stage.network.pull()
        await page.main.click()
        await page.button("Weiter ohne Karte").click()
        await page.banner("Keine Verbindung")
        await page.looked_at("offline")
        await the_till.may_pay()
        await page.button("Bar bezahlen").click()
        await the_till.put_money_in()
        await page.screen("bookedLater", "booked_later")
        await the_till.stage.network.plug_in()
        await page.thanked()
        assert await the_till.booked() == [("start", 796)]


async def test_a_booking_without_an_answer_is_waited_for(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await the_till.simulator("POST", "faults", "start/cash:no-answer-after-executing:1:connection=silent")
        await to_open_drawer(the_till, page)
        await the_till.put_money_in()
        await expect(page.page.locator("body[data-screen=booking]")).to_be_attached()
        await page.glimpsed("booking")
        assert await the_till.booked() == [("start", 296)]


async def test_an_amount_that_changed_is_shown_again_before_anything_is_booked(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await to_the_card(page)
        await page.button("Go on without a card").click()
        await page.screen("due")
        await the_till.change_transaction()
        await the_till.may_pay()
        await page.main.click()
        await the_till.stage.drawer.opened()
        await expect(page.page.locator(".reason")).to_contain_text("The amount has changed.")
        await page.screen("due", "amount_changed")
        assert await the_till.booked() == []


async def test_a_drawer_that_does_not_open_calls_staff(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page("de", TALL) as page:
        the_till.stage.drawer.faults.stuck = True
        await to_due(the_till, page)
        await the_till.may_pay()
        await page.main.click()
        await page.screen("staff")
        await expect(page.page.locator("main")).to_contain_text("Bitte halten Sie Ihr Geld bereit.")


async def test_the_screen_says_that_it_is_asking_while_an_answer_takes(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await to_the_card(page)
        await the_till.simulator("POST", "faults", "create:slow-answer:1:seconds=5")
        await page.button("Go on without a card").click()
        await expect(page.heading).to_have_text("One moment, please")
        await page.glimpsed("asking")
        await page.screen("due")


async def test_a_drawer_left_open_is_asked_to_be_closed(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page("de", TALL) as page:
        await to_open_drawer(the_till, page)
        await expect(page.page.locator("main")).to_contain_text("Die Schublade ist noch offen.", timeout=60_000)
        await page.screen("awaitingCash", "drawer_left_open")
        await the_till.put_money_in()
        await page.thanked()
        assert await the_till.booked() == [("start", 296)]


async def test_a_payment_that_the_disk_does_not_take_calls_staff_at_once(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await to_open_drawer(the_till, page)
        the_till.fill_disk()
        await the_till.put_money_in()
        await expect(page.page.locator("main")).to_contain_text("Your cash was taken, but could not be recorded.")
        await expect(page.button("Cancel")).to_have_count(0)
        await page.screen("staff", "not_recorded")
        assert await the_till.booked() == []


async def test_a_till_that_the_api_does_not_know_says_so(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page("de", TALL) as page:
        await page.screen("idle")  # logged in: the address is good for this one process
        config = the_till.stage.config
        config.write_text(re.sub('(client_secret = ").', r"\g<1>f", config.read_text()))
        await the_till.stage.agent.kill()
        await the_till.stage.agent.start()
        await page.banner("Diese Kasse ist nicht mit ihrem Dienst verbunden.")
        await page.screen("idle", "not_authorised")


async def test_a_screen_that_is_not_logged_in_says_what_to_do(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await page.screen("idle")
        used = await the_till.browser.new_context(viewport=WIDE, locale="en-GB", reduced_motion="reduce")
        async with the_till.page(context=used) as other:
            await other.screen("idle")
            await used.clear_cookies()
            await other.page.goto(f"{the_till.stage.agent_url}#ticket=used")
            await other.page.reload()
            await other.screen("denied", "not_logged_in")
        await used.close()


async def test_the_balance_of_a_card_is_shown_while_nobody_buys(tmp_path: Path) -> None:
    async with till(tmp_path) as the_till, the_till.page() as page:
        await page.screen("idle")
        await the_till.scan()
        await expect(page.page.locator(".holds")).to_contain_text("€5.00")
        await page.glimpsed("balance")
        await page.button("Done").click()
        await page.screen("idle")
