"""The merchant's register: creates a transaction at the API itself, and hands it over to the till."""

from agent.checkout.state import HandedOver
from agent.simulator import lifecycle
from agent.simulator.orders import order_from
from agent.simulator.refusals import Refused
from agent.simulator.state import Transaction
from tests.faults.plan_customer import CHARGE, Customer
from tests.faults.world import EPOCH, World

TOO_MUCH = 100
"""What a register that tells the wrong amount adds to it, in cents."""


def hand_over(world: World, customer: Customer) -> HandedOver:
    """Create the customer's transaction and say what is due of it: the truth, or not."""
    world.visits[customer.ref].register_sum = customer.basket.sum
    transaction = _created(world, customer, customer.card)
    applied = transaction.applied
    due = customer.basket.sum - (applied.cash + applied.bonus if applied else 0)
    world.say(f"a register hands over {customer.ref}, {due} due, told {customer.handed_over}")
    return HandedOver(
        transaction_id=transaction.id, amount_due=due + (TOO_MUCH if customer.handed_over == "wrongly" else 0)
    )


def _created(world: World, customer: Customer, card: str | None) -> Transaction:
    """With the card, as far as the API takes it."""
    body = {
        "merchantRef": customer.ref,
        "basket": {"products": customer.basket.products},
        "basket_info": {"sum": customer.basket.sum, "currency": customer.basket.currency},
        "idents": [{"type": "card", "value": card}] if card else [],
    }
    if card:
        world.visits[customer.ref].cards.add(card)
    api, now = world.simulator.api, EPOCH + world.now
    try:
        transaction = lifecycle.create(api.state, order_from(body), api.world.devices[0].id, now)
        if card and customer.uses_balance and CHARGE not in customer.basket.products:
            transaction = lifecycle.apply_card(api.state, transaction, now)
    except Refused:
        if card is None:
            raise
        return _created(world, customer, None)
    return transaction
