"""The law of what is taken back: only when a person asked, once, and never forgotten."""

from collections import Counter
from collections.abc import Iterator, Sequence

from agent.checkout.state import Checkout, Phase
from tests.faults.world import Breach, World, Wrong

MAY_STAND = frozenset({Phase.COMPLETED, Phase.ATTENTION, Phase.RESOLVED, Phase.FAILED, Phase.UNSURE})
MAY_BE_BOOKED = MAY_STAND - {Phase.FAILED}
"""Where a reversal may stand that was executed."""


def about_what_was_taken_back(world: World, checkouts: Sequence[Checkout]) -> Iterator[Wrong]:
    """Say what is wrong with the reversals of a run."""
    reversals = [checkout for checkout in checkouts if checkout.reversal is not None]
    taken_back = Counter(each.reverses for each in world.simulator.ledger if each.reverses is not None)
    refs = {each.number: each.merchantRef or "" for each in world.simulator.ledger}
    for number, times in taken_back.items():
        yield from _about_booking(world, refs[number], times, reversals)
    booked = {refs[number] for number in taken_back}
    for reversal in reversals:
        yield from _about_reversal(world, reversal, booked)


def is_of_unknown(world: World, checkout: Checkout) -> bool:
    """The API named a transaction that it does not know."""
    transaction = checkout.transaction
    return transaction is None or transaction.id not in world.simulator.api.state.transactions


def _about_booking(world: World, ref: str, times: int, reversals: Sequence[Checkout]) -> Iterator[Wrong]:
    if times > 1:
        yield Wrong(Breach.DOUBLED, f"{ref} was taken back {times} times")
    if not world.visits[ref].taken_back_asked:
        yield Wrong(Breach.UNCONFIRMED, f"{ref} was taken back and nobody had asked")
    mine = [each for each in reversals if each.merchantRef == ref]
    if not any(each.phase in MAY_BE_BOOKED for each in mine):
        yield Wrong(Breach.LOST, f"{ref} was taken back, and its reversals are {[each.phase.value for each in mine]}")


def _about_reversal(world: World, reversal: Checkout, booked: set[str]) -> Iterator[Wrong]:
    ref = reversal.merchantRef or ""
    if reversal.phase is Phase.COMPLETED and ref not in booked:
        yield Wrong(Breach.FINAL, f"the reversal of {ref} is completed and was never executed")
    if reversal.phase not in MAY_STAND or (reversal.phase is Phase.UNSURE and not is_of_unknown(world, reversal)):
        yield Wrong(Breach.ENDED, f"the reversal of {ref} is {reversal.phase} to the end")
