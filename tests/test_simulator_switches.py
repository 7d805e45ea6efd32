"""Every switch changes what it says, and nothing else is needed for that."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from agent.simulator import CARD_NUMBER, DEVICE_UUID, LOCKED_CARD_NUMBER, Request, SimulatedApi, Switches
from agent.simulator.api import Begun
from agent.simulator.switches import UnknownSetting, setting_from, switch_names, switches_from
from tests.test_simulator_api import (
    CHARGE,
    CLIENT,
    DISCHARGE,
    NOON,
    PRODUCTS,
    Json,
    Till,
    device_login,
    field_of,
    order,
    with_switches,
)

UNKNOWN_NUMBER = "9276000000000000"
OTHER_UUID = "/vendor/unknown/cashier/1"


def due(till: Till) -> str:
    """The sample transaction with its balance applied; its id."""
    transaction = till.create()
    assert till.missing(transaction) == 296
    return transaction


def spend(till: Till, cash_balance: int) -> None:
    """Somebody else used the card meanwhile."""
    till.api.put_card(replace(till.api.state.cards[CARD_NUMBER], cash_balance=cash_balance))


def booked(till: Till) -> list[tuple[int, int]]:
    """Amount and redemption of each execution."""
    return [(booking.amount, booking.movement.redeemed) for booking in till.api.ledger]


def second_start(till: Till) -> object:
    transaction = due(till)
    first = till.on(transaction, "start/cash")
    spend(till, 500)
    second = till.on(transaction, "start/cash")
    return second.status, second.body == first.body, booked(till)


def start_answer(till: Till) -> object:
    answer = till.on(due(till), "start/cash")
    return (
        field_of(answer, "basket_info", "missing_sum"),
        field_of(answer, "idents", 0, "merchantcard", "balance"),
        "Guthaben eingelöst" in str(field_of(answer, "receipt")),
    )


def start_with_less_balance(till: Till) -> object:
    transaction = due(till)
    spend(till, 100)
    answer = till.on(transaction, "start/cash")
    return answer.status, till.read(transaction)["status"], booked(till)


def loyalty_start_with_missing_sum(till: Till) -> object:
    return till.on(due(till), "start/loyalty").status, booked(till)


def cash_start_with_nothing_missing(till: Till) -> object:
    transaction = till.create(products=PRODUCTS[:1])
    till.missing(transaction)
    return till.on(transaction, "start/cash").status, booked(till)


def start_by_another_device(till: Till) -> object:
    transaction = due(till)
    till.token = till.login_as(OTHER_UUID)
    return till.on(transaction, "start/cash").status


def refused_start(till: Till) -> object:
    transaction = due(till)
    answer = till.on(transaction, "start/loyalty")
    return answer.status, field_of(answer, "status"), till.read(transaction)["status"], booked(till)


def read_while_start_runs(till: Till) -> object:
    transaction = due(till)
    begun = till.api.begin(till.request("POST", f"Smart/Transactions/{transaction}/start/cash"), NOON)
    meanwhile = till.read(transaction)["status"]
    assert isinstance(begun, Begun)
    till.api.finish(begun, NOON)
    return meanwhile, till.read(transaction)["status"]


def refusal_status(till: Till) -> object:
    return till.answer("GET", "Smart/Transactions/STX_0").status


def unknown_card(till: Till) -> object:
    answer = till.answer("POST", "Smart/Transactions", order(number=UNKNOWN_NUMBER))
    return answer.status


def locked_card(till: Till) -> object:
    answer = till.answer("POST", "Smart/Transactions", order(number=LOCKED_CARD_NUMBER))
    return field_of(answer, "idents", 0, "valid") if answer.is_good else answer.status


def pretransaction_without_usable_card(till: Till) -> object:
    answer = till.on(till.create(number=LOCKED_CARD_NUMBER), "preTransaction")
    return field_of(answer, "missing_sum") if answer.is_good else answer.status


def pretransaction_balance(till: Till) -> object:
    due(till)
    return till.missing(till.create())


def second_pretransaction(till: Till) -> object:
    transaction = due(till)
    return till.on(transaction, "preTransaction").status


def sum_with_bonus(till: Till) -> object:
    till.api.put_card(replace(till.api.state.cards[CARD_NUMBER], bonus_balance=20))
    transaction = till.create()
    till.on(transaction, "preTransaction")
    read = till.answer("GET", f"Smart/Transactions/{transaction}")
    return field_of(read, "basket_info", "sum"), field_of(read, "basket_info", "missing_sum")


def put_without_idents(till: Till) -> object:
    body = order()
    del body["idents"]
    transaction = till.create()
    return len(str(till.body("PUT", f"Smart/Transactions/{transaction}", body)["idents"])) > 2


def put_after_pretransaction(till: Till) -> object:
    return till.body("PUT", f"Smart/Transactions/{due(till)}", order())["status"]


def pretransaction_of_nothing(till: Till) -> object:
    till.api.put_card(replace(till.api.state.cards[CARD_NUMBER], cash_balance=0, bonus_balance=0))
    transaction = till.create()
    till.on(transaction, "preTransaction")
    return till.read(transaction)["status"]


def wrong_sum(till: Till) -> object:
    body = order(basket_info={"sum": 1, "currency": "EUR"})
    return till.answer("POST", "Smart/Transactions", body).status


def created_lifetime_seconds(till: Till) -> object:
    transaction = till.create()
    till.now += 600
    return till.read(transaction)["status"], till.on(transaction, "start/cash").status


def abort_after_pretransaction(till: Till) -> object:
    return till.on(due(till), "abort").status


def stale_read_seconds(till: Till) -> object:
    transaction = due(till)
    till.now += 10
    till.on(transaction, "start/cash")
    till.now += 10
    seen = till.read(transaction)["status"]
    till.now += 20
    return seen, till.read(transaction)["status"]


def read_missing_sum(till: Till) -> object:
    read = till.answer("GET", f"Smart/Transactions/{due(till)}")
    return "missing_sum" in str(field_of(read, "basket_info"))


def read_updated(till: Till) -> object:
    return "updated" in till.read(due(till))


def x_action(till: Till) -> object:
    transaction = due(till)
    first = till.on(transaction, "start/cash", x_action="a1")
    again = till.on(transaction, "start/cash", x_action="a1")
    cancelled = [till.on(transaction, "cancel", x_action="a2").status for _ in range(2)]
    return again.status, again.body == first.body, cancelled, len(booked(till))


def x_action_kept_seconds(till: Till) -> object:
    till.api.switches = till.api.switches.model_copy(update={"x_action": "honoured"})
    transaction = due(till)
    till.on(transaction, "start/cash", x_action="a1")
    till.now += 100
    return till.on(transaction, "start/cash", x_action="a1").status


def x_action_after_refusal(till: Till) -> object:
    till.api.switches = till.api.switches.model_copy(update={"x_action": "honoured"})
    transaction = due(till)
    spend(till, 0)
    till.on(transaction, "start/cash", x_action="a1")
    spend(till, 500)
    return till.on(transaction, "start/cash", x_action="a1").status


def expired_token(till: Till) -> object:
    till.now += 1200
    answer = till.answer("GET", "General/Merchants/me")
    return answer.status, field_of(answer, "code"), field_of(answer, "error_details")


def unauthorised_call(till: Till) -> object:
    transaction = due(till)
    till.now += 1200
    return till.on(transaction, "start/cash").status, booked(till)


def authenticate_header(till: Till) -> object:
    request = till.request("GET", "General/Merchants/me")
    headers = {"authenticate": request.headers["authorization"]}
    return till.api.answer(Request(method="GET", path=request.path, headers=headers), NOON).status


def client_credentials_checkouts(till: Till) -> object:
    reading, creating = till.answer("GET", "General/Merchants/me"), till.answer("POST", "Smart/Transactions", {})
    return reading.status, creating.status


def renewal(till: Till) -> object:
    pairing = till.body("POST", "/oauth/token", {"grant_type": "device", "uuid": DEVICE_UUID} | CLIENT)
    till.api.logins.confirm(str(pairing["user_code"]), NOON)
    login = till.body("POST", "/oauth/token", device_login(pairing))
    refresh = {"grant_type": "refresh_token", "refresh_token": login["refresh_token"]} | CLIENT
    renewed = till.body("POST", "/oauth/token", refresh)
    return "refresh_token" in renewed, till.answer("POST", "/oauth/token", refresh).status


def cancelled_status(till: Till) -> object:
    transaction = due(till)
    till.on(transaction, "start/cash")
    return field_of(till.on(transaction, "cancel"), "status"), till.read(transaction)["status"]


def cancel_of_mixed_payment(till: Till) -> object:
    transaction = due(till)
    till.on(transaction, "start/cash")
    return till.on(transaction, "cancel").status, booked(till)[1:], till.balance()


def second_cancel(till: Till) -> object:
    transaction = due(till)
    till.on(transaction, "start/cash")
    till.on(transaction, "cancel")
    return till.on(transaction, "cancel").status, len(booked(till)), till.balance()


def article_number(till: Till) -> object:
    return field_of(till.answer("POST", "Smart/Transactions", order()), "basket", "products", 0, "articleNumber")


def trans_id(till: Till) -> object:
    return field_of(till.on(till.create(), "start/cash"), "trans_id")


def refresh_token_lifetime_seconds(till: Till) -> object:
    pairing = till.body("POST", "/oauth/token", {"grant_type": "device", "uuid": DEVICE_UUID} | CLIENT)
    till.api.logins.confirm(str(pairing["user_code"]), NOON)
    login = till.body("POST", "/oauth/token", device_login(pairing))
    till.now += 100
    refresh = {"grant_type": "refresh_token", "refresh_token": login["refresh_token"]} | CLIENT
    return till.answer("POST", "/oauth/token", refresh).status


def product_id(till: Till) -> object:
    return field_of(till.answer("POST", "Smart/Transactions", order()), "basket", "products", 0, "id")


def charge_tax(till: Till) -> object:
    answer = till.answer("POST", "Smart/Transactions", order(products=[CHARGE | {"tax": 7}, PRODUCTS[0]]))
    return [field_of(answer, "basket", "products", line, "tax") for line in (0, 1)]


def error_code(till: Till) -> object:
    return field_of(till.answer("GET", "Smart/Transactions/STX_NOTHING"), "code")


def no_idents(till: Till) -> object:
    return till.read(till.create(number=None))["idents"]


Story = Callable[[Till], object]

EXPECTED: Mapping[Story, Mapping[str | float, object]] = {
    second_start: {
        "refuses": (500, False, [(296, 500)]),
        "repeats-answer": (200, True, [(296, 500)]),
        "executes-again": (200, False, [(296, 500), (296, 500)]),
    },
    start_answer: {"as-printed": (0, 1000, False), "as-booked": (296, 0, True)},
    start_with_less_balance: {
        "refuses": (500, "processing", []),
        "executes-less": (200, "ok", [(696, 100)]),
        "answers-remainder": (200, "processing", []),
    },
    loyalty_start_with_missing_sum: {"refuses": (500, []), "executes": (200, [(296, 500)])},
    cash_start_with_nothing_missing: {"executes": (200, [(0, 349)]), "refuses": (500, [])},
    start_by_another_device: {"executes": 200, "refuses": 500},
    refused_start: {
        "leaves-unchanged": (500, "error", "processing", []),
        "sets-failed": (500, "error", "failed", []),
        "answers-failed": (200, "failed", "failed", []),
    },
    read_while_start_runs: {
        "pending": ("pending", "ok"),
        "approved": ("approved", "ok"),
        "unchanged": ("processing", "ok"),
    },
    refusal_status: {"http-500": 500, "http-400": 400, "http-403": 403, "http-404": 404},
    unknown_card: {"ident-invalid": 200, "refused": 500},
    locked_card: {"ident-invalid": False, "ident-valid": True, "refused": 500},
    pretransaction_without_usable_card: {"applies-nothing": 796, "refused": 500},
    pretransaction_balance: {"not-reserved": 296, "reserved": 796},
    second_pretransaction: {"applies-anew": 200, "refused": 500},
    sum_with_bonus: {"unchanged": (796, 276), "reduced": (776, 276)},
    put_without_idents: {"removes-card": False, "keeps-card": True},
    put_after_pretransaction: {"created": "created", "processing": "processing"},
    wrong_sum: {"refused": 500, "accepted": 200},
    created_lifetime_seconds: {0: ("created", 200), 599: ("timeout", 500), 600: ("created", 200)},
    abort_after_pretransaction: {"aborts": 200, "refused": 500},
    stale_read_seconds: {0: ("ok", "ok"), 15: ("processing", "ok"), 10: ("ok", "ok")},
    read_missing_sum: {"shown": True, "absent": False},
    read_updated: {"shown": True, "absent": False},
    x_action: {
        "ignored": (500, False, [200, 500], 2),
        "honoured": (200, True, [200, 200], 2),
        "honoured-but-for-start": (500, False, [200, 200], 2),
    },
    x_action_kept_seconds: {180: 200, 100: 500},
    x_action_after_refusal: {"repeats-refusal": 500, "executes": 200},
    expired_token: {
        "http-403": (403, 2003, "Valid auth token required"),
        "http-401": (401, 2003, "Valid auth token required"),
    },
    unauthorised_call: {"not-executed": (403, []), "executed": (403, [(296, 500)])},
    authenticate_header: {"refused": 403, "accepted": 200},
    client_credentials_checkouts: {"accepted": (200, 200), "refused": (200, 500)},
    renewal: {"keeps-refresh-token": (False, 200), "replaces-refresh-token": (True, 400)},
    cancelled_status: {"cancelled": ("cancelled", "cancelled"), "canceled": ("canceled", "canceled")},
    cancel_of_mixed_payment: {
        "cancels-all": (200, [(-296, -500)], 500),
        "cancels-card-only": (200, [(0, -500)], 500),
        "refused": (500, [], 0),
    },
    second_cancel: {"refuses": (500, 2, 500), "repeats-answer": (200, 2, 500), "executes-again": (200, 3, 1000)},
    article_number: {"text": "30037", "as-sent": 30037},
    trans_id: {"text": "29187332", "number": 29187332},
    refresh_token_lifetime_seconds: {0: 200, 100: 400, 101: 200},
    product_id: {"as-sent": 1, "text": "1"},
    charge_tax: {"as-sent": [7, 7], "zero": [0, 7]},
    error_code: {"number": 1001, "text": "1001", "http-status": "500"},
    no_idents: {"empty-list": [], "null": None},
    pretransaction_of_nothing: {"processing": "processing", "created": "created"},
}


def settings_of(name: str) -> list[str | float]:
    """Every value of the switch; for one in seconds those that the table has."""
    values = getattr(Switches.model_fields[name].annotation, "__args__", None)
    return list(values or EXPECTED[STORIES[name]])


STORIES = {story.__name__: story for story in EXPECTED}
SETTINGS = [(name, value) for name in STORIES for value in settings_of(name)]


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_each_setting_of_a_switch_does_what_it_says(name: str, value: str | float) -> None:
    till = with_switches(**{name: value})
    assert STORIES[name](till) == EXPECTED[STORIES[name]][value]


def test_no_switch_is_without_a_test() -> None:
    assert {name.replace("_", "-") for name in STORIES} == set(switch_names())


def test_every_default_gives_the_answer_of_its_setting() -> None:
    for name, story in STORIES.items():
        assert story(Till()) == EXPECTED[story][Switches.model_fields[name].default], name


def test_a_doubled_start_of_a_charge_gives_money_away_when_it_executes_again() -> None:
    till = with_switches(second_start="executes-again")
    transaction = till.create(products=[CHARGE])
    till.on(transaction, "start/cash")
    till.on(transaction, "start/cash")
    assert [booking.movement.charged for booking in till.api.ledger] == [1500, 1500]
    assert till.balance() == 3500


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("refuses", (500, "error", [(296, 500)])),
        ("repeats-answer", (200, "processing", [(296, 500)])),
        ("executes-again", (200, "ok", [(296, 500)])),
    ],
)
def test_a_second_start_while_the_first_is_being_executed(setting: str, expected: object) -> None:
    till = with_switches(second_start=setting)
    transaction = due(till)
    begun = till.api.begin(till.request("POST", f"Smart/Transactions/{transaction}/start/cash"), NOON)
    second = till.on(transaction, "start/cash")
    assert isinstance(begun, Begun)
    till.api.finish(begun, NOON)  # where the second was executed, the balance is spent by now
    assert (second.status, field_of(second, "status"), booked(till)) == expected
    assert till.read(transaction)["status"] == "ok"


@pytest.mark.parametrize("end", ["finish", "fail"])
def test_a_second_start_is_not_executed_after_a_cancel_that_came_before_its_end(end: str) -> None:
    till = with_switches(second_start="executes-again")
    transaction = due(till)
    till.on(transaction, "start/cash")
    begun = till.api.begin(till.request("POST", f"Smart/Transactions/{transaction}/start/cash"), NOON)
    till.on(transaction, "cancel")
    getattr(till.api, end)(begun, NOON)
    assert [booking.amount for booking in till.api.ledger] == [296, -296]
    assert till.read(transaction)["status"] == "cancelled"


def test_what_was_executed_never_becomes_failed() -> None:
    till = with_switches(second_start="executes-again", refused_start="answers-failed")
    transaction = due(till)
    till.on(transaction, "start/cash")
    assert till.on(transaction, "start/cash").status == 500  # the balance is spent
    assert till.read(transaction)["status"] == "ok"


def test_a_start_that_is_finished_after_a_reset_is_refused() -> None:
    till = Till()
    begun = till.api.begin(till.request("POST", f"Smart/Transactions/{due(till)}/start/cash"), NOON)
    till.api.reset(Switches())
    assert isinstance(begun, Begun)
    assert till.api.finish(begun, NOON).status == 500


def test_a_stale_read_shows_each_state_when_its_time_has_come() -> None:
    till = with_switches(stale_read_seconds=10)
    transaction = till.create()
    seen = []
    for action in ("preTransaction", "start/cash", "cancel", None, None):
        till.now += 6
        if action:
            till.on(transaction, action)
        seen.append(till.read(transaction)["status"])
    assert seen == ["created", "created", "processing", "ok", "cancelled"]


def test_a_transaction_does_not_reserve_balance_from_itself() -> None:
    till = with_switches(pretransaction_balance="reserved")
    assert [till.missing(transaction) for transaction in [till.create()] * 2] == [296, 296]


def test_a_start_that_was_refused_may_be_sent_again_when_it_left_the_transaction_unchanged() -> None:
    till = Till()
    transaction = due(till)
    spend(till, 0)
    assert till.on(transaction, "start/cash").status == 500
    spend(till, 500)
    assert till.on(transaction, "start/cash").status == 200


def test_a_remainder_that_was_answered_can_be_paid() -> None:
    till = with_switches(start_with_less_balance="answers-remainder")
    transaction = due(till)
    spend(till, 100)
    assert field_of(till.on(transaction, "start/cash"), "basket_info", "missing_sum") == 696
    till.on(transaction, "start/cash")
    assert booked(till) == [(696, 100)]


@pytest.mark.parametrize("setting", ["refuses", "executes-less", "answers-remainder"])
def test_more_than_the_card_holds_is_never_discharged(setting: str) -> None:
    till = with_switches(start_with_less_balance=setting)
    transaction = till.create(products=[DISCHARGE | {"priceOne": 501}])
    assert till.on(transaction, "start/loyalty").status == 500
    assert till.balance() == 500


def test_no_remainder_is_answered_for_what_was_executed() -> None:
    till = with_switches(start_with_less_balance="answers-remainder", second_start="executes-again")
    transaction = due(till)
    till.on(transaction, "start/cash")
    before = till.read(transaction)
    assert till.on(transaction, "start/cash").status == 500
    assert till.read(transaction) == before


def test_a_reserved_balance_comes_back_with_an_abort() -> None:
    till = with_switches(pretransaction_balance="reserved")
    till.on(due(till), "abort")
    assert till.missing(till.create()) == 296


def test_a_repeated_action_while_the_first_is_executed_shows_what_a_read_shows() -> None:
    till = with_switches(x_action="honoured")
    transaction = due(till)
    request = till.request("POST", f"Smart/Transactions/{transaction}/start/cash", x_action="a1")
    begun = till.api.begin(request, NOON)
    repeated = till.api.begin(request, NOON)
    assert isinstance(begun, Begun)
    assert not isinstance(repeated, Begun)
    assert field_of(repeated, "status") == "pending"
    till.api.finish(begun, NOON)
    assert len(till.api.ledger) == 1


def test_switches_can_be_changed_while_the_api_runs() -> None:
    till = Till()
    transaction = due(till)
    till.on(transaction, "start/cash")
    till.api.switches = Switches(second_start="repeats-answer")
    assert till.on(transaction, "start/cash").status == 200


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"second-strat": "refuses"}, "switch second-strat: there is none of this name; did you mean second-start?"),
        (
            {"second-start": "maybe"},
            "switch second-start: input should be 'refuses', 'repeats-answer' or 'executes-again'",
        ),
        ({"stale-read-seconds": "-1"}, "switch stale-read-seconds: input should be greater than or equal to 0"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line_that_says_what_is_right(settings: Json, problem: str) -> None:
    with pytest.raises(UnknownSetting) as refused:
        switches_from(settings)
    assert str(refused.value) == problem


def test_all_wrong_settings_are_reported_at_once() -> None:
    with pytest.raises(UnknownSetting) as refused:
        switches_from({"x": "1", "no-idents": "y"})
    assert len(str(refused.value).splitlines()) == 2


def test_a_setting_without_value_is_refused() -> None:
    assert setting_from("second-start=refuses") == ("second-start", "refuses")
    with pytest.raises(UnknownSetting, match="write it as NAME=VALUE"):
        setting_from("second-start")


def test_settings_are_added_to_others() -> None:
    base = Switches(second_start="executes-again")
    assert switches_from({"no-idents": "null"}, base) == Switches(second_start="executes-again", no_idents="null")
    assert SimulatedApi(switches=base).switches is base
