"""Where the program meets the machine: its threads, ports, clock, randomness, and who else listens.

Everything here can be handed to the service as something else, so that a test, a demo or a replay can put something
real but impatient in its place.
"""

import secrets
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from agent.checkout.evidence_state import SETTLING_S
from agent.chosen_devices import ChosenDevices, Tools, choose
from agent.till.listener import Listener
from agent.till.till import Till
from config.settings import DEFAULT_FILE, Settings
from device.drawer import Opener
from device.tty import open_tty

SEED_BITS = 32
ID_HALF_BYTES = 5
"""A checkout's id is random, 80 bits, so that nobody guesses the id of another customer's."""


def journal_thread() -> Executor:
    """One thread: a slow disk stalls nothing but the journal."""
    return ThreadPoolExecutor(1, "journal")


def now() -> datetime:
    """The time for people."""
    return datetime.now().astimezone()


def new_checkout_id() -> str:
    """With a letter between ten digits and ten: twelve in a row would be masked wherever card numbers are."""
    return f"co_{secrets.token_hex(ID_HALF_BYTES)}j{secrets.token_hex(ID_HALF_BYTES)}"


def unheard(listener: Listener) -> Listener:
    """Nobody else listens to the till."""
    return listener


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Where the program meets the machine. `beside` gives what runs beside the till."""

    executor: Callable[[], Executor] = journal_thread
    opener: Opener = open_tty
    settling_s: float = SETTLING_S  # so long an opened port may open the drawer by itself
    beside: Callable[[Till], Iterable[Coroutine[None, None, None]]] = lambda _till: ()
    beside_no_till: Callable[[str], Iterable[Coroutine[None, None, None]]] = lambda _why: ()  # journal damaged
    choose: Callable[[Settings, Tools], ChosenDevices] = choose
    wall: Callable[[], datetime] = now
    new_id: Callable[[], str] = new_checkout_id
    seed: int = field(default_factory=partial(secrets.randbits, SEED_BITS))  # of the jitter between two tries
    listening: Callable[[Listener], Listener] = unheard
    record: Path | None = None  # the file that a recording is written to
    config_file: Path = DEFAULT_FILE  # what the settings were read from: the fleet may change some of them
