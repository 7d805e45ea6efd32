"""Logins: each documented grant, its answer and its refusals."""

import base64
from urllib.parse import urlencode

import pytest

from agent.simulator import CLIENT_ID, CLIENT_SECRET, DEVICE_UUID, Request
from tests.test_simulator_api import CLIENT, NOON, Json, Till, device_login, field_of

SDV = "SDV_2YJDXYESB2YBHECVB5GQGSYPNM8UA6"
STRONG_PIN = "CxajtF94uLi4s7d3"


def register(till: Till) -> Json:
    return till.body("POST", "/oauth/token", {"grant_type": "device", "uuid": DEVICE_UUID} | CLIENT)


def poll(till: Till, pairing: Json) -> tuple[int, object]:
    answer = till.answer("POST", "/oauth/token", device_login(pairing))
    return answer.status, field_of(answer, "error") if not answer.is_good else None


def device_session(till: Till) -> Json:
    pairing = register(till)
    assert till.api.logins.confirm(str(pairing["user_code"]), till.now)
    return till.body("POST", "/oauth/token", device_login(pairing))


def test_client_credentials() -> None:
    body = Till().body("POST", "/oauth/token", {"grant_type": "client_credentials"} | CLIENT)
    token = str(body.pop("access_token"))
    assert body == {"expires_in": 1200, "token_type": "bearer", "scope": "https://scope.secucard.com/e/api"}
    assert len(token) == 26


def test_a_token_lives_for_1200_seconds() -> None:
    till = Till()
    till.now += 1199.9
    assert till.answer("GET", "General/Merchants/me").status == 200
    till.now += 0.1
    answer = till.answer("GET", "General/Merchants/me")
    assert (answer.status, answer.reason) == (403, "ProductNotAllowedException")
    assert isinstance(answer.body, dict)
    assert answer.body == {
        "status": "error",
        "error": "ProductNotAllowedException",
        "error_details": "Valid auth token required",
        "error_user": "Es ist ein unbekannter Fehler aufgetreten (Code 2003)",
        "code": 2003,
        "supportId": answer.body["supportId"],
    }


def test_a_device_registration_answers_codes_in_the_documented_shapes() -> None:
    body = register(Till())
    assert (len(str(body.pop("device_code"))), len(str(body.pop("user_code")))) == (32, 8)
    assert body == {"verification_url": "http://www.secuoffice.com", "expires_in": 1200, "interval": 5}


def test_polling_is_pending_until_a_person_enters_the_user_code() -> None:
    till = Till()
    pairing = register(till)
    assert poll(till, pairing) == (401, "authorization_pending")
    assert not till.api.logins.confirm("00000000", NOON)
    assert till.api.logins.confirm(str(pairing["user_code"]), NOON)
    assert poll(till, pairing) == (200, None)


def test_a_user_code_that_nobody_enters_in_time_is_worth_nothing() -> None:
    till = Till()
    pairing = register(till)
    till.now += 1200
    assert not till.api.logins.confirm(str(pairing["user_code"]), till.now)
    assert poll(till, pairing) == (401, "invalid_device")


def test_a_device_code_logs_in_again_for_ever() -> None:
    till = Till()
    pairing = register(till)
    till.api.logins.confirm(str(pairing["user_code"]), NOON)
    till.now += 1_000_000
    assert poll(till, pairing) == (200, None)


def test_a_device_session_has_a_refresh_token_and_no_scope() -> None:
    body = device_session(Till())
    assert (len(str(body["access_token"])), len(str(body["refresh_token"])), body["scope"]) == (26, 40, None)


def test_a_new_access_token_ends_the_former_one_of_the_same_device() -> None:
    till = Till()
    session = device_session(till)
    till.token = str(session["access_token"])
    refresh = {"grant_type": "refresh_token", "refresh_token": session["refresh_token"]} | CLIENT
    renewed = till.body("POST", "/oauth/token", refresh)
    assert sorted(renewed) == ["access_token", "expires_in", "scope", "token_type"]
    assert till.answer("GET", "General/Merchants/me").status == 403
    till.token = str(renewed["access_token"])
    assert till.answer("GET", "General/Merchants/me").status == 200


def test_client_credentials_tokens_do_not_end_each_other() -> None:
    till = Till()
    till.login()
    assert till.answer("GET", "General/Merchants/me").status == 200


def test_a_device_pin_is_set_through_the_api_and_logs_in() -> None:
    till = Till()
    login = {"grant_type": "device_pin", "uuid": DEVICE_UUID, "device_pin": STRONG_PIN} | CLIENT
    assert till.answer("POST", "/oauth/token", login).status == 400
    assert till.body("PUT", f"Smart/Devices/{SDV}/devicePin", {"pin": STRONG_PIN}) == {"result": True}
    body = till.body("POST", "/oauth/token", login)
    assert sorted(body) == ["access_token", "expires_in", "scope", "token_type"]
    config = till.body("GET", f"Smart/Devices/{SDV}/devicePinConfig")
    assert config["smart_device"] == {"id": SDV, "auth_password_set": True}


@pytest.mark.parametrize("pin", ["Short1!aB", "alllowercaseletters", "Repeeeated-Letters-1", "Sequence-abc-X7q9", None])
def test_a_weak_device_pin_is_refused_with_the_apis_error_body(pin: object) -> None:
    answer = Till().answer("PUT", f"Smart/Devices/{SDV}/devicePin", {"pin": pin})
    assert (answer.status, field_of(answer, "status")) == (500, "error")


def test_a_user_code_can_be_confirmed_through_the_api() -> None:
    till = Till()
    pairing = register(till)
    assert till.body("PUT", f"Smart/Devices/{SDV}/pin", {"user_pin": pairing["user_code"]}) == {"result": True}
    assert poll(till, pairing) == (200, None)
    assert till.answer("PUT", f"Smart/Devices/{SDV}/pin", {"user_pin": "none"}).status == 500
    assert till.answer("PUT", "Smart/Devices/SDV_0/pin", {"user_pin": "none"}).status == 500


@pytest.mark.parametrize(
    ("fields", "status", "error", "description"),
    [
        (
            {"grant_type": "client_credentials"},
            400,
            "invalid_client",
            "Client credentials were not found in the headers or body",
        ),
        (
            {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"},
            400,
            "invalid_client",
            "The client credentials are invalid",
        ),
        ({"grant_type": "foo"} | CLIENT, 400, "unsupported_grant_type", 'Grant type "foo" not supported'),
        (CLIENT, 400, "invalid_request", "The grant type was not specified in the request"),
        ({"grant_type": "device"} | CLIENT, 400, "invalid_request", 'Missing parameters: "uuid" or "code" required'),
        (
            {"grant_type": "device", "uuid": "/vendor/nobody"} | CLIENT,
            401,
            "invalid_device",
            "device with given uuid not configured",
        ),
    ],
)
def test_documented_refusals(fields: Json, status: int, error: str, description: str) -> None:
    answer = Till().answer("POST", "/oauth/token", fields)
    assert answer.status == status
    assert answer.body == {"error": error, "error_description": description}


@pytest.mark.parametrize("fields", [{"refresh_token": "0" * 40}, {}])
def test_an_unknown_refresh_token_is_refused(fields: Json) -> None:
    answer = Till().answer("POST", "/oauth/token", {"grant_type": "refresh_token"} | CLIENT | fields)
    assert (answer.status, field_of(answer, "error")) == (400, "invalid_grant")


def test_form_fields_are_taken_as_well_as_json() -> None:
    body = urlencode({"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    request = Request(method="POST", path="/oauth/token", headers=headers, body=body.encode())
    assert Till().api.answer(request, NOON).status == 200


@pytest.mark.parametrize(("credentials", "status"), [(f"{CLIENT_ID}:{CLIENT_SECRET}", 200), ("a:b", 400), (None, 400)])
def test_client_credentials_may_come_in_the_header(credentials: str | None, status: int) -> None:
    encoded = base64.b64encode(credentials.encode()).decode() if credentials else "%%%"
    answer = Till().answer(
        "POST", "/oauth/token", {"grant_type": "client_credentials"}, authorization=f"Basic {encoded}"
    )
    assert answer.status == status


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer nothing", "Basic eDp5", "nothing"])
def test_without_a_valid_bearer_token_nothing_is_done(header: str) -> None:
    till = Till()
    assert till.answer("POST", "Smart/Transactions", {}, authorization=header).status == 403
    assert till.body("GET", "Smart/Transactions")["count"] == 0
