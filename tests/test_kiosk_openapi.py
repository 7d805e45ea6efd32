"""The description of the interface says what the interface does; and the page uses nothing else."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_args

from agent.checkout.state import Json
from agent.kiosk.described_refusals import refusals
from agent.kiosk.event_answers import EventData
from agent.kiosk.openapi import describe
from agent.kiosk.problems import TITLES
from agent.kiosk.roles import Role
from agent.kiosk.routes import ROUTES
from tests.kiosk_bench import whole_agent

DOCUMENT = describe(ROUTES, "1.0")


def parts(value: object) -> Iterator[Json]:
    """Every object of the document."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from parts(each)
    elif isinstance(value, list):
        for each in value:
            yield from parts(each)


def operations() -> dict[tuple[str, str], Any]:
    paths: Any = DOCUMENT["paths"]
    return {(method.upper(), path): each for path, methods in paths.items() for method, each in methods.items()}


def schemas() -> dict[str, Any]:
    components: Any = DOCUMENT["components"]
    found: dict[str, Any] = components["schemas"]
    return found


def test_every_call_is_described_with_its_role() -> None:
    described = operations()
    assert set(described) == {(route.method, route.path) for route in ROUTES}
    for route in ROUTES:
        assert described[route.method, route.path].get("x-role") == route.needs
        assert ("security" in described[route.method, route.path]) == (route.needs is not None)


def test_operations_have_names_of_their_own() -> None:
    names = [each["operationId"] for each in operations().values()]
    assert len(set(names)) == len(names)


def test_everything_that_is_referred_to_is_there() -> None:
    references = {str(part["$ref"]) for part in parts(DOCUMENT) if "$ref" in part}
    assert references
    for reference in references:
        assert reference.removeprefix("#/components/schemas/") in schemas()


def test_the_shape_of_every_event_is_there() -> None:
    assert {shape.__name__ for shape in get_args(EventData)} <= set(schemas())


def test_every_refusal_is_a_problem_document_that_names_its_types() -> None:
    for operation in operations().values():
        refused = {status: each for status, each in operation["responses"].items() if int(status) >= 400}
        assert {"403", "422", "429", "500", "503"} <= set(refused)
        for answer in refused.values():
            of_all, of_these = answer["content"]["application/problem+json"]["schema"]["allOf"]
            assert of_all == {"$ref": "#/components/schemas/ProblemAnswer"}
            assert of_these["properties"]["type"]["enum"]


def test_every_type_of_a_problem_is_described_somewhere() -> None:
    """What no call can answer is named by no call: a method or an address that is not in the table."""
    described = {name for route in ROUTES for names in refusals(route).values() for name in names}
    assert set(TITLES) - described == {"method-not-allowed"}


def conflicts_of(method: str, path: str) -> set[str]:
    [route] = [each for each in ROUTES if (each.method, each.path) == (method, path)]
    return set(refusals(route).get(HTTPStatus.CONFLICT, ()))


def test_a_conflict_is_described_for_the_calls_that_the_checkout_table_refuses_so() -> None:
    assert conflicts_of("POST", "/v1/checkouts") == {"another-is-active", "handed-over-already"}
    assert conflicts_of("POST", "/v1/drawer/open") == {"no-room"}
    assert conflicts_of("POST", "/v1/checkouts/{id}/cancel") == {"too-late", "not-allowed"}
    assert "offline" in conflicts_of("POST", "/v1/checkouts/{id}/pay")
    for method, path in (("GET", "/v1/checkouts"), ("POST", "/v1/checkouts/{id}/print")):
        assert conflicts_of(method, path) == set()


def test_a_wrong_idempotency_key_is_described_for_every_call_since_every_call_refuses_it() -> None:
    for route in ROUTES:
        assert "idempotency-key-invalid" in refusals(route)[HTTPStatus.BAD_REQUEST]


def test_every_parameter_of_a_path_is_described() -> None:
    for (_, path), operation in operations().items():
        named = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))


def test_every_post_takes_an_idempotency_key() -> None:
    for (method, _), operation in operations().items():
        assert (method == "POST") == any(each["name"] == "Idempotency-Key" for each in operation["parameters"])


def test_unknown_fields_are_ruled_out_in_what_is_asked() -> None:
    for route in ROUTES:
        if route.body.__name__ in schemas():
            assert schemas()[route.body.__name__]["additionalProperties"] is False


async def test_a_checkout_has_exactly_the_fields_that_are_described(tmp_path: Path) -> None:
    async with whole_agent(tmp_path) as bench:
        created = await bench.call("POST", "/v1/checkouts")
        served = await bench.call("GET", "/openapi.json", role=None)
        events = await bench.call("POST", "/v1/tickets", role=Role.OPERATOR)
    described = served.body["components"]["schemas"]
    assert set(created.body) == set(described["CheckoutAnswer"]["required"])
    assert set(events.body) == set(described["TicketAnswer"]["required"])
