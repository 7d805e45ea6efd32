"""Who is let in. The same rules against a running server are in test_kiosk_abuse."""

import pytest
from multidict import CIMultiDict

from agent.kiosk.access import (
    LOOPBACK_HOSTS,
    Door,
    check_host,
    check_origin,
    check_site,
    cross_origin_headers,
    is_preflight,
    preflight_headers,
    role_of,
)
from agent.kiosk.problems import Problem
from agent.kiosk.roles import Role
from agent.kiosk.tickets import COOKIES, new_cookie
from agent.kiosk.tokens import Tokens

HOST = ("Host", "127.0.0.1:8377")
ORIGIN = "https://kiosk.example"
DOOR = Door(hosts=LOOPBACK_HOSTS | {"till.example"}, origins=frozenset({ORIGIN}), request_timeout_s=30)
SOCKET = Door(hosts=None, everyone=Role.OPERATOR, request_timeout_s=30)
TOKENS = Tokens(screen="s" * 43, operator="o" * 43)


def headers(*pairs: tuple[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(pairs)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8377", "localhost", "LOCALHOST:1", "[::1]:8377", "till.example:443", "Till.Example"]
)
def test_the_names_that_we_are_called_by(host: str) -> None:
    check_host(DOOR, headers(("Host", host)))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8377",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8377",
        "localhost.",
        "127.0.0.1:8377@evil.example",
        "evil.example#localhost",
        "127.0.0.2",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "",
        " localhost",
        "localhost:",
        "localhost:99999999",
        "localhost, evil.example",
        "localhost\x00",
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    with pytest.raises(Problem, match="host-not-allowed"):
        check_host(DOOR, headers(("Host", host)))


def test_no_name_and_two_names_are_refused() -> None:
    for given in (headers(), headers(HOST, ("Host", "localhost"))):
        with pytest.raises(Problem, match="host-not-allowed"):
            check_host(DOOR, given)


def test_a_unix_socket_has_no_name() -> None:
    check_host(SOCKET, headers(("Host", "whatever")))


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8377", ORIGIN])
def test_our_own_page_and_pages_of_allowed_origins_may_call(origin: str) -> None:
    check_origin(DOOR, headers(HOST, ("Origin", origin)))


def test_a_program_that_is_no_browser_sends_no_origin() -> None:
    check_origin(DOOR, headers(HOST))


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.example",
        "http://127.0.0.1:9999",
        "http://127.0.0.1",
        "https://127.0.0.1:8377",
        "http://localhost:8377",
        "https://kiosk.example.evil.example",
        "https://kiosk.example:8443",
        "http://kiosk.example",
        "HTTPS://KIOSK.EXAMPLE",
        "*",
        "file://",
    ],
)
def test_pages_of_other_origins_are_refused(origin: str) -> None:
    with pytest.raises(Problem, match="origin-not-allowed"):
        check_origin(DOOR, headers(HOST, ("Origin", origin)))


def test_two_origins_are_refused() -> None:
    with pytest.raises(Problem, match="origin-not-allowed"):
        check_origin(DOOR, headers(HOST, ("Origin", ORIGIN), ("Origin", ORIGIN)))


def test_no_page_is_our_own_on_a_unix_socket() -> None:
    with pytest.raises(Problem, match="origin-not-allowed"):
        check_origin(SOCKET, headers(("Host", "evil.example"), ("Origin", "http://evil.example")))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "unheard-of"])
def test_a_browser_that_asks_for_another_site_without_an_origin_is_refused(site: str) -> None:
    """An image or a script of a stranger's page sends no origin."""
    with pytest.raises(Problem, match="origin-not-allowed"):
        check_site(DOOR, headers(HOST, ("Sec-Fetch-Site", site)))


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_page_and_the_address_bar_may_ask(site: str) -> None:
    check_site(DOOR, headers(HOST, ("Sec-Fetch-Site", site)))


def test_only_allowed_origins_are_answered_across_origins() -> None:
    assert cross_origin_headers(DOOR, headers(("Origin", ORIGIN)))["Access-Control-Allow-Origin"] == ORIGIN
    assert cross_origin_headers(DOOR, headers(("Origin", "https://evil.example"))) == {}
    assert cross_origin_headers(DOOR, headers(HOST)) == {}


def test_private_network_access_is_allowed_only_where_it_is_asked_for_by_an_allowed_origin() -> None:
    asks = ("Access-Control-Request-Private-Network", "true")
    name = "Access-Control-Allow-Private-Network"
    assert preflight_headers(DOOR, headers(("Origin", ORIGIN), asks))[name] == "true"
    assert name not in preflight_headers(DOOR, headers(("Origin", ORIGIN)))
    assert preflight_headers(DOOR, headers(("Origin", "https://evil.example"), asks)) == {}


def test_a_preflight_is_an_options_request_with_both_headers() -> None:
    whole = headers(("Origin", ORIGIN), ("Access-Control-Request-Method", "POST"))
    assert is_preflight("OPTIONS", whole)
    assert not is_preflight("POST", whole)
    assert not is_preflight("OPTIONS", headers(("Origin", ORIGIN)))


@pytest.mark.parametrize(
    ("authorization", "role"),
    [
        ("Bearer " + "s" * 43, Role.SCREEN),
        ("bearer " + "o" * 43, Role.OPERATOR),
        ("Bearer " + "o" * 42, None),
        ("Bearer ", None),
        ("Bearer", None),
        ("Basic " + "o" * 43, None),
        ("o" * 43, None),
        ("", None),
        ("Bearer \udcff\udcfe", None),
    ],
)
def test_the_role_is_that_of_the_token(authorization: str, role: Role | None) -> None:
    assert role_of(DOOR, TOKENS, headers(("Authorization", authorization)), {}, Role.SCREEN) is role


def test_two_tokens_are_none() -> None:
    right, wrong = ("Authorization", "Bearer " + "s" * 43), ("Authorization", "Bearer wrong")
    for both in (headers(right, wrong), headers(wrong, right), headers(right, right)):
        assert role_of(DOOR, TOKENS, both, {}, Role.SCREEN) is None


def test_a_cookie_counts_for_the_calls_of_its_own_page_only() -> None:
    for role, other in ((Role.SCREEN, Role.OPERATOR), (Role.OPERATOR, Role.SCREEN)):
        cookies = {COOKIES[role].name: new_cookie(TOKENS, role)}
        assert role_of(DOOR, TOKENS, headers(), cookies, role) is role
        assert role_of(DOOR, TOKENS, headers(), cookies, other) is None


def test_a_wrong_token_is_not_saved_by_a_good_cookie() -> None:
    cookies = {COOKIES[Role.SCREEN].name: new_cookie(TOKENS, Role.SCREEN)}
    assert role_of(DOOR, TOKENS, headers(("Authorization", "Bearer wrong")), cookies, Role.SCREEN) is None


def test_whoever_reaches_the_control_socket_is_an_operator() -> None:
    assert role_of(SOCKET, TOKENS, headers(), {}, Role.SCREEN) is Role.OPERATOR


def test_the_operator_may_do_everything_and_the_screen_only_its_own() -> None:
    assert Role.OPERATOR.may_act_as(Role.SCREEN)
    assert Role.OPERATOR.may_act_as(Role.OPERATOR)
    assert Role.SCREEN.may_act_as(Role.SCREEN)
    assert not Role.SCREEN.may_act_as(Role.OPERATOR)
