"""Runs that are aimed: circumstances that seldom come together, in which a careless agent breaks the law.

Each aim leaves most of the run as it was drawn; the mistake that it tells is in `mutants.py`. `meets` lets the first
customer do what the first planned fault strikes.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, get_args

from agent.checkout.evidence_state import DrawerRules
from agent.checkout.offline import SECONDS_PER_HOUR, OfflineLimits
from agent.checkout.state import STALE_READ_S, Basket
from agent.simulator.faults import ABOUT, CONNECT, TIMES, Fault, Kind
from agent.simulator.switches import Switches
from agent.simulator.world import CARD_NUMBER
from tests.faults.disk import Condition
from tests.faults.plan_customer import PRODUCTS, Customer, with_charge
from tests.faults.plan_machine import Crash, Ending, Trouble

if TYPE_CHECKING:
    from tests.faults.plan import Plan

LATEST_EXECUTION_S = 55.9
"""After a request has arrived, for which a line takes up to 4 s (`lines.py`): just within the late window."""

Aim = Callable[["Plan", Random], "Plan"]


def aim(plan: "Plan", dice: Random) -> "Plan":
    """Aim this run at something."""
    return dice.choice(AIMS)(plan, dice)


def an_update_is_late(plan: "Plan", dice: Random) -> "Plan":
    """The first update comes after the balance was applied and shown, and takes it away."""
    late = Fault(kind=Kind.EXECUTED_LATE, call="update", seconds=dice.uniform(1.0, 12.0), connection="closed")
    first = _pays_with_balance(plan.customers[0])
    return _calm(plan, faults=(late,), customers=(replace(first, changes_in="due"), *plan.customers[1:]))


def the_card_is_emptied(plan: "Plan", dice: Random) -> "Plan":
    """The card is spent elsewhere while the cash is counted, and the start answers what is missing now."""
    first = replace(_pays_with_balance(plan.customers[0]), spends_elsewhere_in=dice.choice(("due", "awaiting_cash")))
    switches = _with(plan.switches, start_with_less_balance="answers-remainder", pretransaction_balance="not-reserved")
    kind, call = dice.choice(
        ((Kind.NO_ANSWER_AFTER_EXECUTING, "start/cash"), (Kind.NO_ANSWER_BEFORE_EXECUTING, "read"))
    )
    fault = Fault(kind=kind, call=call, connection="closed")
    return _calm(plan, faults=(fault,), customers=(first, *plan.customers[1:]), switches=switches)


def a_read_names_another(plan: "Plan", dice: Random) -> "Plan":
    """A start is lost, and what is read of it is the payment before."""
    first, second = (_pays_cash(each) for each in plan.customers[:2])
    faults = (
        Fault(kind=Kind.NO_ANSWER_BEFORE_EXECUTING, call="start/cash", first=2, connection="closed"),
        Fault(
            kind=Kind.ANOTHER_TRANSACTION, call="read", first=dice.choice((2, 3, 3, 4)), count=dice.choice((1, 2, 4))
        ),
    )
    return _calm(plan, faults=faults, customers=(first, second, *plan.customers[2:]))


def a_start_is_executed_and_rejected(plan: "Plan", dice: Random) -> "Plan":
    """The API carries out what it answers with *token expired*."""
    rejected = Fault(kind=Kind.EXPIRED_TOKEN, call=dice.choice(("start/cash", "cancel")))
    switches = _with(
        plan.switches,
        unauthorised_call="executed",
        second_start="executes-again",
        second_cancel="executes-again",
        x_action="ignored",
    )
    first = _pays_cash(plan.customers[0])
    return _calm(plan, faults=(rejected,), customers=(first, *plan.customers[1:]), switches=switches, reverses=True)


def a_cancel_is_late(plan: "Plan", dice: Random) -> "Plan":
    """What is taken back is taken back late, and would be once more."""
    late = Fault(kind=Kind.EXECUTED_LATE, call="cancel", seconds=dice.uniform(1.0, 49.0), connection="closed")
    switches = _with(plan.switches, second_cancel="executes-again", x_action="ignored")
    first = _pays_cash(plan.customers[0])
    return _calm(plan, faults=(late,), customers=(first, *plan.customers[1:]), switches=switches, reverses=True)


def a_charge_without_api(plan: "Plan", dice: Random) -> "Plan":
    """A card is to be charged while the API is away."""
    first = replace(_pays_cash(plan.customers[0]), card=CARD_NUMBER, basket=with_charge(plan.customers[0].basket))
    offline = replace(plan.offline, accept_cash=True)
    return replace(
        plan, outages=((dice.uniform(0.0, 4.0), 40.0),), customers=(first, *plan.customers[1:]), offline=offline
    )


def a_device_is_removed(plan: "Plan", dice: Random) -> "Plan":
    """The API rejects the till's token when the cash is counted, and does not let it in again for a while."""
    first = replace(_pays_cash(plan.customers[0]), arrives_s=0.5, closes_s=4.0)
    removed = ((dice.uniform(1.0, 8.0), dice.uniform(5.0, 60.0)),)
    rejected = Fault(kind=Kind.EXPIRED_TOKEN, call=dice.choice(("read", "start/cash")))
    customers = (first, *plan.customers[1:])
    return _calm(plan, faults=(rejected,), customers=customers, login="device", device_removed=removed)


def the_api_is_back_and_fails(plan: "Plan", dice: Random) -> "Plan":
    """Cash was taken without the API; what is asked first when it is back goes wrong."""
    call = dice.choice(("create", "read"))
    kinds = [kind for kind in Kind if kind not in {Kind.FAILED, Kind.SLOW_TLS, *TIMES}]
    kind, seconds = dice.choice(kinds), dice.uniform(1.0, 20.0)
    lasting = {"seconds": seconds} if "seconds" in ABOUT[kind].options else {}
    fault = Fault.model_validate({"kind": kind, "call": call, "first": dice.choice((1, 2)), **lasting})
    away_before = call == "create" or dice.random() < 0.5
    first = replace(
        _pays_cash(plan.customers[0]),
        pays_at_once=away_before,
        arrives_s=3.0,
        card=None,
        handed_over=None if call == "create" else "rightly",
        loses_api_in=None if away_before else "awaiting_cash",
    )
    outages = ((0.5, 20.0),) if away_before else ()
    offline = replace(plan.offline, accept_cash=True)
    calm = _calm(plan, faults=(fault,), customers=(first, *plan.customers[1:]), offline=offline)
    ends = calm.crashes or (_ends_at(dice.randint(8, 18), dice),)
    return replace(calm, outages=outages, crashes=ends)


def a_payment_is_regretted(plan: "Plan", dice: Random) -> "Plan":
    """The customer cancels while the pulse is on its way to the drawer."""
    late = Fault(kind=Kind.LATENCY, call="abort", seconds=dice.uniform(0.5, 5.0))
    first = replace(_pays_cash(plan.customers[0]), regrets=True)
    drawer = DrawerRules(opened_by="tillwire", confirmed_by=("drawer-closed",))
    return _calm(plan, faults=(late,), customers=(first, *plan.customers[1:]), drawer=drawer)


def a_log_is_not_synced(plan: "Plan", dice: Random) -> "Plan":
    """What the disk refused to sync can be read by the next process, and is gone when the power is cut."""
    at = dice.uniform(1.0, 10.0)
    refuses = Trouble(at=at, seconds=3.0, condition=Condition.REFUSES_SYNCS, room=0)
    kill = Crash(ending="kill", point="time", nth=int(at) + 2, passes=0, down_s=2.0)
    cut = Crash(ending="power cut", point="time", nth=dice.randint(4, 40), passes=0, down_s=2.0)
    first = replace(_pays_cash(plan.customers[0]), arrives_s=0.5, thinks_s=(0.2, 3.0))
    calm = _calm(plan, faults=(), customers=(first, *plan.customers[1:]))
    return replace(calm, troubles=(refuses,), crashes=(kill, cut))


def a_person_decides(plan: "Plan", dice: Random) -> "Plan":
    """A payment needs attention, and whatever is pressed meanwhile and afterwards comes too late."""
    failed = Fault(kind=Kind.FAILED, call="start/cash")
    first, second, *others = plan.customers
    customers = (replace(_pays_cash(first), arrives_s=0.5), replace(second, arrives_s=90.0), *others)
    calm = _calm(plan, faults=(failed,), customers=customers, hasty_hands=True)
    return replace(calm, crashes=(_ends_at(dice.randint(15, 60), dice),))


def a_charge_is_taken_back(plan: "Plan", dice: Random) -> "Plan":
    """The next customer looks at an amount that counts on what the card was charged with."""
    first, second, *others = plan.customers
    charges = replace(
        _pays_cash(first), arrives_s=0.5, closes_s=1.5, card=CARD_NUMBER, basket=with_charge(first.basket)
    )
    more_than_it_had = Basket(products=PRODUCTS)
    looks = replace(
        _pays_with_balance(second), arrives_s=dice.uniform(0.5, 5.0), thinks_s=(1.0, 5.0), basket=more_than_it_had
    )
    return _calm(
        plan,
        customers=(charges, looks, *others),
        switches=_with(plan.switches, start_with_less_balance="executes-less", pretransaction_balance="not-reserved"),
        drawer=DrawerRules(opened_by="tillwire", confirmed_by=("drawer-closed",)),
        faults=plan.faults[:1],
        drawer_lost=(),
        device_removed=(),
        hasty_hands=False,
        login="device",
        reverses=True,
    )


def a_start_is_withdrawn(plan: "Plan", dice: Random) -> "Plan":
    """The disk refuses the confirmation while the connection for its start is being opened, and takes it later.

    The start that is sent then is executed; that the first one found no connection is known before it is answered.
    """
    at, seconds = dice.uniform(4.5, 5.5), dice.uniform(2.0, 4.0)
    refuses = Trouble(at=at, seconds=seconds, condition=Condition.REFUSES_SYNCS, room=0)
    faults = (
        Fault(kind=Kind.SLOW_TLS, call=CONNECT, first=2, count=2, seconds=20.0),
        Fault(kind=Kind.SLOW_ANSWER, call="start/cash", seconds=dice.uniform(5.0, 20.0)),
    )
    first = replace(_pays_cash(plan.customers[0]), arrives_s=3.0, thinks_s=(0.01, 0.2), closes_s=2.0, card=None)
    calm = _calm(
        plan,
        faults=faults,
        customers=(first, *plan.customers[1:]),
        switches=_with(plan.switches, second_start="executes-again", x_action="ignored"),
        drawer=DrawerRules(opened_by="tillwire", confirmed_by=("drawer-closed",)),
        drawer_lost=(),
        device_removed=(),
        expires=(),
        hasty_hands=False,
    )
    return replace(calm, troubles=(refuses,), crashes=(), cuts=(at + seconds - dice.uniform(1.0, 1.9),))


def a_terminal_takes_its_time(plan: "Plan", dice: Random) -> "Plan":
    """The line breaks, or the agent ends, while the customer still looks for their card at the terminal."""
    takes = Fault(kind=Kind.SLOW_EXECUTION, call="start/cashless", seconds=dice.uniform(70.0, 115.0))
    first, second, *others = plan.customers
    pays = replace(_pays_cash(first), method="cashless", arrives_s=0.5, thinks_s=(0.01, 0.2))
    switches = _with(
        plan.switches, read_while_start_runs="unchanged", second_start="executes-again", x_action="ignored"
    )
    calm = _calm(plan, faults=(takes,), customers=(pays, replace(second, arrives_s=30.0), *others), switches=switches)
    if dice.random() < 0.5:
        return replace(calm, crashes=(_ends_at(dice.randint(5, 30), dice),))
    return replace(calm, crashes=(), cuts=(dice.uniform(9.0, 30.0),))


def a_start_is_as_late_as_it_may_be(plan: "Plan", dice: Random) -> "Plan":
    """The late window, and the age of a read, are used up."""
    seconds = dice.uniform(LATEST_EXECUTION_S - 1.0, LATEST_EXECUTION_S)
    late = Fault(kind=Kind.EXECUTED_LATE, call="start/cash", seconds=seconds, connection="closed")
    switches = _with(plan.switches, second_start="executes-again", x_action="ignored", stale_read_seconds=STALE_READ_S)
    first = _pays_cash(plan.customers[0])
    return _calm(plan, faults=(late,), customers=(first, *plan.customers[1:]), switches=switches)


def less_is_redeemed_than_was_said(plan: "Plan", dice: Random) -> "Plan":
    """The card is spent elsewhere while the cash is counted; the API books the rest as paid, and tells it."""
    first = replace(
        _pays_with_balance(plan.customers[0]),
        basket=Basket(products=PRODUCTS),
        spends_elsewhere_in=dice.choice(("due", "awaiting_cash")),
    )
    switches = _with(
        plan.switches,
        start_with_less_balance="executes-less",
        start_answer="as-booked",
        read_missing_sum="shown",
        pretransaction_balance="not-reserved",
    )
    lost = Fault(kind=Kind.NO_ANSWER_AFTER_EXECUTING, call="start/cash", connection="closed")
    slow = Fault(kind=Kind.SLOW_ANSWER, call="start/cash", seconds=dice.uniform(0.5, 10.0))
    customers = (first, *plan.customers[1:])
    return _calm(plan, faults=(dice.choice((lost, slow)),), customers=customers, switches=switches)


def more_waits_than_may(plan: "Plan", dice: Random) -> "Plan":
    """Two customers pay without the API: together it is too much, or the first has waited for too long."""
    at_once = dice.random() < 0.5
    offline = OfflineLimits(
        max_total=1000 if at_once else 50_000, stop_when_oldest_h=24.0 if at_once else 20 / SECONDS_PER_HOUR
    )
    first, second, *others = (
        replace(_pays_cash(each), pays_at_once=True, card=None, basket=Basket(products=PRODUCTS))
        for each in plan.customers
    )
    customers = (replace(first, arrives_s=0.5), replace(second, arrives_s=0.5 if at_once else 30.0), *others)
    drawer = DrawerRules(opened_by="tillwire", confirmed_by=("drawer-closed",))
    lost = Fault(kind=Kind.NO_ANSWER_AFTER_EXECUTING, call="create", connection="closed")
    return replace(
        _calm(plan, faults=(lost,), customers=customers, offline=offline, drawer=drawer, drawer_lost=()),
        outages=((0.3, 120.0),),
    )


def _ends_at(seconds: int, dice: Random) -> Crash:
    return Crash(ending=dice.choice(get_args(Ending)), point="time", nth=seconds, passes=0, down_s=2.0)


AIMS: tuple[Aim, ...] = (
    an_update_is_late,
    the_card_is_emptied,
    a_read_names_another,
    a_start_is_executed_and_rejected,
    a_cancel_is_late,
    a_charge_without_api,
    a_device_is_removed,
    the_api_is_back_and_fails,
    a_payment_is_regretted,
    a_log_is_not_synced,
    a_person_decides,
)

LATER_AIMS: dict[str, Aim] = {
    "taking back": a_charge_is_taken_back,
    "withdrawing": a_start_is_withdrawn,
    "at the terminal": a_terminal_takes_its_time,
    "as late as it may be": a_start_is_as_late_as_it_may_be,
    "less than was said": less_is_redeemed_than_was_said,
    "too much waits": more_waits_than_may,
}
"""Each is drawn with dice of this name, so that the other aims stay with their seeds."""


_TAKES_BACK = frozenset({"cancel", "cancelTrx"})


def meets(plan: "Plan", call: str) -> "Plan":
    """Let the first customer do what makes this call, so that the first fault, which is of it, is met."""
    first, second, *others = plan.customers
    if call in _TAKES_BACK:
        second = replace(second, arrives_s=60.0)  # the staff looks for mistakes while somebody is still to come
    faults = (plan.faults[0].model_copy(update={"first": 1}), *plan.faults[1:])
    return replace(plan, faults=faults, customers=(_makes(call, first), second, *others))


def _makes(call: str, customer: Customer) -> Customer:
    """A customer who does what makes this call; most of them make most calls anyway."""
    pays = _pays_with_balance(customer) if call in {"preTransaction", "start/loyalty"} else _pays_cash(customer)
    match call:
        case "start/cashless" | "cancelTrx":
            return replace(pays, method="cashless")
        case "start/loyalty":
            return replace(pays, basket=_CHEAP)
        case "update":
            return replace(pays, card=None, changes_in="due")
        case "abort":
            return replace(pays, cancels_in="due")
        case "validateMerchantcard" | "cards":
            return replace(pays, card=CARD_NUMBER)
    return pays


_CHEAP = Basket(products=PRODUCTS[-1:])
"""Less than what is on the card."""


def _calm(plan: "Plan", **changed: object) -> "Plan":
    """Nothing else goes wrong: no life ends and no line is cut before the aim is reached."""
    return replace(plan, outages=(), cuts=(), troubles=(), crashes=plan.crashes[:1], **changed)  # type: ignore[arg-type]


def _pays_with_balance(customer: Customer) -> Customer:
    return replace(_pays_cash(customer), card=CARD_NUMBER, uses_balance=True)


def _pays_cash(customer: Customer) -> Customer:
    """Buys, pays in cash, and does nothing else."""
    return replace(
        customer,
        method="cash",
        other_card=None,
        pays_at_once=False,
        cancels_in=None,
        regrets=False,
        changes_in=None,
        leaves_in=None,
        handed_over=None,
        spends_elsewhere_s=None,
        spends_elsewhere_in=None,
        loses_api_in=None,
    )


def _with(switches: Switches, **settings: object) -> Switches:
    return switches.model_copy(update=settings)
