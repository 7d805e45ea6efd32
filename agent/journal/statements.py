"""Every statement that the journal runs again and again. None of them may grow slower with the number of checkouts."""

from agent.checkout.state import FINAL, Phase
from agent.journal.schema import FINISHED

_OPEN = ", ".join(f"'{phase}'" for phase in sorted(set(Phase) - FINAL))
_EVENT = "SELECT sequence, checkout_id, kind, at, data, situation, changes FROM event"

# Most events leave the phase alone; not naming it saves writing its index.
UPDATE_CHECKOUT = "UPDATE checkout SET updated = :updated, state = :state WHERE id = :id"
MOVE_CHECKOUT = "UPDATE checkout SET phase = :phase, updated = :updated, state = :state WHERE id = :id"
PUT_CHECKOUT = """
    INSERT INTO checkout (id, phase, updated, state) VALUES (:id, :phase, :updated, :state)
    ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, updated = excluded.updated, state = excluded.state"""
ADD_EVENT = "INSERT INTO event (checkout_id, kind, at, data, situation, changes) VALUES (?, ?, ?, ?, ?, ?)"
PUT_CARD = """
    INSERT INTO card (checkout_id, slot, hidden) VALUES (?, ?, ?)
    ON CONFLICT (checkout_id) DO UPDATE SET slot = excluded.slot, hidden = excluded.hidden"""
WIPE_CARD = "DELETE FROM card WHERE checkout_id = ?"
SLOTS_IN_USE = "SELECT slot FROM card"
FORGET_IDEMPOTENCY = "DELETE FROM idempotency WHERE key = ?"
ADD_IDEMPOTENCY = "INSERT INTO idempotency (key, digest, sequence) VALUES (?, ?, ?)"

JOURNAL_ID = "SELECT id FROM meta"
WHOLE_FROM = "SELECT whole_from FROM meta"
LATEST_SEQUENCE = "SELECT seq FROM sqlite_sequence WHERE name = 'event'"
NEWEST_ENTRY = "SELECT max(at) FROM (SELECT at FROM event ORDER BY sequence DESC LIMIT 1000)"
OPEN_CHECKOUTS = f"""
    SELECT checkout.state, card.slot, card.hidden FROM checkout LEFT JOIN card ON card.checkout_id = checkout.id
    WHERE checkout.phase IN ({_OPEN}) ORDER BY checkout.number"""  # noqa: S608  # names of phases, none from outside
CHECKOUT = "SELECT state FROM checkout WHERE id = ?"
HANDED_OVER = """
    SELECT checkout.state FROM event INDEXED BY event_handed_over JOIN checkout ON checkout.id = event.checkout_id
    WHERE event.kind = 'HandedOver' AND json_extract(event.data, '$.transaction_id') = ?
    ORDER BY event.sequence DESC LIMIT 1"""
NEWEST = "SELECT state FROM checkout WHERE number < :before ORDER BY number DESC LIMIT :limit"
NEWEST_OF_PHASE = """
    SELECT state FROM checkout WHERE phase = :phase AND number < :before ORDER BY number DESC LIMIT :limit"""
PLACE = "SELECT number FROM checkout WHERE id = ?"
FINISHED_SINCE = f"""
    SELECT state FROM checkout INDEXED BY checkout_finished
    WHERE {FINISHED} AND updated >= :since AND (updated, number) > (:updated, :number)
    ORDER BY updated, number LIMIT :limit"""  # noqa: S608  # our own words
END_OF = "SELECT updated, number FROM checkout WHERE id = ?"
LONE_EVENTS = f"{_EVENT} WHERE checkout_id IS NULL AND sequence < ? ORDER BY sequence DESC LIMIT ?"
EVENTS_SINCE = f"{_EVENT} WHERE sequence > ? ORDER BY sequence LIMIT ?"
EVENTS_OF = f"{_EVENT} WHERE checkout_id = ? ORDER BY sequence"
CHANGES_BEFORE = "SELECT changes FROM event WHERE checkout_id = ? AND sequence < ? ORDER BY sequence"
IDEMPOTENCY = """
    SELECT idempotency.digest, event.checkout_id FROM idempotency JOIN event USING (sequence)
    WHERE idempotency.key = ?"""

FINISHED_BEFORE = f"""
    SELECT id, state FROM checkout INDEXED BY checkout_finished
    WHERE {FINISHED} AND updated < ? ORDER BY updated LIMIT ?"""  # noqa: S608  # our own words
LONE_BEFORE = f"{_EVENT} WHERE checkout_id IS NULL AND at < ? ORDER BY sequence LIMIT ?"
MOVE_WHOLE_FROM = "UPDATE meta SET whole_from = max(whole_from, ?)"
DELETE_CHECKOUT = f"""
    DELETE FROM checkout WHERE id = :id AND {FINISHED}
    AND NOT EXISTS (SELECT 1 FROM event WHERE checkout_id = :id AND sequence > :last)"""  # noqa: S608  # our own words
DELETE_UNRESOLVED = f"DELETE FROM checkout WHERE id = ? AND phase = '{Phase.ATTENTION}'"  # noqa: S608  # our own words
DELETE_EVENT = "DELETE FROM event WHERE sequence = ?"
