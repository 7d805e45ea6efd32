"""What the header `X-Action` does where it is honoured: a call with an id seen before is not executed again. Pure.

Known only from the old SDKs; whether today's server does so is not documented. While the first call with an id is
still being executed, a repeated one is answered with what a read shows.
"""

from dataclasses import dataclass, field
from typing import Final

from agent.simulator.messages import Answer, Request
from agent.simulator.switches import Switches

_MAX_ACTIONS: Final = 10_000  # the oldest are forgotten then

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A call with an id: its answer, or the transaction whose start it began."""

    at: float
    answer: Answer | None = None
    running: str | None = None


@dataclass(slots=True)
class Actions:
    """The ids that are remembered, oldest first."""

    _actions: dict[_Key, Action] = field(default_factory=dict, repr=False)

    def find(self, request: Request, switches: Switches, now: float) -> Action | None:
        """The first call with this id, if it counts."""
        action = self._actions.get(_key(request))
        if action is None or not _is_honoured(request, switches) or now - action.at >= switches.x_action_kept_seconds:
            return None
        refused = action.answer is not None and not action.answer.is_good
        return None if refused and switches.x_action_after_refusal == "executes" else action

    def remember(self, request: Request, action: Action) -> None:
        if request.method == "GET" or "x-action" not in request.headers:
            return
        self._actions[_key(request)] = action
        if len(self._actions) > _MAX_ACTIONS:
            del self._actions[next(iter(self._actions))]


def _is_honoured(request: Request, switches: Switches) -> bool:
    is_start = "/start/" in request.path.lower()
    return switches.x_action == "honoured" or (switches.x_action == "honoured-but-for-start" and not is_start)


def _key(request: Request) -> _Key:
    return request.headers.get("x-action", ""), request.method, request.path
