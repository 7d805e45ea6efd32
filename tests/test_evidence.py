"""What confirms cash, and what never does."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checkout import evidence
from agent.checkout.evidence_state import (
    SETTLING_S,
    CannotConfirm,
    CashSeen,
    DrawerRules,
    DrawerSign,
    OpeningSeen,
    OtherAmount,
    PaidUnexpectedly,
    Seen,
    Sign,
    Watch,
)
from agent.checkout.state import Confirmation, Level

CHECKOUT = "co_1"
AMOUNT = 296
BY_TILL = DrawerRules()
BY_REGISTER = DrawerRules(opened_by="register")


class Line:
    """A drawer's line as the watch sees it, with its own clock (seconds)."""

    def __init__(self, rules: DrawerRules = BY_TILL) -> None:
        self.watch = Watch(rules=rules)
        self.signs: list[Sign] = []
        self.now_s = 100.0
        self.connection = 1

    def do(self, seen: Seen) -> None:
        self.watch, signs = seen
        self.signs += signs

    def wait(self, seconds: float) -> None:
        """Let time pass, waking whenever the watch wants to be woken."""
        until = self.now_s + seconds
        while (at := evidence.wake_at(self.watch)) is not None and at <= until:
            self.now_s = at
            self.do(evidence.time_passed(self.watch, at))
        self.now_s = until

    def level(self, level: Level) -> None:
        self.do(evidence.level_seen(self.watch, level, self.connection, self.now_s))

    def expect(self) -> None:
        self.do(evidence.cash_expected(self.watch, CHECKOUT, AMOUNT, self.now_s))

    def pulse(self) -> None:
        self.watch = evidence.pulse_begins(self.watch, self.now_s)

    def refuse(self) -> None:
        asked_s = self.watch.expected.since_s if self.watch.expected else self.now_s
        self.do(evidence.pulse_refused(self.watch, asked_s))

    def reconnect(self, level: Level) -> None:
        self.connection += 1
        self.level(level)

    @property
    def cash(self) -> list[CashSeen]:
        return [sign for sign in self.signs if isinstance(sign, CashSeen)]

    @property
    def troubles(self) -> list[str]:
        return [sign.trouble for sign in self.signs if isinstance(sign, CannotConfirm)]

    @property
    def drawer(self) -> list[tuple[str, str | None]]:
        return [(sign.event, sign.by) for sign in self.signs if isinstance(sign, DrawerSign)]


def closed_line(rules: DrawerRules = BY_TILL) -> Line:
    line = Line(rules)
    line.level("closed")
    line.wait(SETTLING_S)
    return line


def asked_line(rules: DrawerRules = BY_TILL) -> Line:
    line = closed_line(rules)
    line.expect()
    line.pulse()
    return line


def test_a_drawer_that_opened_for_us_and_closed_again_confirms_the_cash() -> None:
    line = asked_line()
    line.wait(0.2)
    line.level("open")
    line.wait(4)
    line.level("closed")
    assert [OpeningSeen(checkout_id=CHECKOUT)] == [sign for sign in line.signs if isinstance(sign, OpeningSeen)]
    [seen] = line.cash
    assert seen == CashSeen(checkout_id=CHECKOUT, kind="drawer-closed", amount=AMOUNT, open_s=seen.open_s)
    assert seen.open_s == pytest.approx(4)
    assert line.drawer == [("opened", "till"), ("closed", None)]


def test_the_same_closing_confirms_only_once() -> None:
    line = asked_line()
    for level in ("open", "closed", "open", "closed"):
        line.level(level)
        line.wait(2)
    assert len(line.cash) == 1


def test_the_first_status_of_a_connection_is_a_state() -> None:
    line = Line()
    line.level("open")
    line.wait(5)
    line.level("closed")
    assert line.cash == []
    assert line.drawer == [("closed", None)]


def spoilt_by_reconnection(line: Line) -> None:
    line.level("open")
    line.wait(2)
    line.reconnect("open")
    line.wait(2)
    line.level("closed")


def spoilt_by_loss(line: Line) -> None:
    line.level("open")
    line.wait(2)
    line.do(evidence.port_lost(line.watch))
    line.reconnect("closed")


def spoilt_by_unknown(line: Line) -> None:
    line.level("open")
    line.wait(2)
    line.level("unknown")
    line.level("closed")


def spoilt_by_flicker(line: Line) -> None:
    line.level("open")
    line.level("closed")


def spoilt_by_haste(line: Line) -> None:
    line.level("open")
    line.wait(0.9)
    line.level("closed")


def spoilt_by_late_opening(line: Line) -> None:
    line.wait(3.5)
    line.level("open")
    line.wait(5)
    line.level("closed")


def spoilt_by_refused_pulse(line: Line) -> None:
    line.refuse()
    line.level("open")
    line.wait(5)
    line.level("closed")


@pytest.mark.parametrize(
    ("spoil", "trouble"),
    [
        (spoilt_by_reconnection, "lost"),
        (spoilt_by_loss, "lost"),
        (spoilt_by_unknown, "lost"),
        (spoilt_by_flicker, "closed_too_soon"),
        (spoilt_by_haste, "closed_too_soon"),
        (spoilt_by_late_opening, "did_not_open"),
        (spoilt_by_refused_pulse, "not_asked"),
    ],
)
def test_what_spoils_the_evidence_is_said_and_confirms_nothing(spoil: Callable[[Line], None], trouble: str) -> None:
    line = asked_line()
    spoil(line)
    line.wait(10)
    assert line.cash == []
    assert [trouble] == line.troubles


def test_asking_the_drawer_again_makes_new_evidence_possible() -> None:
    line = asked_line()
    spoilt_by_haste(line)
    line.wait(5)
    line.expect()
    line.pulse()
    line.level("open")
    line.wait(2)
    line.level("closed")
    assert len(line.cash) == 1


def test_a_drawer_whose_level_is_not_known_cannot_confirm() -> None:
    line = Line()
    line.expect()
    assert line.troubles == ["unknown"]


def test_a_port_that_was_opened_just_now_cannot_confirm() -> None:
    """Opening the port raises DTR and RTS, and a drawer may open by that."""
    line = Line()
    line.level("closed")
    line.wait(1.9)
    line.expect()
    assert line.troubles == ["unknown"]


def test_a_policy_without_the_drawer_has_no_trouble_with_it() -> None:
    line = Line(DrawerRules(confirmed_by=("operator",)))
    line.expect()
    line.do(evidence.port_lost(line.watch))
    assert line.signs == []


def test_an_opening_that_nobody_asked_for_is_shown_as_such() -> None:
    line = closed_line()
    line.level("open")
    assert line.drawer == [("opened", "unasked")]
    assert line.cash == []


def test_the_opening_of_a_persons_pulse_before_the_payment_is_not_the_payments() -> None:
    line = closed_line()
    line.pulse()
    line.wait(0.5)
    line.expect()
    line.level("open")
    line.wait(5)
    line.level("closed")
    assert line.cash == []


def test_a_persons_pulse_that_opened_nothing_before_the_payment_does_not_spoil_it() -> None:
    line = closed_line()
    line.pulse()
    line.wait(2.5)
    line.expect()
    line.wait(1)
    assert (line.drawer, line.troubles) == ([("did_not_open", None)], [])
    line.pulse()
    line.level("open")
    line.wait(2)
    line.level("closed")
    assert len(line.cash) == 1


def test_a_drawer_opened_by_hand_right_before_the_pulse_is_a_persons_business() -> None:
    line = closed_line()
    line.expect()
    line.level("open")
    assert (line.drawer, line.troubles) == ([("opened", "unasked")], ["unknown"])


def test_a_pulse_that_was_refused_after_its_payment_was_over_spoils_no_other() -> None:
    line = closed_line()
    line.expect()
    asked_s = line.now_s
    line.wait(0.5)
    line.watch = evidence.cash_not_expected(line.watch)
    line.expect()
    line.do(evidence.pulse_refused(line.watch, asked_s))
    assert line.troubles == []


def test_with_paid_messages_a_lost_drawer_leaves_the_word_to_the_operator_and_the_message_still_counts() -> None:
    line = closed_line(DrawerRules(confirmed_by=("paid-message",)))
    line.expect()
    line.do(evidence.port_lost(line.watch))
    assert line.troubles == ["lost"]
    line.do(evidence.paid_message(line.watch, AMOUNT, line.now_s))
    assert len(line.cash) == 1


def test_a_pulse_into_an_open_drawer_is_not_one_that_opened_nothing() -> None:
    line = closed_line()
    line.level("open")
    line.pulse()
    line.wait(4)
    line.level("closed")
    line.wait(10)
    assert ("did_not_open", None) not in line.drawer


def test_a_register_may_open_its_drawer_at_any_time() -> None:
    line = closed_line(BY_REGISTER)
    line.expect()
    line.wait(60)
    line.level("open")
    line.wait(3)
    line.level("closed")
    assert [seen.kind for seen in line.cash] == ["drawer-closed"]
    assert ("opened", "register") in line.drawer


def test_with_drawer_opened_the_registers_opening_is_enough() -> None:
    line = closed_line(DrawerRules(opened_by="register", confirmed_by=("drawer-opened",)))
    line.expect()
    line.level("open")
    assert [seen.kind for seen in line.cash] == ["drawer-opened"]


def test_a_paid_message_confirms_the_amount_that_is_due_and_no_other() -> None:
    rules = DrawerRules(confirmed_by=("paid-message",))
    for amount in (None, AMOUNT):
        line = Line(rules)
        line.expect()
        line.do(evidence.paid_message(line.watch, amount, line.now_s))
        assert [CashSeen(checkout_id=CHECKOUT, kind="paid-message", amount=AMOUNT)] == line.signs
    line = Line(rules)
    line.expect()
    line.do(evidence.paid_message(line.watch, 295, line.now_s))
    assert [OtherAmount(checkout_id=CHECKOUT, amount=295)] == line.signs


def test_a_paid_message_that_nobody_waits_for_confirms_nothing_and_is_no_secret() -> None:
    line = Line(DrawerRules(confirmed_by=("paid-message",)))
    line.do(evidence.paid_message(line.watch, AMOUNT, line.now_s))
    line.expect()
    line.watch = evidence.cash_not_expected(line.watch)
    line.do(evidence.paid_message(line.watch, None, line.now_s))
    assert line.signs == [PaidUnexpectedly(amount=AMOUNT), PaidUnexpectedly(amount=None, checkout_id=CHECKOUT)]


def test_a_machines_word_after_the_drawers_is_about_the_same_cash_and_said_once() -> None:
    line = asked_line(DrawerRules(confirmed_by=("drawer-closed", "paid-message")))
    line.level("open")
    line.wait(2)
    line.level("closed")
    assert [seen.kind for seen in line.cash] == ["drawer-closed"]
    line.signs.clear()
    for _ in range(2):
        line.do(evidence.paid_message(line.watch, AMOUNT, line.now_s))
    assert line.signs == [PaidUnexpectedly(amount=AMOUNT, checkout_id=CHECKOUT), PaidUnexpectedly(amount=AMOUNT)]


def test_a_machine_that_repeats_itself_is_told_ten_times_until_cash_is_awaited_again() -> None:
    line = Line(DrawerRules(confirmed_by=("paid-message",)))
    for _ in range(100):
        line.do(evidence.paid_message(line.watch, AMOUNT, line.now_s))
    assert len(line.signs) == 10
    line.expect()
    for _ in range(2):
        line.do(evidence.paid_message(line.watch, AMOUNT, line.now_s))
    assert line.signs[-2:] == [
        CashSeen(checkout_id=CHECKOUT, kind="paid-message", amount=AMOUNT),
        PaidUnexpectedly(amount=AMOUNT),
    ]


def test_a_message_from_before_the_payment_confirms_nothing() -> None:
    line = Line(DrawerRules(confirmed_by=("paid-message",)))
    said_s = line.now_s
    line.wait(1)
    line.expect()
    line.do(evidence.paid_message(line.watch, AMOUNT, said_s))
    assert line.signs == [PaidUnexpectedly(amount=AMOUNT)]


def test_a_message_is_nothing_to_a_policy_that_does_not_ask_for_it() -> None:
    line = closed_line()
    line.do(evidence.paid_message(line.watch, AMOUNT, line.now_s))
    assert line.signs == []


def test_a_torn_message_leaves_the_word_to_the_operator_and_a_whole_one_still_counts() -> None:
    line = Line(DrawerRules(confirmed_by=("paid-message",)))
    line.expect()
    for _ in range(3):  # noise comes in plenty, and is said once
        line.do(evidence.message_torn(line.watch, line.now_s))
    assert line.troubles == ["message_torn"]
    line.do(evidence.paid_message(line.watch, AMOUNT, line.now_s))
    assert [seen.kind for seen in line.cash] == ["paid-message"]


@pytest.mark.parametrize("confirmed_by", ["drawer-closed", "paid-message"])
def test_a_torn_message_that_is_not_this_payments_means_nothing(confirmed_by: Confirmation) -> None:
    line = closed_line(DrawerRules(confirmed_by=(confirmed_by,)))
    torn_s = line.now_s
    line.do(evidence.message_torn(line.watch, torn_s))
    line.wait(1)
    line.expect()
    line.do(evidence.message_torn(line.watch, torn_s if confirmed_by == "paid-message" else line.now_s))
    assert line.troubles == []


def test_a_broken_line_of_messages_leaves_the_word_to_the_operator() -> None:
    line = Line(DrawerRules(confirmed_by=("paid-message",)))
    line.expect()
    line.do(evidence.line_lost(line.watch, "paid_message"))
    assert line.troubles == ["lost"]


def test_a_line_of_messages_that_is_down_when_cash_is_awaited_leaves_the_word_to_the_operator() -> None:
    line = Line(DrawerRules(confirmed_by=("paid-message",)))
    line.do(evidence.line_lost(line.watch, "paid_message"))
    line.expect()
    assert line.troubles == ["lost"]


def test_a_line_of_messages_that_is_back_is_trusted_again() -> None:
    line = Line(DrawerRules(confirmed_by=("paid-message",)))
    line.do(evidence.line_lost(line.watch, "paid_message"))
    line.watch = evidence.line_found(line.watch, "paid_message")
    line.expect()
    assert line.troubles == []


def test_a_drawer_left_open_is_said_after_15_seconds_and_then_every_30() -> None:
    line = closed_line()
    line.level("open")
    line.wait(80)
    left_open = [sign.open_s for sign in line.signs if isinstance(sign, DrawerSign) and sign.event == "left_open"]
    assert left_open == [15, 45, 75]


def test_a_drawer_that_does_not_open_in_time_is_said_once() -> None:
    line = asked_line()
    line.wait(60)
    assert line.drawer == [("did_not_open", None)]


Act = Callable[[Line], None]
ACTS: Sequence[Act] = (
    lambda line: line.level("open"),
    lambda line: line.level("closed"),
    lambda line: line.level("unknown"),
    lambda line: line.reconnect("closed"),
    lambda line: line.reconnect("open"),
    lambda line: line.do(evidence.port_lost(line.watch)),
    Line.expect,
    Line.pulse,
    Line.refuse,
    lambda line: setattr(line, "watch", evidence.cash_not_expected(line.watch)),
    lambda line: line.wait(0.1),
    lambda line: line.wait(1.5),
    lambda line: line.wait(4),
)


@given(st.lists(st.sampled_from(ACTS), max_size=60), st.sampled_from(("tillwire", "register")))
def test_whatever_the_line_does_cash_is_seen_only_after_a_whole_opening(acts: list[Act], opened_by: str) -> None:
    """An independent reading of the rules: known closed, expected, open for a second, closed, all on one connection."""
    line = Line(replace(BY_TILL, opened_by=opened_by))  # type: ignore[arg-type]
    trail: list[tuple[str, float, int | None]] = []
    for act in acts:
        seen_before = len(line.cash)
        expected_before = line.watch.expected
        act(line)
        if len(line.cash) > seen_before:
            assert expected_before is not None
            whole = [entry for entry in trail if entry[1] >= expected_before.since_s]
            opened = [at_s for level, at_s, connection in whole if level == "open" and connection == line.connection]
            assert opened, "no opening since the cash was expected"
            assert line.now_s - opened[0] >= line.watch.rules.minimum_open_s
            assert {connection for _, _, connection in whole} == {line.connection}
            assert "unknown" not in {level for level, _, _ in whole}
        trail.append((line.watch.level, line.now_s, line.watch.connection))
