"""How the till stands at the moment at which it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.checkout.state import Api, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """How the till stands now. Ages in seconds; `devices` gives the state of each by name and kind."""

    version: str
    ready: bool
    busy: bool
    api: Api
    drawer: Level
    waiting_payments: int
    oldest_waiting_s: float
    attention: int
    event_readers: int
    devices: Mapping[tuple[str, str], str]
