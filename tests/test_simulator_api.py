"""The simulated API, driven as values: each documented example comes out as printed, each documented rule holds."""

import json
from dataclasses import dataclass, field

import pytest

from agent.simulator import (
    BONUS_CARD_NUMBER,
    CARD_CSC,
    CARD_NUMBER,
    CLIENT_ID,
    CLIENT_SECRET,
    DEVICE_UUID,
    LOCKED_CARD_NUMBER,
    ONLY_BONUS_CARD_NUMBER,
    Answer,
    Request,
    SimulatedApi,
    Switches,
)
from agent.simulator.documented import START_CASH
from agent.simulator.switches import switches_from

Json = dict[str, object]

NOON = 1_600_336_800.0
PRODUCTS: list[Json] = [
    {"id": 1, "articleNumber": 30037, "desc": "Sandwich Romano", "quantity": 1, "priceOne": 349, "tax": 7},
    {"id": 2, "articleNumber": 30200, "desc": "Fruit salad, small bowl", "quantity": 1, "priceOne": 249, "tax": 7},
    {
        "id": 3,
        "articleNumber": 51,
        "ean": "4999012345678",
        "desc": "Water, mildly sprinkling, 0.25 ltr.",
        "quantity": 2,
        "priceOne": 99,
        "tax": 19,
    },
]
CHARGE: Json = {"id": 1, "ean": "4260447149502", "desc": "Kartenaufladung 15 EUR", "quantity": 1, "priceOne": 1500}
DISCHARGE: Json = {"id": 1, "ean": "4260447149533", "desc": "Auszahlung", "quantity": 1, "priceOne": 300}


def order(number: str | None = CARD_NUMBER, products: list[Json] | None = None, **fields: object) -> Json:
    """The sample order of the documentation, or one like it."""
    lines = PRODUCTS if products is None else products
    total = sum(int(str(line["priceOne"])) * int(str(line["quantity"])) for line in lines)
    idents = [{"type": "card", "value": number}] if number else []
    return {
        "is_demo": True,
        "idents": idents,
        "basket": {"products": lines},
        "basket_info": {"sum": total, "currency": "EUR"},
    } | fields


@dataclass
class Till:
    """A client of the pure API that keeps the time and a token."""

    api: SimulatedApi = field(default_factory=SimulatedApi)
    now: float = NOON
    token: str = ""

    def __post_init__(self) -> None:
        self.token = self.token or self.login()

    def login(self) -> str:
        return str(self.body("POST", "/oauth/token", {"grant_type": "client_credentials"} | CLIENT)["access_token"])

    def login_as(self, uuid: str) -> str:
        pairing = self.body("POST", "/oauth/token", {"grant_type": "device", "uuid": uuid} | CLIENT)
        assert self.api.logins.confirm(str(pairing["user_code"]), self.now)
        return str(self.body("POST", "/oauth/token", device_login(pairing))["access_token"])

    def request(self, method: str, path: str, body: object = None, query: str = "", **headers: str) -> Request:
        full = path if path.startswith("/") else f"/api/v2/{path}"
        given = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        return Request(
            method=method,
            path=full,
            query=dict([query.split("=", 1)]) if query else {},
            headers=given | {name.replace("_", "-"): value for name, value in headers.items()},
            body=b"" if body is None else json.dumps(body).encode(),
        )

    def answer(self, method: str, path: str, body: object = None, query: str = "", **headers: str) -> Answer:
        return self.api.answer(self.request(method, path, body, query, **headers), self.now)

    def body(self, method: str, path: str, body: object = None, query: str = "", **headers: str) -> Json:
        answer = self.answer(method, path, body, query, **headers)
        assert isinstance(answer.body, dict)
        return answer.body

    def create(self, **fields: object) -> str:
        """A transaction with the sample order, or with another one; its id."""
        return str(self.body("POST", "Smart/Transactions", fields.pop("order", order(**fields)))["id"])  # type: ignore[arg-type]

    def on(self, transaction: str, action: str, body: object = None, **headers: str) -> Answer:
        return self.answer("POST", f"Smart/Transactions/{transaction}/{action}", body, **headers)

    def missing(self, transaction: str) -> object:
        """Applies the balance; what is missing then."""
        return field_of(self.on(transaction, "preTransaction"), "missing_sum")

    def read(self, transaction: str) -> Json:
        return self.body("GET", f"Smart/Transactions/{transaction}")

    def balance(self, number: str = CARD_NUMBER) -> int:
        return self.api.state.cards[number].balance


CLIENT: Json = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


def device_login(pairing: Json) -> Json:
    return {"grant_type": "device", "code": pairing["device_code"]} | CLIENT


def with_switches(**settings: object) -> Till:
    """A till on an API with these switches, written as in Python."""
    named = {name.replace("_", "-"): value for name, value in settings.items()}
    return Till(SimulatedApi(switches=switches_from(named)))


def field_of(answer: Answer, *path: str | int) -> object:
    """What stands at the path in the answer's body."""
    value = answer.body
    for part in path:
        assert isinstance(value, dict | list)
        value = value[part]  # type: ignore[index]
    return value


def test_the_seeds_checkout_is_answered_exactly_as_the_seed_page_prints_it() -> None:
    """Only the id, the loyalty transaction and the times are this transaction's own."""
    till = Till()
    transaction = till.create()
    assert till.missing(transaction) == 296
    answer = till.on(transaction, "start/cash", {})
    assert isinstance(answer.body, dict)
    own = {name: answer.body[name] for name in ("id", "transactions", "created", "updated")}
    assert answer.body == START_CASH | own
    assert list(answer.body) == list(START_CASH)
    assert (answer.status, answer.reason) == (200, "OK")


def test_the_ledger_tells_what_the_printed_answer_hides() -> None:
    till = Till()
    transaction = till.create(merchantRef="A-17")
    till.missing(transaction)
    till.on(transaction, "start/cash", {})
    booking = till.api.ledger[0]
    assert (booking.kind, booking.transaction, booking.merchantRef) == ("start", transaction, "A-17")
    assert (booking.sum, booking.amount, booking.movement.redeemed, booking.at) == (796, 296, 500, NOON)
    assert till.balance() == 0


def test_an_answer_about_another_order_keeps_that_order() -> None:
    till = Till()
    transaction = till.create(products=PRODUCTS[:2], merchantRef="A-17", transactionRef="T-4", intent="sale")
    till.missing(transaction)
    body = till.on(transaction, "start/cash").body
    assert isinstance(body, dict)
    assert (body["merchantRef"], body["transactionRef"], body["intent"]) == ("A-17", "T-4", "sale")
    assert field_of(till.answer("GET", f"Smart/Transactions/{transaction}"), "basket_info", "sum") == 598


def test_create_answers_200_with_a_transaction_that_is_created() -> None:
    answer = Till().answer("POST", "Smart/Transactions", order())
    assert isinstance(answer.body, dict)
    assert (answer.status, answer.body["status"]) == (200, "created")
    assert "updated" not in answer.body
    assert "receipt" not in answer.body
    assert field_of(answer, "basket", "products", 0, "ean") is None
    assert field_of(answer, "idents", 0, "merchantcard", "balance") == 500


def test_a_transaction_may_be_created_empty_and_filled_by_an_update() -> None:
    till = Till()
    transaction = till.create(order={})
    assert field_of(till.answer("PUT", f"Smart/Transactions/{transaction}", order()), "basket_info", "sum") == 796
    assert till.missing(transaction) == 296


def test_an_update_takes_the_applied_balance_away() -> None:
    till = Till()
    transaction = till.create()
    till.missing(transaction)
    assert till.body("PUT", f"Smart/Transactions/{transaction}", order())["status"] == "created"
    assert "missing_sum" not in str(till.read(transaction))
    till.on(transaction, "start/cash")
    assert (till.api.ledger[0].amount, till.balance()) == (796, 500)


@pytest.mark.parametrize("left_out", ["basket", "basket_info"])
def test_an_update_without_basket_or_basket_info_removes_both(left_out: str) -> None:
    till = Till()
    transaction = till.create()
    body = order()
    del body[left_out]
    answer = till.answer("PUT", f"Smart/Transactions/{transaction}", body)
    assert field_of(answer, "basket", "products") == []
    assert field_of(answer, "basket_info") == {"sum": 0, "currency": "EUR", "gratuity": None}


def test_an_update_cannot_change_the_application_context() -> None:
    till = Till()
    context: Json = {"locks": {"customer": True}}
    transaction = till.create(application_context=context)
    answer = till.answer("PUT", f"Smart/Transactions/{transaction}", order(application_context={"locks": None}))
    assert field_of(answer, "application_context", "locks") == {"customer": True}


@pytest.mark.parametrize(
    ("number", "missing_sum", "bonus"),
    [
        (CARD_NUMBER, 296, []),
        (BONUS_CARD_NUMBER, 576, [("111111117", -15, 7), ("1111111119", -5, 19)]),
        (ONLY_BONUS_CARD_NUMBER, 725, [("111111117", -53, 7), ("1111111119", -18, 19)]),
    ],
)
def test_pretransaction_answers_the_documented_samples(
    number: str, missing_sum: int, bonus: list[tuple[str, int, int]]
) -> None:
    till = Till()
    answer = till.on(till.create(number=number), "preTransaction")
    lines = [
        {
            "id": 4 + index,
            "articleNumber": article,
            "ean": article,
            "desc": f"Bonus Steuer {tax}",
            "quantity": 1,
            "priceOne": price,
            "tax": tax,
        }
        for index, (article, price, tax) in enumerate(bonus)
    ]
    assert answer.body == {"missing_sum": missing_sum, "bonus_products": lines}


def test_after_pretransaction_a_read_shows_processing_the_missing_sum_and_the_bonus_lines() -> None:
    till = Till()
    transaction = till.create(number=BONUS_CARD_NUMBER)
    till.missing(transaction)
    read = till.answer("GET", f"Smart/Transactions/{transaction}")
    assert field_of(read, "status") == "processing"
    assert field_of(read, "basket_info", "missing_sum") == 576
    assert [field_of(read, "basket", "products", line, "priceOne") for line in (3, 4)] == [-15, -5]


def test_a_card_that_covers_everything_is_paid_with_start_loyalty() -> None:
    till = Till()
    transaction = till.create(products=PRODUCTS[:1])
    assert till.missing(transaction) == 0
    answer = till.on(transaction, "start/loyalty")
    assert (field_of(answer, "status"), field_of(answer, "payment_method")) == ("ok", "loyalty")
    assert (till.api.ledger[0].amount, till.balance()) == (0, 151)


def test_bonus_is_spent_before_cash_balance_and_never_more_than_is_due() -> None:
    till = Till()
    transaction = till.create(number=BONUS_CARD_NUMBER, products=PRODUCTS[2:])  # 1.98 EUR
    assert till.missing(transaction) == 0
    till.on(transaction, "start/loyalty")
    movement = till.api.ledger[0].movement
    assert (movement.bonus_redeemed, movement.redeemed, till.balance(BONUS_CARD_NUMBER)) == (20, 178, 22)


def test_collecting_without_spending_moves_no_balance() -> None:
    till = Till()
    answer = till.on(till.create(), "start/cash")
    assert till.api.ledger[0].amount == 796
    assert till.balance() == 500
    assert field_of(answer, "basket_info") == {"sum": 796, "currency": "EUR", "gratuity": None}
    assert field_of(answer, "transactions", 0, "object") == "loyalty.transactions"


def test_a_sale_without_card_is_recorded_without_loyalty() -> None:
    till = Till()
    answer = till.on(till.create(number=None), "start/cash")
    assert (field_of(answer, "transactions"), field_of(answer, "receipt"), field_of(answer, "idents")) == ([], [], [])
    assert till.api.ledger[0].card is None


def test_charging_loads_the_card_and_prints_the_documented_receipt() -> None:
    till = Till()
    answer = till.on(till.create(products=[CHARGE]), "start/cash")
    assert till.balance() == 2000
    assert (till.api.ledger[0].amount, till.api.ledger[0].movement.charged) == (1500, 1500)
    receipt = field_of(answer, "receipt")
    assert isinstance(receipt, list)
    assert receipt[0] == {"type": "separator", "value": {"caption": "Kundenkarte Aufladung"}}
    texts = [str(line["value"].get("text")) for line in receipt if line["type"] == "textline"]
    assert texts == [
        "Zahlung über:",
        "15,00 EUR",
        "Folgender Betrag",
        "wurde aufgeladen:",
        "15,00 EUR",
        "Aktuelles Guthaben",
        "20,00 EUR",
    ]


def test_balance_does_not_pay_for_charging() -> None:
    till = Till()
    transaction = till.create(products=[*PRODUCTS[:1], CHARGE | {"id": 9}])
    assert till.missing(transaction) == 1500
    till.on(transaction, "start/cash")
    assert till.balance() == 500 - 349 + 1500


def test_charging_needs_a_card_that_is_known() -> None:
    till = Till()
    refused = till.on(till.create(products=[CHARGE], number="9276000000000000"), "start/cash")
    assert field_of(refused, "code") == 1016
    assert till.api.ledger == []


def test_discharging_needs_no_pretransaction() -> None:
    till = Till()
    answer = till.on(till.create(products=[DISCHARGE]), "start/loyalty")
    assert field_of(answer, "status") == "ok"
    assert (till.balance(), till.api.ledger[0].movement.discharged) == (200, 300)


def test_a_terminal_payment_answers_receipts_for_both_and_a_receipt_number() -> None:
    till = Till()
    answer = till.on(till.create(number=None), "start/cashless")
    assert field_of(answer, "transactions") == []
    assert field_of(answer, "receipt_number") == 3
    assert field_of(answer, "receipt", 0) == {"type": "separator", "value": {"caption": "Kartenzahlung"}}
    assert "* * Händlerbeleg * *" in str(field_of(answer, "receipt_merchant"))
    assert "Beleg-Nr. 0003" in str(field_of(answer, "receipt"))
    assert "Trace-Nr. 000011" in str(field_of(answer, "receipt"))
    assert str(field_of(answer, "device_destination", "id")).startswith("SDV_")


def test_a_terminal_payment_is_cancelled_by_its_receipt_number_before_the_end_of_day() -> None:
    till = Till()
    first, second = till.create(number=None), till.create(number=None)
    receipt = field_of(till.on(first, "start/cashless"), "receipt")
    till.on(second, "start/cashless")
    cancelled = till.on("3", "cancelTrx")
    assert (field_of(cancelled, "status"), field_of(cancelled, "receipt")) == ("cancelled", receipt)
    assert field_of(till.on("me", "EndOfDay"), "receipt_merchant", 0, "value", "caption") == "Kassenschnitt"
    assert field_of(till.on("4", "cancelTrx"), "code") == 1007
    assert [booking.amount for booking in till.api.ledger] == [796, 796, -796]


@pytest.mark.parametrize(
    ("setting", "status", "amounts"),
    [("refuses", 500, [796, -796]), ("repeats-answer", 200, [796, -796]), ("executes-again", 200, [796, -796, -796])],
)
def test_a_terminal_payment_is_cancelled_a_second_time_as_the_switch_says(
    setting: str, status: int, amounts: list[int]
) -> None:
    till = Till(SimulatedApi(switches=Switches.model_validate({"second-cancel": setting})))
    till.on(till.create(number=None), "start/cashless")
    till.on("3", "cancelTrx")
    assert till.on("3", "cancelTrx").status == status
    assert [booking.amount for booking in till.api.ledger] == amounts


def test_diagnosis_answers_a_transaction_that_tracks_it() -> None:
    answer = Till().on("me", "diagnosis")
    assert (field_of(answer, "object"), field_of(answer, "status")) == ("smart.transactions", "ok")


def test_cancel_gives_everything_back_and_prints_a_reversal() -> None:
    till = Till()
    transaction = till.create()
    till.missing(transaction)
    till.on(transaction, "start/cash")
    answer = till.on(transaction, "cancel")
    assert field_of(answer, "status") == "cancelled"
    assert "STORNO" in str(field_of(answer, "receipt"))
    assert till.balance() == 500
    reversal = till.api.ledger[1]
    assert (reversal.kind, reversal.amount, reversal.movement.redeemed, reversal.reverses) == ("cancel", -296, -500, 1)


def test_a_charge_that_was_spent_cannot_be_cancelled() -> None:
    till = Till()
    charge = till.create(products=[CHARGE])
    till.on(charge, "start/cash")
    spend = till.create(products=[DISCHARGE | {"priceOne": 1000}])
    till.on(spend, "start/loyalty")
    assert field_of(till.on(charge, "cancel"), "error_details") == "Could not cancel loyalty transaction"
    assert till.balance() == 1000


def test_what_was_not_executed_cannot_be_cancelled_but_aborted() -> None:
    till = Till()
    transaction = till.create()
    assert field_of(till.on(transaction, "cancel"), "code") == 1007
    assert field_of(till.on(transaction, "abort"), "status") == "aborted"
    assert till.on(transaction, "start/cash").status == 500


def test_what_was_executed_cannot_be_aborted_or_updated() -> None:
    till = Till()
    transaction = till.create()
    till.on(transaction, "start/cash")
    assert till.on(transaction, "abort").status == 500
    assert till.answer("PUT", f"Smart/Transactions/{transaction}", order()).status == 500
    assert till.read(transaction)["status"] == "ok"


def test_an_unknown_and_a_locked_card_are_idents_that_are_not_valid() -> None:
    till = Till()
    unknown = till.answer("POST", "Smart/Transactions", order(number="9276000000000000"))
    locked = till.answer("POST", "Smart/Transactions", order(number=LOCKED_CARD_NUMBER))
    assert [field_of(answer, "idents", 0, "valid") for answer in (unknown, locked)] == [False, False]
    assert field_of(locked, "idents", 0, "merchantcard", "lock_status") == "locked"
    assert "merchantcard" not in str(unknown.body)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (CARD_NUMBER, {"isValid": True, "hasPasscode": False, "isLocked": False}),
        (LOCKED_CARD_NUMBER, {"isValid": True, "hasPasscode": False, "isLocked": True}),
        ("9276000000000000", {"isValid": False}),
    ],
)
@pytest.mark.parametrize("merchant", ["me", "MRC", START_CASH["merchant"]["id"]])  # type: ignore[index]
def test_validate_merchantcard(number: str, expected: Json, merchant: str) -> None:
    path = f"Loyalty/MerchantCards/{merchant}/validateMerchantcard"
    assert Till().body("POST", path, {"cardnumber": number}) == expected


@pytest.mark.parametrize(("csc", "expected"), [(CARD_CSC, True), ("0000", False), (4471, False)])
def test_check_csc(csc: object, *, expected: bool) -> None:
    body = {"cardnumber": CARD_NUMBER, "csc": csc}
    assert Till().body("POST", "Loyalty/MerchantCards/me/checkCsc", body) == {"result": expected}


def test_a_card_is_found_by_its_number() -> None:
    found = Till().answer("GET", "Loyalty/MerchantCards", query=f'q=card.cardnumber:"{CARD_NUMBER}"')
    assert field_of(found, "count") == 1
    printed = field_of(Answer(body=START_CASH), "idents", 0, "merchantcard")
    assert isinstance(printed, dict)
    assert field_of(found, "data", 0) == printed | {"cash_balance": 500, "balance": 500}
    one = Till().answer("GET", f"Loyalty/MerchantCards/{printed['id']}")
    assert one.body == field_of(found, "data", 0)


def test_an_empty_list_is_null() -> None:
    assert Till().body("GET", "Smart/Transactions") == {"count": 0, "data": None}


def test_a_list_has_the_number_of_all_matches_and_one_page_of_them() -> None:
    till = Till()
    created = [till.create(merchantRef=f"A-{number}") for number in range(5)]
    request = till.request("GET", "Smart/Transactions")
    page = Request(
        method="GET",
        path=request.path,
        headers=request.headers,
        query={"q": "merchantRef:A-? AND NOT merchantRef:A-0", "sort": "merchantRef:desc", "count": "2", "offset": "1"},
    )
    found = till.api.answer(page, NOON)
    assert field_of(found, "count") == 4
    assert [field_of(found, "data", at, "id") for at in (0, 1)] == [created[3], created[2]]


def test_who_am_i() -> None:
    assert Till().body("GET", "General/Merchants/me") == START_CASH["merchant"]


def test_path_words_are_read_in_any_case_and_ids_exactly() -> None:
    till = Till()
    transaction = till.create()
    assert till.answer("GET", f"/API/V2/smart/transactions/{transaction}").status == 200
    assert till.answer("GET", f"Smart/Transactions/{transaction.lower()}").status == 500


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "Smart/Transactions/STX_1/start/debit"),
        ("POST", "Smart/Transactions/STX_1/prepare/paypal"),
        ("GET", "Smart/Idents"),
        ("GET", "/"),
        ("DELETE", "Smart/Transactions/STX_1"),
    ],
)
def test_a_call_that_is_not_simulated_is_said_to_be_so(method: str, path: str) -> None:
    answer = Till().answer(method, path)
    assert answer.status == 501
    assert "The simulator does not know this call" in str(answer.body)


@pytest.mark.parametrize(
    "body",
    [
        order(basket_info={"sum": 795, "currency": "EUR"}),
        order(basket_info={"sum": "796", "currency": "EUR"}),
        order(idents=[{"type": "card", "value": 9276004429942845}]),
        order(products=[PRODUCTS[0] | {"desc": 7}]),
        [],
        "text",
    ],
)
def test_a_wrong_order_is_refused_with_the_apis_error_body(body: object) -> None:
    answer = Till().answer("POST", "Smart/Transactions", body)
    assert isinstance(answer.body, dict)
    assert (answer.status, answer.reason) == (500, "ProductInternalException")
    assert list(answer.body) == ["status", "error", "error_details", "error_user", "code", "supportId"]
    assert len(str(answer.body["supportId"])) == 32


def test_no_refusal_repeats_a_card_number() -> None:
    answer = Till().answer("POST", "Smart/Transactions", order(idents=[{"type": "card", "value": int(CARD_NUMBER)}]))
    assert CARD_NUMBER not in str(answer.body)


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    till = Till()
    request = till.request("POST", "Smart/Transactions")
    broken = Request(method="POST", path=request.path, headers=request.headers, body=body)
    assert till.api.answer(broken, NOON).status == 500


def test_ids_have_the_documented_format_and_come_from_the_seed() -> None:
    first, again, other = (Till(SimulatedApi(seed=seed)).create() for seed in (1, 1, 2))
    assert first == again != other
    assert first.startswith("STX_")
    assert len(first) == 34
    assert not set(first[4:]) & set("1ILO")


def test_a_simulator_that_is_started_again_gives_no_id_a_second_time() -> None:
    """The till takes an id of before for an answer that came twice."""
    assert Till(SimulatedApi()).create() != Till(SimulatedApi()).create()


def test_a_device_login_names_its_cash_register() -> None:
    till = Till()
    till.token = till.login_as(DEVICE_UUID)
    source = field_of(till.answer("POST", "Smart/Transactions", order()), "device_source")
    assert source == START_CASH["device_source"]


def test_reset_forgets_everything_but_the_logins() -> None:
    till = Till()
    till.on(till.create(), "start/cash")
    till.api.reset(Switches())
    assert (till.api.ledger, till.body("GET", "Smart/Transactions")["count"]) == ([], 0)
