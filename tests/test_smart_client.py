"""Each call as it is documented, and what becomes of it when the API answers anything else."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from agent.card import CardNumber
from agent.smart.client import SmartTransactions, StartMethod, connect
from agent.smart.credentials import CredentialStore
from agent.smart.errors import JsonObject, NotAuthorised, NotSent, Refused, SmartError, Unknown
from agent.smart.login import Client, ClientCredentialsLogin
from agent.smart.models import CardValidity, SmartModel
from agent.smart.transaction_request import TransactionRequest
from agent.smart.transport import Timeouts
from tests.moved_clock import MovedClock
from tests.smart_server import Reply, Server, answer, cut, http, raw, smart_server, stall, token, wait_for

EXAMPLES = json.loads(Path(__file__).with_name("smart_examples.json").read_text())
STARTED: JsonObject = EXAMPLES["SmartTransaction"]["start/cash"]
CARD: JsonObject = EXAMPLES["SmartTransaction"]["start/cash"]["idents"][0]["merchantcard"]
EXPIRED: JsonObject = EXAMPLES["ApiError"]["expired token"]
REFUSED: JsonObject = {**EXPIRED, "error": "ProductInternalException", "code": 1016}
STX = "STX_KJXJDUN542NR3WMRHRVU5WWM6ZQEA2"
NUMBER = CardNumber("9276004429942845")
LOGIN = ClientCredentialsLogin(client=Client(client_id="c", client_secret=SecretStr("the-client-secret")))
REQUEST = TransactionRequest(
    products=({"id": 1, "priceOne": 796, "quantity": 1},), sum=796, currency="EUR", card=NUMBER
)
DEFAULT = Timeouts()

Call = Callable[[SmartTransactions], Coroutine[None, None, object]]

MONEY: dict[str, Call] = {
    "start/cash": lambda api: api.start(STX, "cash", "co_1.1"),
    "start/loyalty": lambda api: api.start(STX, "loyalty", "co_1.1"),
    "start/cashless": lambda api: api.start(STX, "cashless", "co_1.1"),
    "cancel": lambda api: api.cancel(STX, "co_1.1"),
    "cancelTrx": lambda api: api.cancel_trx(STX, 3),
    "EndOfDay": lambda api: api.end_of_day(),
    "diagnosis": lambda api: api.diagnosis(),
}
OTHERS: dict[str, Call] = {
    "create": lambda api: api.create(REQUEST),
    "update": lambda api: api.update(STX, REQUEST),
    "read": lambda api: api.read(STX),
    "search": lambda api: api.search("merchantRef:1"),
    "preTransaction": lambda api: api.pre_transaction(STX),
    "abort": lambda api: api.abort(STX),
    "validateMerchantcard": lambda api: api.validate_card(NUMBER),
    "checkCsc": lambda api: api.check_csc(NUMBER, "4471"),
    "card balance": lambda api: api.card_balance(NUMBER),
    "merchant": lambda api: api.merchant(),
}
CALLS = MONEY | OTHERS
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
every_harmless_call = pytest.mark.parametrize("call", OTHERS.values(), ids=OTHERS)
every_money_call = pytest.mark.parametrize("call", MONEY.values(), ids=MONEY)


@asynccontextmanager
async def client_of(server: Server) -> AsyncIterator[SmartTransactions]:
    """A client with a login that needs no stored pairing."""
    nowhere = CredentialStore(Path("/nonexistent"))
    async with connect(server.base_url, LOGIN, nowhere) as api:
        yield api


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with smart_server() as server:
        yield server


@pytest.fixture
async def api(server: Server) -> AsyncIterator[SmartTransactions]:
    async with client_of(server) as api:
        yield api


def sent(server: Server) -> tuple[str, str, object]:
    """The one request that was received."""
    (request,) = server.requests
    return request.method, request.target.removeprefix("/api/v2"), request.json if request.body else None


async def test_create(server: Server, api: SmartTransactions) -> None:
    created = {name: value for name, value in STARTED.items() if name not in {"updated", "receipt", "trans_id"}}
    server.reply(answer({**created, "status": "created", "transactions": []}))
    transaction = await api.create(REQUEST)
    assert (transaction.id, transaction.status) == (STX, "created")
    assert sent(server) == ("POST", "/Smart/Transactions", json.loads(REQUEST.body()))
    assert server.requests[0].token == "token1"


async def test_update_sends_the_whole_transaction(server: Server, api: SmartTransactions) -> None:
    server.reply(answer({**STARTED, "status": "created"}))
    transaction = await api.update(STX, REQUEST)
    assert transaction.status == "created"
    assert sent(server) == ("PUT", f"/Smart/Transactions/{STX}", json.loads(REQUEST.body()))


async def test_read(server: Server, api: SmartTransactions) -> None:
    server.reply(answer(STARTED))
    assert (await api.read(STX)).model_dump(exclude_unset=True) == STARTED
    assert sent(server) == ("GET", f"/Smart/Transactions/{STX}", None)


async def test_search(server: Server, api: SmartTransactions) -> None:
    server.reply(answer({"count": 40, "data": [STARTED]}))
    page = await api.search('merchantRef:"A 17" AND status:ok', count=10, offset=20)
    assert page.count == 40
    assert [each.id for each in page.data or []] == [STX]
    target = urlsplit(server.requests[0].target)
    assert target.path == "/api/v2/Smart/Transactions"
    expected = {"q": ['merchantRef:"A 17" AND status:ok'], "count": ["10"], "offset": ["20"]}
    assert parse_qs(target.query) == expected


async def test_a_search_that_finds_nothing(server: Server, api: SmartTransactions) -> None:
    server.reply(answer({"count": 0, "data": None}))
    assert (await api.search("status:ok")).data is None


@pytest.mark.parametrize("example", EXAMPLES["PreTransaction"].values(), ids=EXAMPLES["PreTransaction"])
async def test_pre_transaction(server: Server, api: SmartTransactions, example: JsonObject) -> None:
    server.reply(answer(example))
    applied = await api.pre_transaction(STX)
    assert (applied.missing_sum, applied.bonus_products) == (example["missing_sum"], example["bonus_products"])
    assert sent(server) == ("POST", f"/Smart/Transactions/{STX}/preTransaction", None)


@pytest.mark.parametrize("method", get_args(StartMethod))
async def test_start(server: Server, api: SmartTransactions, method: StartMethod) -> None:
    server.reply(answer(STARTED))
    assert (await api.start(STX, method, "co_1.1")).status == "ok"
    assert sent(server) == ("POST", f"/Smart/Transactions/{STX}/start/{method}", {})
    assert server.requests[0].headers["x-action"] == "co_1.1"


async def test_start_with_the_documented_terminal_receipts(server: Server, api: SmartTransactions) -> None:
    receipts = {
        "receipt": [{"type": "separator", "value": {"caption": "Kartenzahlung"}}],
        "receipt_merchant": [{"type": "textline", "value": {"text": "* * Händlerbeleg * *", "decoration": []}}],
        "receipt_merchant_print": True,
        "receipt_number": 3,
    }
    server.reply(answer({**STARTED, "transactions": [], **receipts}))
    transaction = await api.start(STX, "cashless", "co_1.1")
    assert {name: getattr(transaction, name) for name in receipts} == receipts


async def test_a_failed_start_in_a_good_answer_is_returned(server: Server, api: SmartTransactions) -> None:
    server.reply(answer({**STARTED, "status": "failed"}))
    assert (await api.start(STX, "cash", "co_1.1")).status == "failed"


async def test_abort(server: Server, api: SmartTransactions) -> None:
    server.reply(answer({**STARTED, "status": "aborted"}))
    assert (await api.abort(STX)).status == "aborted"
    assert sent(server) == ("POST", f"/Smart/Transactions/{STX}/abort", None)


@pytest.mark.parametrize("spelling", ["canceled", "cancelled"])
async def test_cancel(server: Server, api: SmartTransactions, spelling: str) -> None:
    server.reply(answer({**STARTED, "status": spelling}))
    assert (await api.cancel(STX, "co_2.1")).canonical_status == "cancelled"
    assert sent(server) == ("POST", f"/Smart/Transactions/{STX}/cancel", None)
    assert server.requests[0].headers["x-action"] == "co_2.1"


@pytest.mark.parametrize("receipt_number", [3, "3", "0003", None])
async def test_cancel_trx(server: Server, api: SmartTransactions, receipt_number: object) -> None:
    server.reply(answer({**STARTED, "status": "cancelled", "receipt_number": receipt_number}))
    assert (await api.cancel_trx(STX, 3)).status == "cancelled"
    assert sent(server) == ("POST", "/Smart/Transactions/3/cancelTrx", None)


async def test_end_of_day(server: Server, api: SmartTransactions) -> None:
    server.reply(answer(STARTED))
    assert (await api.end_of_day()).receipt == STARTED["receipt"]
    assert sent(server) == ("POST", "/Smart/Transactions/me/EndOfDay", None)


async def test_diagnosis(server: Server, api: SmartTransactions) -> None:
    server.reply(answer(STARTED))
    assert (await api.diagnosis()).status == "ok"
    assert sent(server) == ("POST", "/Smart/Transactions/me/diagnosis", None)


@pytest.mark.parametrize("example", EXAMPLES["CardValidity"].values(), ids=EXAMPLES["CardValidity"])
async def test_validate_card(server: Server, api: SmartTransactions, example: JsonObject) -> None:
    server.reply(answer(example))
    assert await api.validate_card(NUMBER) == CardValidity.model_validate(example)
    expected = ("POST", "/Loyalty/MerchantCards/me/validateMerchantcard", {"cardnumber": NUMBER.value})
    assert sent(server) == expected


@pytest.mark.parametrize("result", [True, False])
async def test_check_csc(server: Server, api: SmartTransactions, *, result: bool) -> None:
    server.reply(answer({"result": result}))
    assert await api.check_csc(NUMBER, "4471") is result
    expected = ("POST", "/Loyalty/MerchantCards/me/checkCsc", {"cardnumber": NUMBER.value, "csc": "4471"})
    assert sent(server) == expected


async def test_card_balance(server: Server, api: SmartTransactions) -> None:
    server.reply(answer({"count": 1, "data": [CARD]}))
    card = await api.card_balance(NUMBER)
    assert card is not None
    assert (card.balance, card.lock_status) == (1000, "unlocked")
    target = urlsplit(server.requests[0].target)
    assert target.path == "/api/v2/Loyalty/MerchantCards"
    assert parse_qs(target.query) == {"q": [f'card.cardnumber:"{NUMBER.value}"']}


async def test_the_balance_of_a_card_nobody_knows_is_none(server: Server, api: SmartTransactions) -> None:
    server.reply(answer({"count": 0, "data": None}))
    assert await api.card_balance(NUMBER) is None


async def test_merchant(server: Server, api: SmartTransactions) -> None:
    server.reply(answer(EXAMPLES["Merchant"]["seed"]))
    assert (await api.merchant()).companyname == "John's Bakery"
    assert sent(server) == ("GET", "/General/Merchants/me", None)


@pytest.mark.parametrize("identity", ["", ".", "..", "STX_1/cancel", "STX_1?x", "STX_1\n", "../../oauth", "STX 1"])
async def test_an_id_that_no_path_can_hold_is_our_own_mistake(
    server: Server, api: SmartTransactions, identity: str
) -> None:
    with pytest.raises(ValueError, match="transaction id"):
        await api.read(identity)
    assert server.requests == []


@pytest.mark.parametrize(
    "call", [MONEY["start/cash"], MONEY["cancel"], OTHERS["update"], OTHERS["read"], OTHERS["abort"]]
)
async def test_an_answer_about_another_transaction_is_unknown(
    server: Server, api: SmartTransactions, call: Call
) -> None:
    server.reply(answer({**STARTED, "id": "STX_ANOTHER"}))
    with pytest.raises(Unknown, match="another transaction"):
        await call(api)


async def test_one_transaction_is_not_the_answer_to_two_creates(server: Server, api: SmartTransactions) -> None:
    """What was answered before may come once more, when the next create has left."""
    for _ in range(2):
        server.reply(answer(STARTED))
    assert (await api.create(REQUEST)).id == STX
    with pytest.raises(Unknown, match="of before"):
        await api.create(REQUEST)


async def test_an_update_that_is_answered_with_another_sum_is_unknown(server: Server, api: SmartTransactions) -> None:
    server.reply(answer({**STARTED, "basket_info": {"sum": REQUEST.sum + 1, "currency": "EUR"}}))
    with pytest.raises(Unknown, match="another basket"):
        await api.update(STX, REQUEST)


async def test_an_answer_about_another_receipt_is_unknown(server: Server, api: SmartTransactions) -> None:
    server.reply(answer({**STARTED, "receipt_number": 4}))
    with pytest.raises(Unknown, match="another receipt"):
        await api.cancel_trx(STX, 3)


async def test_an_answer_about_another_card_is_unknown(server: Server, api: SmartTransactions) -> None:
    other = {**CARD, "card": {"cardnumber": "9276004424644352"}}
    server.reply(answer({"count": 1, "data": [other]}))
    with pytest.raises(Unknown, match="another card"):
        await api.card_balance(NUMBER)


async def test_an_answer_about_something_else_is_unknown(server: Server, api: SmartTransactions) -> None:
    server.reply(answer({**STARTED, "object": "smart.devices"}))
    with pytest.raises(Unknown, match="not about a transaction"):
        await api.read(STX)


@every_call
async def test_an_error_of_the_api_is_a_refusal(server: Server, api: SmartTransactions, call: Call) -> None:
    server.reply(answer(REFUSED, 500))
    with pytest.raises(Refused) as refused:
        await call(api)
    assert (refused.value.error.code, refused.value.http_status) == (1016, 500)
    assert len(server.requests) == 1


@every_call
@pytest.mark.parametrize("end", [cut(), raw(http(502, b"<html>")), raw(http(302, b"")), answer([]), answer({})])
async def test_no_usable_answer_is_unknown_and_the_call_was_made_once(
    server: Server, api: SmartTransactions, call: Call, end: Reply
) -> None:
    server.reply(end)
    with pytest.raises(Unknown):
        await call(api)
    assert len(server.requests) == 1


@every_call
async def test_a_network_that_is_away_is_not_sent(call: Call) -> None:
    async with smart_server() as server, client_of(server) as api:
        await api.access.renew()
        await server.stop()
        with pytest.raises(NotSent, match="no connection"):
            await call(api)


REJECTIONS = [answer(EXPIRED, 403), answer(EXPIRED, 401), answer({"error": "invalid_token"}, 401), raw(http(401, b""))]


@every_harmless_call
async def test_a_rejected_token_is_renewed_and_the_call_sent_once_more(
    server: Server, api: SmartTransactions, call: Call
) -> None:
    server.reply(answer(EXPIRED, 403), answer(REFUSED, 400))
    with pytest.raises(Refused):
        await call(api)
    first, second = server.requests
    assert (first.token, second.token) == ("token1", "token2")
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)


@every_money_call
async def test_a_call_that_moves_money_is_not_sent_again_for_its_token(
    server: Server, api: SmartTransactions, call: Call
) -> None:
    """It may have been executed all the same; the next call has a new token."""
    server.reply(answer(EXPIRED, 403), answer(STARTED))
    with pytest.raises(Refused) as refused:
        await call(api)
    assert refused.value.error.code == 2003
    await api.read(STX)
    assert [each.token for each in server.requests] == ["token1", "token2"]


@pytest.mark.parametrize("rejection", REJECTIONS)
async def test_a_token_rejected_twice_is_not_authorised(
    server: Server, api: SmartTransactions, rejection: Reply
) -> None:
    server.reply(rejection, rejection)
    with pytest.raises(NotAuthorised):
        await api.read(STX)
    assert (len(server.requests), len(server.login_requests)) == (2, 2)


@pytest.mark.parametrize("rejection", REJECTIONS)
async def test_a_start_whose_token_is_rejected_in_any_way_is_refused_or_unknown(
    server: Server, api: SmartTransactions, rejection: Reply
) -> None:
    server.reply(rejection)
    with pytest.raises((Refused, Unknown)):
        await api.start(STX, "cash", "co_1.1")
    assert len(server.requests) == 1


async def test_a_till_that_was_rejected_logs_in_again_for_its_next_call(server: Server, api: SmartTransactions) -> None:
    server.reply(answer(EXPIRED, 403), answer(EXPIRED, 403), answer(STARTED))
    with pytest.raises(NotAuthorised) as unauthorised:
        await api.read(STX)
    assert unauthorised.value.error is not None
    assert unauthorised.value.error.code == 2003
    assert (await api.read(STX)).status == "ok"
    assert [each.token for each in server.requests] == ["token1", "token2", "token3"]


@every_money_call
async def test_a_login_that_fails_leaves_a_money_call_not_sent(
    server: Server, api: SmartTransactions, call: Call
) -> None:
    server.login(cut())
    with pytest.raises(NotSent):
        await call(api)
    assert server.requests == []


async def test_a_login_that_is_refused_leaves_a_call_not_authorised(server: Server, api: SmartTransactions) -> None:
    server.login(answer({"error": "invalid_client", "error_description": "The client credentials are invalid"}, 400))
    with pytest.raises(NotAuthorised, match="invalid_client"):
        await api.start(STX, "cash", "co_1.1")
    assert server.requests == []


async def test_a_renewal_that_fails_after_a_rejection_is_not_sent(server: Server, api: SmartTransactions) -> None:
    """The first sending was rejected, and does no harm; the second never left."""
    server.login(answer(token("first")), cut())
    server.reply(answer(EXPIRED, 401))
    with pytest.raises(NotSent):
        await api.read(STX)


async def test_ten_callers_whose_token_is_rejected_share_one_login(server: Server, api: SmartTransactions) -> None:
    everyone_is_here = asyncio.Event()
    server.reply(*[wait_for(everyone_is_here, answer(EXPIRED, 403))] * 10, *[answer(STARTED)] * 10)
    callers = [asyncio.create_task(api.read(STX)) for _ in range(10)]
    await server.until_requests(10)
    everyone_is_here.set()
    assert {each.status for each in await asyncio.gather(*callers)} == {"ok"}
    assert len(server.login_requests) == 2
    assert [each.token for each in server.requests] == ["token1"] * 10 + ["token2"] * 10


@every_money_call
async def test_no_login_while_a_money_call_is_in_flight(server: Server, api: SmartTransactions, call: Call) -> None:
    answered = asyncio.Event()
    server.reply(wait_for(answered, answer(REFUSED, 400)))
    money = asyncio.create_task(call(api))
    await server.until_requests(1)
    renewal = asyncio.create_task(api.access.renew())
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(server.login_requests) == 1
    answered.set()
    with pytest.raises(Refused):
        await money
    await renewal
    assert len(server.login_requests) == 2


async def test_a_login_that_takes_too_long_leaves_a_call_not_sent(
    server: Server, api: SmartTransactions, clock: MovedClock
) -> None:
    server.login(stall())
    calling = asyncio.create_task(api.start(STX, "cashless", "co_1.1"))
    await server.until_logins(1)
    clock.advance(DEFAULT.request_s)
    with pytest.raises(NotSent, match="in time"):
        await calling
    assert server.requests == []


async def waited_for(server: Server, call: Coroutine[None, None, object]) -> asyncio.Task[object]:
    """Send a request that is never answered, and return when it has arrived."""
    server.reply(stall())
    calling = asyncio.create_task(call)
    await server.until_requests(1)
    return calling


@pytest.mark.parametrize("call", [MONEY[name] for name in ("start/cashless", "cancelTrx", "EndOfDay", "diagnosis")])
async def test_a_call_that_waits_for_a_terminal_has_the_long_time_out(
    server: Server, api: SmartTransactions, clock: MovedClock, call: Call
) -> None:
    calling = await waited_for(server, call(api))
    clock.advance(DEFAULT.request_s)
    server.reply(answer(EXAMPLES["Merchant"]["seed"]))
    await api.merchant()
    assert not calling.done()
    clock.advance(DEFAULT.blocking_s - DEFAULT.request_s)
    with pytest.raises(Unknown, match="in time"):
        await calling


@pytest.mark.parametrize("call", [MONEY["start/cash"], MONEY["start/loyalty"], MONEY["cancel"], *OTHERS.values()])
async def test_every_other_call_has_the_short_time_out(
    server: Server, api: SmartTransactions, clock: MovedClock, call: Call
) -> None:
    calling = await waited_for(server, call(api))
    clock.advance(DEFAULT.request_s)
    with pytest.raises(Unknown, match="in time"):
        await calling


async def test_nothing_logged_or_raised_holds_a_secret_a_number_or_a_name(
    server: Server, api: SmartTransactions, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    raised: list[SmartError] = []
    told = {**REFUSED, "error_details": f"card {NUMBER.value} is locked"}
    for reply in (answer(told, 400), cut(), raw(http(502, b"the-body")), answer({**STARTED, "id": 1})):
        for call in CALLS.values():
            server.reply(reply)
            with pytest.raises(SmartError) as failure:
                await call(api)
            raised.append(failure.value)
    text = caplog.text + "".join(f"{each!r}{each}{each.__cause__!r}{each.__context__!r}" for each in raised)
    assert "9276********2845" in text
    for secret in (NUMBER.value, "4471", "token1", "the-client-secret", "the-body", "Mustermann", "2018-02-14"):
        assert secret not in text


STATUSES = st.sampled_from([100, 101, 200, 200, 200, 201, 204, 302, 304, 400, 401, 403, 404, 407, 429, 500, 502, 999])
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Connection", "Location", "X-Any"]
    ),
    st.sampled_from(
        ["application/json", "text/html", "gzip", "br", "0", "5", "-1", "chunked", "close", "upgrade", "é"]
    ),
    max_size=3,
)
SCRAPS = st.sampled_from([STARTED, CARD, EXPIRED, REFUSED, {"result": True}, {"missing_sum": 1, "bonus_products": []}])
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | SCRAPS
OBJECTS = SCRAPS | st.builds(
    lambda scrap, name, value: {**scrap, name: value},
    SCRAPS,
    st.sampled_from(
        ["id", "status", "code", "error", "object", "idents", "receipt_number", "count", "data", "isValid"]
    ),
    VALUES,
)
BODIES = st.binary(max_size=40) | st.builds(lambda content: json.dumps(content).encode(), OBJECTS | VALUES)
ANSWERS = st.builds(http, STATUSES, BODIES, HEADERS) | st.binary(max_size=60)


async def outcome_of(reply: Reply, call: Call) -> object:
    async with smart_server() as server, client_of(server) as api:
        server.fallback = reply
        try:
            return await call(api)
        except SmartError as error:
            return error


@settings(max_examples=200, deadline=None)
@given(data=ANSWERS, call=st.sampled_from(sorted(CALLS)))
async def test_whatever_a_server_says_a_call_ends_in_a_good_answer_or_one_of_the_four(data: bytes, call: str) -> None:
    outcome = await outcome_of(cut(data), CALLS[call])
    assert outcome is None or isinstance(outcome, (SmartModel, bool, Refused, NotSent, Unknown, NotAuthorised))
