"""What the drawer's levels and a till's messages mean: opened, closed, left open, did not open; what confirms cash.

A `Watch` is a frozen value; each function takes what was just seen and returns the new watch and the signs that follow.
Levels come debounced, with the time at which they were first seen (monotonic seconds); nothing here reads a clock.

Evidence belongs to one checkout, one amount and one unbroken connection of the port. The first level after the port was
opened is a state and never an event, and *unknown* confirms nothing. What spoils an expectation spoils it for good:
only asking the drawer again makes a new one.
"""

from agent.checkout.evidence_state import (
    CannotConfirm,
    CashSeen,
    DrawerRules,
    DrawerSign,
    Expectation,
    OpenedBy,
    OpeningSeen,
    OtherAmount,
    PaidUnexpectedly,
    Seen,
    Sign,
    Watch,
)
from agent.checkout.replacing import replace
from agent.checkout.state import Confirmation, Level, Trouble

LEFT_OPEN_AGAIN_S = 30.0
"""After the first warning; figures of the trade in hardware.md 1.6."""
MOST_UNEXPECTED = 10
"""Messages told until cash is expected anew: a machine that repeats itself without end has alarmed people by then."""


def level_seen(watch: Watch, level: Level, connection: int, at_s: float) -> Seen:
    """The port reports a level. The first one of a connection, or after *unknown*, is a state."""
    if connection != watch.connection:
        return _connected(watch, level, connection, at_s)
    if level == "unknown":
        return _blind(replace(watch, level="unknown", opened_s=None, warned_s=None))
    if watch.level == "unknown":  # what the pulse did meanwhile cannot be told
        return replace(watch, level=level, opened_s=at_s if level == "open" else None, pulsed_s=None), ()
    if level == watch.level:
        return watch, ()
    watch = replace(watch, level=level)
    return _opened(watch, at_s) if level == "open" else _closed(watch, at_s)


def _connected(watch: Watch, level: Level, connection: int, now_s: float) -> Seen:
    watch, signs = _lost(watch) if watch.connection is not None else (watch, ())
    return (
        replace(
            watch,
            level=level,
            connection=connection,
            connected_s=now_s,
            opened_s=now_s if level == "open" else None,
            pulsed_s=None,
            warned_s=None,
        ),
        signs,
    )


def port_lost(watch: Watch) -> Seen:
    """The line to the drawer is broken: nothing is known any more."""
    return _lost(replace(watch, level="unknown", connection=None, connected_s=None, opened_s=None, warned_s=None))


def _lost(watch: Watch) -> Seen:
    """Whatever was to confirm: a person must look. A paid message may have been on this very line."""
    return _spoil(watch, "lost") if set(watch.rules.confirmed_by) != {"operator"} else (watch, ())


def _blind(watch: Watch) -> Seen:
    return _spoil(watch, "lost") if _needs_drawer(watch.rules) else (watch, ())


def _needs_drawer(rules: DrawerRules) -> bool:
    return bool({"drawer-closed", "drawer-opened"} & set(rules.confirmed_by))


def _spoil(watch: Watch, trouble: Trouble) -> Seen:
    expected = watch.expected
    if expected is None or expected.spoilt:
        return watch, ()
    watch = replace(watch, expected=replace(expected, spoilt=True))
    return watch, (CannotConfirm(checkout_id=expected.checkout_id, trouble=trouble),)


def cash_expected(watch: Watch, checkout_id: str, amount: int, now_s: float) -> Seen:
    """From now on the drawer's next opening may be this checkout's: before the pulse, or the register's opening."""
    expected = Expectation(checkout_id=checkout_id, amount=amount, since_s=now_s)
    watch = replace(watch, expected=expected, unexpected=0)
    known_closed = watch.level == "closed" and _settled(watch, now_s)
    if _needs_drawer(watch.rules) and not known_closed:
        return _spoil(watch, "unknown")
    if _awaits_message(watch) and watch.lost_lines:
        return watch, (CannotConfirm(checkout_id=checkout_id, trouble="lost"),)
    return watch, ()


def _awaits_message(watch: Watch) -> bool:
    return watch.expected is not None and "paid-message" in watch.rules.confirmed_by


def _settled(watch: Watch, now_s: float) -> bool:
    return watch.connected_s is not None and now_s >= watch.connected_s + watch.rules.settling_s


def cash_not_expected(watch: Watch) -> Watch:
    """The checkout has gone on, or was given up. A machine may still speak of it."""
    return watch if watch.expected is None else replace(watch, expected=None, unheard=watch.expected.checkout_id)


def _heard(watch: Watch) -> Watch:
    return replace(cash_not_expected(watch), unheard=None)


def pulse_begins(watch: Watch, now_s: float) -> Watch:
    """The bytes go out now: from now on an opening may be their work."""
    return replace(watch, pulsed_s=now_s)


def pulse_refused(watch: Watch, asked_s: float) -> Seen:
    """Nothing was sent of what was asked for at `asked_s`, so the drawer will not open by itself.

    A pulse that waited for its turn may be refused when its payment is over and the next one has begun.
    """
    if watch.expected is not None and watch.expected.since_s != asked_s:
        return watch, ()
    return _spoil(replace(watch, pulsed_s=None), "not_asked")


def paid_message(watch: Watch, amount: int | None, at_s: float) -> Seen:
    """A till or cash machine says that the money is in; `amount` where its message has one."""
    if "paid-message" not in watch.rules.confirmed_by:
        return watch, ()
    expected = watch.expected
    if expected is None or at_s < expected.since_s:
        return _unexpected(watch, amount)
    if amount is not None and amount != expected.amount:
        return _heard(watch), (OtherAmount(checkout_id=expected.checkout_id, amount=amount),)
    return _cash_is_in(watch, expected, "paid-message", None)


def _unexpected(watch: Watch, amount: int | None) -> Seen:
    if watch.unexpected == MOST_UNEXPECTED:
        return watch, ()
    told = PaidUnexpectedly(amount=amount, checkout_id=watch.unheard)
    return replace(watch, unheard=None, unexpected=watch.unexpected + 1), (told,)


def message_torn(watch: Watch, at_s: float) -> Seen:
    """What may have been the message cannot be read: a person must be able to confirm. A whole one still does."""
    expected = watch.expected
    if expected is None or not _awaits_message(watch) or expected.message_torn or at_s < expected.since_s:
        return watch, ()
    watch = replace(watch, expected=replace(expected, message_torn=True))
    return watch, (CannotConfirm(checkout_id=expected.checkout_id, trouble="message_torn"),)


def line_found(watch: Watch, name: str) -> Watch:
    """The port of this device is open. That of the till's messages may be the drawer's, or one of its own."""
    return replace(watch, lost_lines=watch.lost_lines - {name})


def line_lost(watch: Watch, name: str) -> Seen:
    """The port of this device is gone: a message may be missed, so a person must be able to confirm."""
    watch = replace(watch, lost_lines=watch.lost_lines | {name})
    if watch.expected is None or not _awaits_message(watch):
        return watch, ()
    return watch, (CannotConfirm(checkout_id=watch.expected.checkout_id, trouble="lost"),)


def time_passed(watch: Watch, now_s: float) -> Seen:
    """Notice a drawer that did not open, or was left open."""
    watch, unopened = _not_opened(watch, now_s)
    watch, warned = _left_open(watch, now_s)
    return watch, unopened + warned


def wake_at(watch: Watch) -> float | None:
    """When `time_passed` has something to say; None: not by itself."""
    return min((time for time in (_gives_up_at(watch), _warns_at(watch)) if time is not None), default=None)


def _gives_up_at(watch: Watch) -> float | None:
    if watch.pulsed_s is None or watch.level != "closed":
        return None
    return watch.pulsed_s + watch.rules.open_timeout_s


def _warns_at(watch: Watch) -> float | None:
    if watch.opened_s is None:
        return None
    if watch.warned_s is None:
        return watch.opened_s + watch.rules.open_warning_s
    return watch.warned_s + LEFT_OPEN_AGAIN_S


def _opened(watch: Watch, at_s: float) -> Seen:
    by = _who_opened(watch, at_s)
    expected = watch.expected if _is_awaited(watch, by, at_s) else None
    watch = replace(watch, opened_s=at_s, pulsed_s=None, warned_s=None)
    shown: tuple[Sign, ...] = (DrawerSign(event="opened", by=by),)
    if expected is None:
        watch, spoilt = _spoil(watch, "unknown") if _needs_drawer(watch.rules) else (watch, ())  # it was open already
        return watch, shown + spoilt
    watch = replace(watch, expected=replace(expected, opened_s=at_s))
    shown += (OpeningSeen(checkout_id=expected.checkout_id),)
    if by == "register" and "drawer-opened" in watch.rules.confirmed_by:
        watch, seen = _cash_is_in(watch, expected, "drawer-opened", None)
        return watch, shown + seen
    return watch, shown


def _is_awaited(watch: Watch, by: OpenedBy, at_s: float) -> bool:
    """Only what was asked for after the cash was expected is this payment's opening."""
    expected = watch.expected
    if expected is None or expected.spoilt:
        return False
    asked_s = watch.pulsed_s if by == "till" else at_s if by == "register" else None
    return asked_s is not None and asked_s >= expected.since_s


def _who_opened(watch: Watch, at_s: float) -> OpenedBy:
    """Only an opening within the time of our pulse is ours; a key and a blow look the same to the switch."""
    pulsed_s = watch.pulsed_s
    if pulsed_s is not None and pulsed_s <= at_s <= pulsed_s + watch.rules.open_timeout_s:
        return "till"
    if watch.rules.opened_by == "register" and watch.expected is not None:
        return "register"
    return "unasked"


def _closed(watch: Watch, at_s: float) -> Seen:
    open_s = None if watch.opened_s is None else at_s - watch.opened_s
    watch = replace(watch, opened_s=None, pulsed_s=None, warned_s=None)  # a pulse into an open drawer opens nothing
    shown: tuple[Sign, ...] = (DrawerSign(event="closed", open_s=open_s),)
    watch, seen = _closed_for_payment(watch, at_s)
    return watch, shown + seen


def _closed_for_payment(watch: Watch, at_s: float) -> Seen:
    expected = watch.expected
    if expected is None or expected.spoilt or expected.opened_s is None:
        return watch, ()
    if "drawer-closed" not in watch.rules.confirmed_by:
        return watch, ()
    open_s = at_s - expected.opened_s
    if open_s < watch.rules.minimum_open_s:
        return _spoil(watch, "closed_too_soon")
    return _cash_is_in(watch, expected, "drawer-closed", open_s)


def _cash_is_in(watch: Watch, expected: Expectation, kind: Confirmation, open_s: float | None) -> Seen:
    seen = CashSeen(checkout_id=expected.checkout_id, kind=kind, amount=expected.amount, open_s=open_s)
    return _heard(watch) if kind == "paid-message" else cash_not_expected(watch), (seen,)


def _not_opened(watch: Watch, now_s: float) -> Seen:
    gives_up = _gives_up_at(watch)
    if gives_up is None or now_s < gives_up:
        return watch, ()
    is_the_payments = watch.expected is not None and gives_up >= watch.expected.since_s + watch.rules.open_timeout_s
    watch = replace(watch, pulsed_s=None)
    watch, spoilt = _spoil(watch, "did_not_open") if is_the_payments else (watch, ())  # or a person's, before it
    return watch, (DrawerSign(event="did_not_open"), *spoilt)


def _left_open(watch: Watch, now_s: float) -> Seen:
    warns = _warns_at(watch)
    if warns is None or watch.opened_s is None or now_s < warns:
        return watch, ()
    return replace(watch, warned_s=now_s), (DrawerSign(event="left_open", open_s=now_s - watch.opened_s),)
