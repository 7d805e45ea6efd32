"""The tokens' files, the one-time tickets, and the cookie."""

import logging
import stat
from pathlib import Path

import pytest

from agent.kiosk.roles import Role
from agent.kiosk.tickets import COOKIES, MOST_TICKETS, TICKET_S, Tickets, has_cookie, new_cookie
from agent.kiosk.tokens import Tokens, load_tokens
from agent.kiosk.wrong_attempts import MOST_WRONG, PERIOD_S, WrongAttempts


class Clock:
    """Stands still until it is set."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_two_tokens_are_made_for_the_owner_and_a_group_each(tmp_path: Path) -> None:
    tokens = load_tokens(tmp_path / "tokens")
    assert tokens.screen != tokens.operator
    for role in Role:
        path = tmp_path / "tokens" / role
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert tokens.role_of(path.read_text().strip()) is role


def test_tokens_stay_the_same_and_a_deleted_one_is_made_anew(tmp_path: Path) -> None:
    first = load_tokens(tmp_path)
    (tmp_path / "screen").unlink()
    second = load_tokens(tmp_path)
    assert second.operator == first.operator
    assert second.screen != first.screen


@pytest.mark.parametrize("torn", [b"", b"\n", b"abc\n", b"\xff\xfe"])
def test_a_torn_token_lets_nobody_in(tmp_path: Path, torn: bytes) -> None:
    load_tokens(tmp_path)
    (tmp_path / "operator").write_bytes(torn)
    tokens = load_tokens(tmp_path)
    assert tokens.role_of(torn.decode(errors="replace").strip()) is None
    assert len(tokens.operator) >= 32


def test_tokens_are_in_no_repr_and_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "screen").write_text("short")
    tokens = load_tokens(tmp_path)
    for secret in (tokens.screen, tokens.operator, "short"):
        assert secret not in repr(tokens) + caplog.text


def test_a_ticket_is_good_once() -> None:
    tickets = Tickets(Clock())
    for role in Role:
        ticket = tickets.issue(role)
        assert tickets.redeem(ticket) is role
        assert tickets.redeem(ticket) is None
    assert tickets.redeem("made up") is None


def test_a_ticket_grows_old() -> None:
    clock = Clock()
    tickets = Tickets(clock)
    ticket = tickets.issue(Role.OPERATOR)
    clock.now_s = TICKET_S
    assert tickets.redeem(ticket) is None


def test_the_oldest_of_too_many_tickets_gives_way() -> None:
    tickets = Tickets(Clock())
    issued = [tickets.issue(Role.SCREEN) for _ in range(MOST_TICKETS + 1)]
    assert not tickets.redeem(issued[0])
    assert all(tickets.redeem(ticket) for ticket in issued[1:])


def test_a_cookie_outlives_the_agent_and_ends_with_the_token() -> None:
    tokens = Tokens(screen="s" * 43, operator="o" * 43)
    cookies = {COOKIES[Role.SCREEN].name: new_cookie(tokens, Role.SCREEN)}
    assert has_cookie(cookies, Tokens(screen="s" * 43, operator="new" * 15), Role.SCREEN)
    assert not has_cookie(cookies, Tokens(screen="t" * 43, operator="o" * 43), Role.SCREEN)
    assert tokens.screen not in str(cookies)


def test_the_operators_cookie_is_no_screens_and_the_other_way_round() -> None:
    tokens = Tokens(screen="s" * 43, operator="o" * 43)
    operator, screen = new_cookie(tokens, Role.OPERATOR), new_cookie(tokens, Role.SCREEN)
    names = {role: kept.name for role, kept in COOKIES.items()}
    right = {names[Role.OPERATOR]: operator, names[Role.SCREEN]: screen}
    wrong = {names[Role.OPERATOR]: screen, names[Role.SCREEN]: operator}
    assert all(has_cookie(right, tokens, role) for role in Role)
    assert not any(has_cookie(wrong, tokens, role) for role in Role)


@pytest.mark.parametrize("forged", ["", ".", "a.b", "\udcff.\udcff", "." + "0" * 64])
def test_a_forged_cookie_is_nobodys(forged: str) -> None:
    tokens = Tokens(screen="s" * 43, operator="o" * 43)
    cookies = {kept.name: forged for kept in COOKIES.values()}
    assert not any(has_cookie(cookies, tokens, role) for role in Role)


def test_guessing_ends_after_some_wrong_attempts_and_begins_again_later() -> None:
    clock = Clock()
    attempts = WrongAttempts(clock)
    for _ in range(MOST_WRONG):
        assert not attempts.too_many
        attempts.count()
    assert attempts.too_many
    clock.now_s = PERIOD_S
    assert not attempts.too_many
