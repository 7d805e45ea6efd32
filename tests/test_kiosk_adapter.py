"""Between HTTP and a call: whatever goes wrong there, the caller gets a problem document."""

from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agent.checkout.events import CancelAsked
from agent.checkout.state import Phase
from agent.checkout.step import NotAllowed
from agent.kiosk.access import Door
from agent.kiosk.adapter import as_handler
from agent.kiosk.call import Call, Route
from agent.kiosk.queries import NoQuery
from agent.kiosk.requests import Nothing
from agent.kiosk.roles import Role
from tests.kiosk_bench import whole_agent


async def too_late(_: Call[Nothing, NoQuery]) -> web.Response:
    raise NotAllowed("too_late", Phase.COMPLETED, CancelAsked())


async def test_a_conflict_whose_checkout_is_gone_meanwhile_is_a_problem_document(tmp_path: Path) -> None:
    path = "/v1/checkouts/{id}"
    route = Route("POST", path, "", too_late, {})
    door = Door(hosts=None, request_timeout_s=30.0, everyone=Role.OPERATOR)
    async with whole_agent(tmp_path) as bench:
        app = web.Application()
        app.router.add_post(path, as_handler(bench.kiosk, door, route))
        async with TestClient(TestServer(app)) as client, client.post("/v1/checkouts/co_gone") as answered:
            problem = await answered.json(content_type="application/problem+json")
            assert (answered.status, problem["type"]) == (404, "urn:tillwire:problem:no-such-checkout")
