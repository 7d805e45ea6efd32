"""What happens in a run, drawn from its seed before anything begins.

Each part is drawn from a stream of its own, so that a change of one part leaves the others as they were, and a kept
seed goes on telling much the same story.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, get_args

from agent.checkout.evidence_state import DrawerRules
from agent.checkout.offline import SECONDS_PER_HOUR, OfflineLimits
from agent.checkout.state import STALE_READ_S, Confirmation
from agent.simulator.faults import ABOUT, CONNECT, TIMES, Fault, Kind
from agent.simulator.switches import Switches
from tests.faults.aims import LATER_AIMS, aim, meets
from tests.faults.plan_customer import Customer, draw_customers
from tests.faults.plan_machine import (
    Crash,
    Point,
    SlowSync,
    Trouble,
    draw_crashes,
    draw_slow_syncs,
    draw_troubles,
    within_syncs,
)

LATE_WINDOW_S = 60.0
"""What the configuration says by default."""
LONGEST_ON_THE_LINE_S = 10.0
"""A request is at the server within this time of being sent (`lines.py`), or never."""
LONGEST_DELAY_S = 20.0
"""Latency and execution time that are drawn, each at most once in a run."""

OFTEN_FOLLOWED = 0.125
"""Writing the event stream out takes a fifth of a run; in the others only its numbers are looked at."""
OFTEN_REVERSED = 0.3
OFTEN_MET = 0.7
"""So often the first customer does what makes the call that the first fault strikes."""
OFTEN_AIMED_LATER = 0.01
"""So many runs have each of the aims that were added to the others."""
OFTEN_AIMED = 0.15
"""So many runs are aimed at what a careless agent would not survive (`aims.py`)."""

LoginBy = Literal["device", "device-pin", "client-credentials"]
Passed = Callable[[Point], None]
CALLS = (
    "login",
    "merchant",
    "validateMerchantcard",
    "cards",
    "create",
    "update",
    "preTransaction",
    "read",
    "start/cash",
    "start/loyalty",
    "start/cashless",
    "abort",
    "cancel",
    "cancelTrx",
)
"""The calls that this till makes."""

TELLING = (Kind.EXECUTED_LATE, Kind.EXECUTED_LATE, Kind.EXECUTED_LATE, Kind.ANOTHER_TRANSACTION, Kind.EXPIRED_TOKEN)
"""Faults that are drawn more often: a careless agent breaks the law under them soonest."""
SELDOM_MADE = ("update", "abort", "start/loyalty", "start/cashless", "cancel", "cancelTrx")
"""Of these the faults are drawn more often, so that they are struck often enough."""

SELDOM = {
    "client_credentials_checkouts": "refused",
    "wrong_sum": "accepted",
    "unauthorised_call": "executed",
}
"""Settings that end most checkouts at once, or that make no difference to a till: one run in eight has each."""
DURATIONS = {
    "created_lifetime_seconds": (0.0, 0.0, 45.0, 400.0),
    "stale_read_seconds": (0.0, 2.0, STALE_READ_S),
    "x_action_kept_seconds": (1.0, 180.0),
    "refresh_token_lifetime_seconds": (0.0, 60.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run."""

    seed: int
    switches: Switches
    faults: tuple[Fault, ...]
    outages: tuple[tuple[float, float], ...]  # from, for so long: nobody can connect
    cuts: tuple[float, ...]  # all lines are cut at these times
    troubles: tuple[Trouble, ...]
    crashes: tuple[Crash, ...]
    customers: tuple[Customer, ...]
    drawer: DrawerRules
    offline: OfflineLimits
    drawer_lost: tuple[tuple[float, float], ...]  # from, for so long: its port is gone
    key_turned: tuple[float, ...]  # somebody opens the drawer with the key
    expires: tuple[float, ...]  # the server forgets every token
    device_removed: tuple[tuple[float, float], ...]  # from, for so long: the API does not know the till
    slow_disk: float  # how often a job takes long
    slow_syncs: tuple[SlowSync, ...]
    login: LoginBy
    reverses: bool  # the staff takes back what is completed
    followed: bool  # a screen follows the event stream
    hasty_hands: bool  # somebody presses whatever there is to press


def stream(seed: int, name: str) -> Random:
    """The dice for one part of a run."""
    return Random(f"{seed} {name}")  # noqa: S311 - dice


def draw(seed: int) -> Plan:
    """The plan of this seed. At least two customers, and one crash or fault."""
    plan, aiming = _draw(seed), stream(seed, "aim")
    for name, later_aim in LATER_AIMS.items():
        dice = stream(seed, name)
        if dice.random() < OFTEN_AIMED_LATER:
            return later_aim(plan, dice)
    if aiming.random() < OFTEN_AIMED:
        return aim(plan, aiming)
    if plan.faults and aiming.random() < OFTEN_MET:
        return meets(plan, plan.faults[0].call)
    return plan


def _draw(seed: int) -> Plan:
    troubled = stream(seed, "trouble")
    faults = _faults(stream(seed, "faults"), seed)
    crashes = draw_crashes(stream(seed, "crashes"), at_least=not faults)
    customers = draw_customers(stream(seed, "customers"), at_the_terminal=_strikes(faults, _AT_THE_TERMINAL))
    people = stream(seed, "people")
    return Plan(
        seed=seed,
        switches=_switches(stream(seed, "switches")),
        faults=faults,
        outages=_times(troubled, 0.2, (1.0, 60.0)),
        cuts=tuple(at for at, _ in _times(troubled, 0.1, (0.0, 0.0))),
        troubles=draw_troubles(stream(seed, "disk")),
        crashes=within_syncs(crashes, stream(seed, "syncs")),
        customers=customers,
        drawer=_drawer(stream(seed, "drawer")),
        offline=_offline(stream(seed, "offline"), stream(seed, "offline sums")),
        drawer_lost=_times(troubled, 0.15, (0.5, 20.0)),
        key_turned=tuple(at for at, _ in _times(troubled, 0.15, (0.0, 0.0))),
        expires=tuple(at for at, _ in _times(troubled, 0.1, (0.0, 0.0))),
        slow_disk=troubled.choice((0.0, 0.0, 0.05)),
        slow_syncs=draw_slow_syncs(stream(seed, "slow syncs")),
        hasty_hands=troubled.random() < 0.25,
        login=people.choice(get_args(LoginBy)),
        device_removed=_times(people, 0.06, (5.0, 60.0)),
        reverses=people.random() < OFTEN_REVERSED or _strikes(faults, _TAKING_BACK),
        followed=troubled.random() < OFTEN_FOLLOWED,
    )


_AT_THE_TERMINAL = frozenset({"start/cashless", "cancelTrx"})
_TAKING_BACK = frozenset({"cancel", "cancelTrx"})


def _strikes(faults: tuple[Fault, ...], calls: frozenset[str]) -> bool:
    """A fault of one of these calls is planned: then it had better be made."""
    return any(fault.call in calls for fault in faults)


def settings_of(name: str) -> tuple[object, ...]:
    """The settings that are drawn for a switch."""
    return (
        tuple(dict.fromkeys(DURATIONS[name])) if name in DURATIONS else get_args(Switches.model_fields[name].annotation)
    )


def _switches(dice: Random) -> Switches:
    chosen: dict[str, Any] = {}
    for name in Switches.model_fields:
        if name in SELDOM:
            others = [each for each in settings_of(name) if each != SELDOM[name]]
            chosen[name] = SELDOM[name] if dice.random() < 1 / 8 else dice.choice(others)
        else:
            chosen[name] = dice.choice(DURATIONS.get(name) or settings_of(name))
    return Switches.model_construct(**chosen)


FAULTS = tuple(
    (call, kind)
    for kind in Kind
    for call in ((CONNECT,) if kind is Kind.SLOW_TLS else CALLS)
    if kind is not Kind.FAILED or call.startswith("start/")
)
"""Every fault of every call."""


def _faults(dice: Random, seed: int) -> tuple[Fault, ...]:
    """The first is each seed's own, so that each is planned equally often; the others are drawn."""
    planned: list[Fault] = []
    further = dice.choice((None, 0, 0, 1, 1, 2, 3))
    if further is None:
        return ()
    call, kind = FAULTS[seed % len(FAULTS)]
    planned.append(_fault(dice, call, kind, planned))
    for _ in range(further):
        call = dice.choice((*CALLS, *SELDOM_MADE, *SELDOM_MADE))
        kinds = [kind for kind in Kind if _may_strike(kind, call, planned)]
        kind = dice.choice([*kinds, *(kind for kind in TELLING if kind in kinds)])
        planned.append(_fault(dice, CONNECT if kind is Kind.SLOW_TLS else call, kind, planned))
    return tuple(planned)


def _may_strike(kind: Kind, call: str, planned: list[Fault]) -> bool:
    if kind is Kind.FAILED:
        return call.startswith("start/")
    return kind not in TIMES or all(fault.kind is not kind for fault in planned)


def _fault(dice: Random, call: str, kind: Kind, planned: list[Fault]) -> Fault:
    options: dict[str, Any] = {}
    known = ABOUT[kind].options
    if "seconds" in known:
        options["seconds"] = dice.uniform(0.5, LONGEST_DELAY_S)
    if kind is Kind.EXECUTED_LATE:
        slowest = 2 * LONGEST_DELAY_S if any(fault.kind in TIMES for fault in planned) else 0.0
        options["seconds"] = dice.uniform(1.0, LATE_WINDOW_S - LONGEST_ON_THE_LINE_S - slowest)
    if "connection" in known:
        options["connection"] = dice.choice(("closed", "silent"))
    if "executes" in known:
        options["executes"] = dice.random() < 0.5
    if "field" in known:
        options["field"] = dice.choice(("status", "id", "basket_info", "missing_sum", "object"))
    count = dice.choice((1, 1, 1, 2, 3, 5))
    return Fault.model_validate(
        {"kind": kind, "call": call, "count": count, "first": dice.choice((1, 1, 1, 2, 3)), **options}
    )


def _times(dice: Random, often: float, seconds: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """Now and then something happens within the first minutes, and lasts."""
    return tuple((dice.uniform(0, 100), dice.uniform(*seconds)) for _ in range(2) if dice.random() < often)


def _drawer(dice: Random) -> DrawerRules:
    opened_by, confirmed_by = dice.choice(_POLICIES)
    return DrawerRules(opened_by=opened_by, confirmed_by=confirmed_by)


_POLICIES: tuple[tuple[Literal["tillwire", "register"], tuple[Confirmation, ...]], ...] = (
    ("tillwire", ("drawer-closed",)),
    ("tillwire", ("drawer-closed",)),
    ("tillwire", ("drawer-closed",)),
    ("tillwire", ("drawer-closed", "operator")),
    ("register", ("drawer-closed",)),
    ("register", ("drawer-opened",)),
    ("register", ("paid-message",)),
    ("tillwire", ("operator",)),
)


def _offline(dice: Random, sums: Random) -> OfflineLimits:
    return OfflineLimits(
        accept_cash=dice.random() < 0.8,
        max_payments=dice.choice((1, 50)),
        max_total=sums.choice((1000, 50_000, 50_000)),
        stop_when_oldest_h=sums.choice((20 / SECONDS_PER_HOUR, 24.0, 24.0)),
    )
