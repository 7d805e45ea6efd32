"""The running agent, asked by the other commands: HTTP over its control socket.

Ports, readers, journal and token have one owner. While an agent runs on the state directory it is that owner, and
whoever reaches its control socket is an operator.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from agent.kiosk.sent_events import LONGEST_EVENT_BYTES, SILENCE_TIMEOUT_S, sent_events
from config.settings import Settings

ANSWER_TIMEOUT_S = 10.0
"""The agent answers from its memory or its journal; a disk that takes longer is out of order."""
PROBLEM = "application/problem+json"  # RFC 9457

JsonObject = dict[str, object]
Shape = TypeVar("Shape", bound=BaseModel)


class ControlError(Exception):
    """The agent cannot be asked, or its answer is no. The text is one plain line that says what to do."""


class Unreachable(ControlError):
    """Something is at the control socket, and it does not answer as an agent does."""


class SaidNo(ControlError):
    """The agent answered with a problem document. `name` is the end of its type, as "no-such-checkout"."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


class RunningAgent:
    """An agent that answers. Each call raises ControlError."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, **query: str | int) -> JsonObject:
        return await self._ask("GET", path, query, None)

    async def post(self, path: str, body: Mapping[str, object]) -> JsonObject:
        """Return the object of the answer; an empty one where the agent has nothing to say."""
        return await self._ask("POST", path, {}, body)

    async def events(self) -> AsyncGenerator[tuple[str, JsonObject], None]:
        """Yield each event by its name, the snapshot first, until the agent stops."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=SILENCE_TIMEOUT_S)
        try:
            async with self._session.get("/v1/events", timeout=timeout) as response:
                if response.content_type == PROBLEM:
                    raise _refusal(await response.read())
                async with aclosing(sent_events(response.content)) as events:
                    async for fields in events:
                        yield fields["event"], _object(fields.get("data", "").encode())
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            raise _unreachable(error) from error

    async def snapshot(self) -> JsonObject:
        """Return everything that is so at this moment."""
        async with aclosing(self.events()) as events:
            async for _, told in events:
                return told
        raise Unreachable("the agent is being stopped: try again when it runs")

    async def _ask(
        self, method: str, path: str, query: Mapping[str, str | int], body: Mapping[str, object] | None
    ) -> JsonObject:
        try:
            async with self._session.request(method, path, params=query, json=body) as response:
                content = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from error
        if response.content_type == PROBLEM:
            raise _refusal(content)
        return _object(content or b"{}")


@asynccontextmanager
async def agent_at(settings: Settings) -> AsyncIterator[RunningAgent | None]:
    """Reach the agent that runs on this state directory; None when no agent answers there. Raises Unreachable."""
    if not await _is_answered(settings.control_socket):
        yield None
        return
    connector = aiohttp.UnixConnector(str(settings.control_socket))
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
    async with aiohttp.ClientSession(
        "http://tillwire", connector=connector, timeout=timeout, read_bufsize=LONGEST_EVENT_BYTES
    ) as session:
        yield RunningAgent(session)


def in_shape(shape: type[Shape], told: JsonObject) -> Shape:
    """Return an answer of the agent as the shape that this release knows. Raises Unreachable."""
    try:
        return shape.model_validate(told)
    except ValidationError:
        raise Unreachable("the running agent is of another release than this command: restart the agent") from None


async def _is_answered(path: Path) -> bool:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            _, writer = await asyncio.open_unix_connection(path)
    except (FileNotFoundError, ConnectionRefusedError):  # no agent, or one that was killed and left its socket
        return False
    except PermissionError:
        raise Unreachable(f"{path}: permission denied; do this as root or as the agent's user") from None
    except OSError as error:
        raise _unreachable(error) from error
    writer.close()
    await writer.wait_closed()
    return True


def _unreachable(error: Exception) -> Unreachable:
    return Unreachable(f"the agent's control socket does not answer ({type(error).__name__}): restart the agent")


def _object(content: bytes) -> JsonObject:
    try:
        told = from_json(content)
    except ValueError as error:
        raise _unreachable(error) from error
    if not isinstance(told, dict):
        raise _unreachable(TypeError())
    return told


def _refusal(content: bytes) -> SaidNo:
    """Make one plain line of a problem document."""
    problem = _object(content)
    sentences = [text for key in ("title", "detail") if isinstance(text := problem.get(key), str)]
    fields = problem.get("problems")
    sentences += [f"{each['field']}: {each['message']}" for each in (fields if isinstance(fields, list) else ())]
    checkout = problem.get("checkout")
    if isinstance(checkout, dict):
        sentences.append(f"It is {checkout.get('phase')}.")
    name = str(problem.get("type", "")).rpartition(":")[2]
    return SaidNo(" ".join(sentences), name)
