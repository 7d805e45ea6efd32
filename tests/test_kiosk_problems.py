"""Every refusal is a problem document with a stable type."""

from http import HTTPStatus
from typing import get_args

import pytest

from agent.checkout.events import PayAsked, Request
from agent.checkout.step import NotAllowed
from agent.checkout.table import TABLE
from agent.journal.errors import Damaged, DiskFull, EventsGone, NotWritten
from agent.kiosk.problems import CONFLICTS, TITLES, Problem, conflict, problem_of
from agent.kiosk.roles import Role
from agent.till.inbox import Overloaded
from agent.till.refusals import AnotherIsActive, KeyReused, NoSuchCheckout
from device.interface import DrawerRefused
from tests.test_kiosk_view import DUE

PAY = PayAsked(method="cash", amount=1)


REASONS = {row.refuse for row in TABLE if row.refuse and row.event in get_args(Request)}


def test_every_conflict_is_one_that_the_checkout_table_can_refuse_a_caller_for() -> None:
    assert set(CONFLICTS) == {reason.replace("_", "-") for reason in REASONS}


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_of_the_checkout_table_is_a_type_of_its_own(reason: str) -> None:
    problem = conflict(NotAllowed(reason, DUE, PAY))
    assert problem.name == reason.replace("_", "-")
    assert problem.status == HTTPStatus.CONFLICT


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (NotAllowed("too_late", DUE, PAY), 409, "too-late"),
        (AnotherIsActive(DUE), 409, "another-is-active"),
        (NoSuchCheckout("co_1"), 404, "no-such-checkout"),
        (KeyReused("key"), 422, "idempotency-key-reused"),
        (Overloaded(), 503, "overloaded"),
        (DrawerRefused("no port: plug it in"), 503, "drawer-refused"),
        (NotWritten("full"), 507, "not-written"),
        (DiskFull("full"), 507, "not-written"),
        (Damaged("page 3"), 503, "journal-unusable"),
        (EventsGone("old"), 503, "journal-unusable"),
    ],
)
def test_every_error_of_the_till_has_its_problem(error: Exception, status: int, name: str) -> None:
    problem = problem_of(error)
    assert problem is not None
    assert (problem.status, problem.name) == (status, name)


def test_what_is_not_expected_is_a_mistake_of_ours() -> None:
    assert problem_of(RuntimeError("boom")) is None


def test_a_conflict_carries_the_checkout_as_the_caller_may_see_it() -> None:
    shown = conflict(NotAllowed("too_late", DUE, PAY)).answer(Role.SCREEN)
    assert shown.type == "urn:tillwire:problem:too-late"
    assert shown.checkout is not None
    assert shown.checkout.id == DUE.id


def test_what_a_problem_does_not_say_is_left_out_and_what_its_checkout_does_not_know_is_null() -> None:
    document = conflict(NotAllowed("too_late", DUE, PAY)).answer(Role.SCREEN).as_json().decode()
    assert '"detail"' not in document
    assert '"evidence":null' in document


def test_every_title_is_a_sentence() -> None:
    assert all(title.endswith(".") or title[-1] == "`" or "Try again" in title for title in TITLES.values())
    assert CONFLICTS.items() <= TITLES.items()


def test_a_problem_that_has_no_title_cannot_be_answered() -> None:
    with pytest.raises(KeyError):
        Problem(HTTPStatus.BAD_REQUEST, "made-up").answer(Role.SCREEN)
