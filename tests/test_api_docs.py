"""docs/api.md says how long is waited: the program's figures, each layer longer than the one below."""

import re
from pathlib import Path

from agent.checkout.state import STALE_READ_S, Rules
from agent.checkout.step import BACKGROUND_AFTER_S
from agent.kiosk.client import TERMINAL_TIMEOUT_S
from agent.service import LOGIN_AHEAD_S
from agent.smart.access import MARGIN_S
from agent.smart.transport import Timeouts
from config.settings import LONGEST_AT_TERMINAL_S, Api

PAGE = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
ROWS = re.findall(r"^\|[^|]*\|[^|]*\| (\d+) \| `?([^|`]+)`? \|$", PAGE, re.MULTILINE)
LADDER = [(name, float(seconds)) for seconds, name in ROWS]


def test_the_ladder_is_the_programs() -> None:
    timeouts = Timeouts()
    assert dict(LADDER) == {
        "connect_s": timeouts.connect_s,
        "request_s": timeouts.request_s,
        "token_s": timeouts.token_s,
        "(documented)": 120.0,
        "blocking_s": timeouts.blocking_s,
        "LOGIN_AHEAD_S": LOGIN_AHEAD_S,
        "TERMINAL_TIMEOUT_S": TERMINAL_TIMEOUT_S,
    }


def test_each_layer_waits_longer_than_the_one_below() -> None:
    seconds = [waits for _, waits in LADDER]
    assert seconds == sorted(set(seconds))


def test_a_token_is_renewed_before_it_is_too_short_for_the_longest_call() -> None:
    assert LONGEST_AT_TERMINAL_S + MARGIN_S <= LOGIN_AHEAD_S
    assert Timeouts().blocking_s == Rules().at_terminal_s == Api.model_fields["terminal_timeout_s"].default


def test_the_times_beside_the_ladder_are_the_programs() -> None:
    assert f"kept for {BACKGROUND_AFTER_S:.0f} s" in " ".join(PAGE.split())
    assert f"`[api] late_window_s` ({Rules().late_window_s:.0f}) and {STALE_READ_S:.0f} s" in " ".join(PAGE.split())
