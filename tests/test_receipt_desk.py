"""For whom receipts are printed: the real rules of the till, and an outlet that remembers."""

from collections.abc import Coroutine
from dataclasses import dataclass, field, replace

import pytest

from agent.checkout.receipts import ReceiptCopy
from agent.checkout.standing_guards import CUSTOMER_GONE_S
from agent.checkout.state import Checkout, Evidence, Payment, Phase
from agent.till.open_checkouts import Kept, OpenCheckouts
from agent.till.receipt_desk import ReceiptDesk
from tests.checkouts import NOW_S, WALL, new_checkout

PAID = Payment(method="cash", amount=796, evidence=Evidence(kind="operator", amount=796, at=WALL))
STARTING = replace(new_checkout(), phase=Phase.STARTING, payment=PAID, started_s=NOW_S)
AFTER_S = 15.0


@dataclass
class Till:
    """A till at a given time, with a printer that writes down what it is given."""

    now: float = NOW_S
    printed: list[ReceiptCopy] = field(default_factory=list)

    def now_s(self) -> float:
        return self.now

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        with pytest.raises(StopIteration):
            work.send(None)

    async def print_receipt(self, checkout: Checkout) -> None:
        self.printed.append("customer")

    async def print_provisional(self, checkout: Checkout) -> None:
        self.printed.append("provisional")

    async def print_copy(self, checkout: Checkout, copy: ReceiptCopy) -> None:
        raise NotImplementedError

    async def send_booked(self, checkout: Checkout) -> None:
        raise NotImplementedError


def desk_with(*checkouts: Checkout, after_s: float | None = AFTER_S) -> tuple[Till, ReceiptDesk, list[Kept]]:
    till, open_checkouts = Till(), OpenCheckouts()
    kept = [Kept(checkout) for checkout in checkouts]
    for one in kept:
        open_checkouts.keep(one)
    return till, ReceiptDesk(till, open_checkouts, till, after_s), kept


def completed(kept: Kept) -> Kept:
    kept.checkout = replace(kept.checkout, phase=Phase.COMPLETED)
    return kept


def test_the_customer_who_waits_is_given_the_receipt() -> None:
    till, desk, [kept] = desk_with(STARTING)
    till.now += CUSTOMER_GONE_S
    desk.booked(completed(kept))
    assert till.printed == ["customer"]


def test_nobody_is_given_the_receipt_of_somebody_else() -> None:
    till, desk, [kept, _next] = desk_with(STARTING, replace(new_checkout(), id="co_2"))
    till.now += 60.0
    desk.booked(kept)
    assert till.printed == []


@pytest.mark.parametrize("gone", [{"started_s": NOW_S - CUSTOMER_GONE_S - 1}, {"started_s": None}])
def test_no_receipt_is_left_hanging_out_of_the_printer(gone: dict[str, float | None]) -> None:
    """A customer of two minutes ago, of before a restart, or whose cash has waited for the API."""
    till, desk, [kept] = desk_with(replace(STARTING, **gone))  # type: ignore[arg-type]
    desk.booked(completed(kept))
    desk.time_passed()
    assert till.printed == []


def test_a_provisional_receipt_comes_once_when_its_time_has_come() -> None:
    till, desk, [kept] = desk_with(STARTING)
    assert desk.wake_at(kept) == NOW_S + AFTER_S
    desk.time_passed()
    assert till.printed == []
    till.now += AFTER_S
    desk.time_passed()
    desk.time_passed()
    assert till.printed == ["provisional"]
    assert desk.wake_at(kept) is None


def test_a_provisional_receipt_whose_time_came_too_late_never_comes() -> None:
    till, desk, [kept, _next] = desk_with(STARTING, replace(new_checkout(), id="co_2"))
    till.now += 60.0
    desk.time_passed()
    assert till.printed == []
    assert desk.wake_at(kept) is None


@pytest.mark.parametrize("phase", [Phase.AWAITING_CASH, Phase.STARTING])
def test_cash_that_cannot_be_booked_now_gives_a_provisional_receipt_at_once_and_once(phase: Phase) -> None:
    before = replace(STARTING, phase=phase)
    till, desk, [kept] = desk_with(replace(STARTING, phase=Phase.CONFIRMED, started_s=None))
    desk.moved(kept, before)
    desk.moved(kept, replace(before, phase=Phase.STARTING))
    assert till.printed == ["provisional"]


@pytest.mark.parametrize(
    ("checkout", "after_s"),
    [
        (STARTING, None),
        (replace(STARTING, payment=Payment(method="cashless", amount=796)), AFTER_S),
        (replace(STARTING, payment=Payment(method="cash", amount=796)), AFTER_S),
    ],
    ids=["switched off", "at a terminal", "no money"],
)
def test_where_none_is_owed_none_comes(checkout: Checkout, after_s: float | None) -> None:
    till, desk, [kept] = desk_with(checkout, after_s=after_s)
    till.now += 60.0
    desk.time_passed()
    assert (till.printed, desk.wake_at(kept)) == ([], None)
