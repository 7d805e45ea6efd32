from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checkout.receipts import receipt_lines, receipts_of
from agent.checkout.state import Basket, Checkout, Evidence, Json, Payment, Phase, ReceiptLines
from agent.receipt import as_escpos, as_text
from tests.checkouts import MASKED, VALID, WALL, new_checkout
from tests.till_bench import SEED

GOLDEN = Path(__file__).parent / "golden" / "receipt-provisional-32.txt"
CASH = Payment(method="cash", amount=296, evidence=Evidence(kind="drawer-closed", amount=296, at=WALL))
UNSURE = replace(
    new_checkout(SEED.basket),
    id="co_0123456789abcdef0123",
    phase=Phase.UNSURE,
    merchantRef="A-17",
    card=replace(VALID, number=MASKED),
    payment=CASH,
    waiting_since=WALL,
)
LINE: Json = {"type": "textline", "value": {"text": "7,96 EUR"}}


def test_a_provisional_receipt_is_set_as_in_its_golden_file() -> None:
    assert as_text(receipt_lines(UNSURE, "provisional"), 32) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("checkout", "copies"),
    [
        (UNSURE, ("provisional",)),
        (replace(UNSURE, phase=Phase.CONFIRMED), ("provisional",)),
        (replace(UNSURE, phase=Phase.ATTENTION), ("provisional",)),
        (replace(UNSURE, payment=Payment(method="loyalty", amount=0)), ("provisional",)),
        (replace(UNSURE, payment=Payment(method="cashless", amount=296)), ()),
        (replace(UNSURE, phase=Phase.ATTENTION, payment=Payment(method="cash", amount=296)), ()),
        (replace(UNSURE, phase=Phase.AWAITING_CASH), ()),
        (replace(UNSURE, phase=Phase.RESOLVED), ()),
        (replace(UNSURE, phase=Phase.COMPLETED, receipt=ReceiptLines(customer=(LINE,))), ("customer",)),
        (replace(UNSURE, phase=Phase.COMPLETED, receipt=ReceiptLines(merchant=(LINE,))), ("merchant",)),
    ],
)
def test_a_checkout_has_its_receipts_and_no_others(checkout: Checkout, copies: tuple[str, ...]) -> None:
    assert receipts_of(checkout) == copies
    for copy in ("customer", "merchant", "provisional"):
        assert bool(receipt_lines(checkout, copy)) == (copy in copies)


def test_a_long_basket_shows_its_sum_only() -> None:
    basket = Basket(products=SEED.basket.products * 40)
    text = as_text(receipt_lines(replace(UNSURE, basket=basket), "provisional"), 32)
    assert "Sandwich" not in text
    assert "318,40 EUR" in text


@given(st.text(), st.text(), st.sampled_from(["desc", "articleNumber", "ean"]))
def test_no_control_character_of_a_basket_or_reference_reaches_the_printer(text: str, ref: str, key: str) -> None:
    products = ({key: text, "quantity": 1, "priceOne": 100}, {"quantity": 2, "priceOne": 50, key: ["\x1bp\x00"]})
    lines = receipt_lines(replace(UNSURE, basket=Basket(products=products), merchantRef=ref), "provisional")
    shown = as_text(lines, 42)
    assert all(character.isprintable() or character == "\n" for character in shown)
    drawer_commands = (b"\x1bp", b"\x10\x14", b"\x1c", b"\x07")
    assert not any(command in as_escpos(lines, 42) for command in drawer_commands)
