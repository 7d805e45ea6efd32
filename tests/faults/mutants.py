"""The simulation has teeth: each of these mistakes, made in a copy of the real code, must break the law in it.

`python -m tests.faults.mutants` looks for each one from its kept seed on, and then from the first seed. A mistake whose
place in the code has moved is an error: the copy is made from what is there.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.faults.tally import ROOT

MOST_RUNS = 10_000
"""Within so many each is found, or the simulation does not look there."""
COPIED = ("agent", "device", "config", "tests/faults")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """In this file stands `before`, once; the mistake is `after`."""

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mistake. `seed`: where it was found last."""

    name: str
    why: str
    changes: tuple[Change, ...]
    seed: int


def _table(before: str, after: str) -> tuple[Change, ...]:
    return (Change(file="agent/checkout/table.py", before=before, after=after),)


_HIDDEN_REMAINDER_PROVES = Change(
    file="agent/checkout/answer_guards.py",
    before="    return transaction is not None and transaction.missing_sum is not None and event.facts.missing_sum is None\n",
    after="    return False\n",
)

MUTANTS = (
    Mutant(
        name="re-send after a time-out",
        seed=22,
        why="the vendor's offline queue did: a start without an answer may have worked",
        changes=_table(
            "go(STARTING, CallUnknown, UNSURE, ask.open_window_unanswered, ask.read)",
            'go(STARTING, CallUnknown, "same", ask.start, when=lambda sale, _event, _situation: sale.payment is not None),\n'
            "    go(STARTING, CallUnknown, UNSURE, ask.open_window_unanswered, ask.read)",
        ),
    ),
    Mutant(
        name="effect before commit",
        seed=49,
        why="a power cut between the two leaves a booking that nobody knows of",
        changes=(
            Change(
                file="agent/till/journal_first.py",
                before="            sequence = await self._journal.commit(*entries",
                after="            await requests.leave()\n            sequence = await self._journal.commit(*entries",
            ),
        ),
    ),
    Mutant(
        name="synchronous = NORMAL",
        seed=8,
        why="what most examples set: a power cut takes acknowledged commits away",
        changes=(
            Change(file="agent/journal/opening.py", before='"synchronous = FULL"', after='"synchronous = NORMAL"'),
        ),
    ),
    Mutant(
        name="a repeated update",
        seed=1033,
        why="the late first one takes the balance away after it was shown",
        changes=_table(
            '    go(A, CallUnknown, "same", ask.read, when=is_.asked_balance_of_new_transaction),\n',
            '    go(A, CallUnknown, "same", ask.update, when=is_.asked("update")),\n'
            '    go(A, CallUnknown, "same", ask.read, when=is_.asked_balance_of_new_transaction),\n',
        ),
    ),
    Mutant(
        name="aiohttp repeats",
        seed=1033,
        why="it sends GET and PUT again when a reused connection dies",
        changes=(
            Change(file="agent/smart/connections.py", before="        middlewares=(_never_repeat,),\n", after=""),
        ),
    ),
    Mutant(
        name="evidence from stale bytes",
        seed=1135,
        why="what a port says first after it was opened is a state, and nobody saw the drawer in between",
        changes=(
            Change(
                file="agent/checkout/evidence.py",
                before="    if connection != watch.connection:\n",
                after="    if watch.connection is None:\n",
            ),
            Change(
                file="agent/checkout/evidence.py",
                before='    return _lost(replace(watch, level="unknown", connection=None, connected_s=None, opened_s=None, warned_s=None))\n',
                after="    return watch, ()\n",
            ),
        ),
    ),
    Mutant(
        name="confirmed by the opening",
        seed=1,
        why="our own pulse opens the drawer: its echo is no cash",
        changes=(
            Change(
                file="agent/checkout/evidence.py",
                before='    if by == "register" and "drawer-opened" in watch.rules.confirmed_by:\n',
                after="    if by is not None:\n",
            ),
        ),
    ),
    Mutant(
        name="a drawer that closes too soon confirms",
        seed=1,
        why="a flicker of the switch is no customer",
        changes=(
            Change(
                file="agent/checkout/evidence.py",
                before="    if open_s < watch.rules.minimum_open_s:\n",
                after="    if open_s < 0:\n",
            ),
        ),
    ),
    Mutant(
        name="a card kept for the next customer",
        seed=1,
        why="a scan belongs to the checkout it was made for",
        changes=(
            Change(
                file="agent/till/requests.py",
                before="        kept = Kept(checkout)\n        entry = Entry(event=order",
                after='        kept = Kept(checkout, getattr(self, "_card", None))\n        entry = Entry(event=order',
            ),
            Change(
                file="agent/till/requests.py",
                before="        if kept is None:\n            return False\n        await self._set_card(",
                after="        self._card = card\n        if kept is None:\n            return False\n        await self._set_card(",
            ),
        ),
    ),
    Mutant(
        name="balance offered twice",
        seed=335,
        why="another payment with this card may not have taken its part yet",
        changes=(
            Change(
                file="agent/checkout/request_guards.py",
                before="    return event.use_balance and situation.card_waiting\n",
                after="    return False\n",
            ),
        ),
    ),
    Mutant(
        name="the late window is ignored",
        seed=67,
        why="a request without an answer may still be carried out",
        changes=(
            Change(
                file="agent/checkout/answer_guards.py",
                before="        and event.begun_s >= checkout.pursuit.ends_s\n",
                after="",
            ),
        ),
    ),
    Mutant(
        name="an answer about another transaction is accepted",
        seed=824,
        why="law 13: it says nothing about ours",
        changes=(
            Change(
                file="agent/smart/client.py",
                before="        if transaction.id != transaction_id:\n"
                '            raise Unknown("the answer is about another transaction")\n',
                after="",
            ),
        ),
    ),
    Mutant(
        name="a restart starts again",
        seed=214,
        why="whatever was under way has no answer, and may have worked",
        changes=_table(
            "go(STARTING, Restarted, UNSURE, restart, ask.open_window_unanswered, ask.read)",
            'go(STARTING, Restarted, "same", restart, ask.start)',
        ),
    ),
    Mutant(
        name="a restart kicks again",
        seed=1,
        why="law 8: the drawer opens once for a payment",
        changes=_table(
            'go(CASH, Restarted, "same", restart, pay.note_interrupted, ask.read, when=is_.has_transaction)',
            'go(CASH, Restarted, "same", restart, pay.note_interrupted, pay.open_drawer, ask.read, when=is_.has_transaction)',
        ),
    ),
    Mutant(
        name="a pulse that nobody wants any more",
        seed=25,
        why="the customer cancelled while the pulse waited for the port",
        changes=(
            Change(
                file="agent/till/drawer_desk.py",
                before="        return now is not None and now.phase is Phase.AWAITING_CASH\n",
                after="        return True\n",
            ),
        ),
    ),
    Mutant(
        name="the offline limits are ignored",
        seed=46,
        why="what waits for the API is the merchant's risk",
        changes=(
            Change(
                file="agent/checkout/offline.py",
                before="    if len(waiting) >= limits.max_payments:\n",
                after="    if len(waiting) >= 1000:\n",
            ),
        ),
    ),
    Mutant(
        name="a remainder in the answer of a start is overlooked",
        seed=3259,
        why="found by this simulation: the start was sent again, and executed for the new remainder",
        changes=(*_table("        note.doubt_remainder,\n", ""), _HIDDEN_REMAINDER_PROVES),  # either alone holds it
    ),
    Mutant(
        name="a read that hides the remainder is taken for proof",
        seed=2664,
        why="found by this simulation: the start before had set a new remainder, and its answer was lost",
        changes=(_HIDDEN_REMAINDER_PROVES,),
    ),
    Mutant(
        name="a start is sent again for its token",
        seed=312,
        why="found by this simulation: an API may execute it, and reject the token all the same",
        changes=(
            Change(
                file="agent/smart/client.py",
                before="        return read_object(await self._send(request, partial(self.access.held, timeout_s)))\n",
                after="        lend = partial(self.access.held, timeout_s)\n"
                "        answer = await self._send(request, lend)\n"
                "        return read_object(await self._send(request, lend) if token_was_rejected(answer) else answer)\n",
            ),
        ),
    ),
    Mutant(
        name="a log that was never synced is built upon",
        seed=119,
        why="found by this simulation: what the disk refused to sync takes everything after it along",
        changes=(
            Change(
                file="agent/journal/opening.py",
                before="    _write_log_anew(path)\n    with writing():\n",
                after="    with writing():\n",
            ),
        ),
    ),
    Mutant(
        name="a pad that was never synced",
        seed=13,
        why="after a power cut the card that is hidden by it can't be read any more",
        changes=(
            Change(file="agent/journal/pads.py", before="            os.fdatasync(self._descriptor)\n", after=""),
        ),
    ),
    Mutant(
        name="a cancel is sent again within the late window",
        seed=69,
        why="what is taken back late would be taken back twice",
        changes=(
            Change(
                file="agent/checkout/reversal.py",
                before="event.facts.status in EXECUTED and _window_is_over(checkout, event)\n",
                after="event.facts.status in EXECUTED\n",
            ),
        ),
    ),
    Mutant(
        name="a card is charged offline",
        seed=162,
        why="law 5: nobody knows whether the card is good",
        changes=(
            Change(
                file="agent/checkout/request_guards.py",
                before="        situation.offline_refusal is not None or charges_card(checkout)\n",
                after="        situation.offline_refusal is not None\n",
            ),
        ),
    ),
    Mutant(
        name="balance beside what a register handed over",
        seed=784,
        why="found by this simulation: the card of such a payment is known masked only",
        changes=(
            Change(
                file="agent/till/open_checkouts.py",
                before="    shown = checkout.card if checkout.handed_over or checkout.reversal else None\n",
                after="    shown = checkout.card if checkout.reversal else None\n",
            ),
        ),
    ),
    Mutant(
        name="what was withdrawn is answered",
        seed=49,
        why="found by this simulation: its number is that of the start that is asked in its place, which was sent again",
        changes=(
            Change(
                file="agent/till/carry_out.py",
                before="        await durable  # what is withdrawn has no answer: its number is given again to what is asked in its place\n",
                after="",
            ),
        ),
    ),
    Mutant(
        name="a charge is taken back under the balance that is shown",
        seed=2769,
        why="found by this simulation: an API that redeems less than it said executes another amount",
        changes=(
            Change(
                file="agent/checkout/reversal.py",
                before="    return situation.balance_in_use\n",
                after="    return False\n",
            ),
        ),
    ),
    Mutant(
        name="a card stands in the journal as it is",
        seed=1,
        why="law 7: whoever gets the file must not read it",
        changes=(
            Change(
                file="agent/journal/pads.py",
                before="        return bytes(one ^ other for one, other in zip(text, pad, strict=False))\n",
                after="        return text\n",
            ),
        ),
    ),
    Mutant(
        name="a request's time runs while the disk syncs",
        seed=1194,
        why="found by this simulation's audit: where the sync takes longer, what was made ready is never answered",
        changes=(
            Change(
                file="agent/smart/transport.py",
                before="            async with self._limited(request.timeout_s):\n",
                after="            async with asyncio.timeout(request.timeout_s):\n",
            ),
            Change(
                file="agent/smart/connections.py",
                before="            await asyncio.shield(durable)",
                after="            await durable",
            ),
        ),
    ),
    Mutant(
        name="a request that does not wait for a slow disk",
        seed=49,
        why="a power cut within the sync leaves a booking that nobody knows of",
        changes=(
            Change(
                file="agent/smart/connections.py",
                before="            await asyncio.shield(durable)",
                after="            await asyncio.wait([durable], timeout=0.5)",
            ),
        ),
    ),
    Mutant(
        name="nobody stands at the terminal",
        seed=937,
        why="what a customer does there while the line is away is executed all the same",
        changes=(
            Change(file="agent/checkout/state.py", before="AT_TERMINAL_S = 150.0\n", after="AT_TERMINAL_S = 0.0\n"),
        ),
    ),
    Mutant(
        name="a stale read proves",
        seed=67,
        why="it shows what was before the late window ended",
        changes=(
            Change(
                file="agent/checkout/call_acts.py",
                before="checkout.rules.late_window_s + checkout.rules.stale_read_s\n",
                after="checkout.rules.late_window_s\n",
            ),
        ),
    ),
    Mutant(
        name="cash is started as a payment at the terminal",
        seed=1,
        why="the customer who has paid in cash is asked for a card",
        changes=(
            Change(
                file="agent/checkout/call_acts.py",
                before="        method=payment_of(checkout).method,\n",
                after='        method="cashless",\n',
            ),
        ),
    ),
    Mutant(
        name="a drawer that was open for long confirms nothing",
        seed=74,
        why="the cash is in, and the till goes on waiting",
        changes=(
            Change(
                file="agent/checkout/evidence.py",
                before="    open_s = at_s - expected.opened_s\n",
                after="    open_s = at_s - expected.opened_s\n    if open_s > 15:\n        return watch, ()\n",
            ),
        ),
    ),
    Mutant(
        name="a confirmation that was not written is forgotten",
        seed=49,
        why="the cash is in, and no record of it will ever be",
        changes=(
            Change(
                file="agent/till/journal_first.py",
                before="            self._listener.not_recorded(checkout_id)\n",
                after="            self._listener.not_recorded(checkout_id)\n            return\n",
            ),
        ),
    ),
    Mutant(
        name="a confirmation that was not written is not told",
        seed=49,
        why="nobody knows that the cash in the drawer has no record",
        changes=(
            Change(
                file="agent/till/journal_first.py",
                before="            self._listener.not_recorded(checkout_id)\n",
                after="",
            ),
        ),
    ),
    Mutant(
        name="another amount in the answer is overlooked",
        seed=133,
        why="a person must learn that the API executed something else than was shown",
        changes=(
            Change(
                file="agent/checkout/answer_guards.py",
                before="    remainder = event.facts.missing_sum\n    return not",
                after="    remainder = None\n    return not",
            ),
        ),
    ),
    Mutant(
        name="what was paid is paid again when it is handed over again",
        seed=220,
        why="a stale read shows it as payable for a while",
        changes=(
            Change(
                file="agent/till/requests.py",
                before="_MAY_HAVE_PAID = frozenset({Phase.COMPLETED, Phase.RESOLVED})\n",
                after="_MAY_HAVE_PAID: frozenset[Phase] = frozenset()\n",
            ),
        ),
    ),
    Mutant(
        name="a person decides about a reversal that may still be carried out",
        seed=6378,
        why="found by this simulation: a stale read showed the payment as it was before, and it was taken back twice",
        changes=(
            Change(
                file="agent/checkout/reversal.py",
                before="    return event.facts.status in EXECUTED | RUNNING or not _window_is_over(checkout, event)\n",
                after="    return event.facts.status in EXECUTED | RUNNING\n",
            ),
            Change(
                file="agent/checkout/table.py",
                before='    no(ATTENTION, ResolveAsked, "too_early", when=asked.not_executed_within_late_window),\n',
                after="",
            ),
        ),
    ),
    Mutant(
        name="what may be booked already does not wait",
        seed=2294,
        why="found by this simulation: a payment without an answer is the merchant's risk as well",
        changes=(
            Change(
                file="agent/till/open_checkouts.py",
                before="_WAITS = _ASKED | {Phase.CONFIRMED}\n",
                after="_WAITS = {Phase.CONFIRMED}\n",
            ),
        ),
    ),
    Mutant(
        name="the sum of what waits is not limited",
        seed=116,
        why="what waits for the API is the merchant's risk",
        changes=(
            Change(
                file="agent/checkout/offline.py",
                before="    if sum(payment.amount for payment in waiting) + amount > limits.max_total:\n",
                after="    if amount > limits.max_total:\n",
            ),
        ),
    ),
    Mutant(
        name="how long something waits is not limited",
        seed=47,
        why="an API that is away for days may never take it",
        changes=(
            Change(
                file="agent/checkout/offline.py",
                before="    if any(payment.age_s > limits.stop_when_oldest_h * SECONDS_PER_HOUR for payment in waiting):\n",
                after="    if any(payment.age_s > 24 * SECONDS_PER_HOUR for payment in waiting):\n",
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What the mistake broke, in which run, after how many."""

    seed: int
    runs: int
    texts: tuple[str, ...]


def hunt(mutant: Mutant, first: int, runs: int, workers: int) -> Found | None:
    """Run the simulation on a copy with the mistake until the law breaks."""
    with tempfile.TemporaryDirectory() as name:
        copy, tally = Path(name), Path(name) / "tally.json"
        make(mutant, copy)
        command = [sys.executable, "-m", "tests.faults", "--stop", "--tally", tally, "--workers", workers]
        ended = subprocess.run(
            list(map(str, [*command, "--from", first, "--runs", runs])),
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        if not tally.exists():
            raise RuntimeError(f"{mutant.name}: the simulation did not run: {ended.stderr[-2000:]}")
        broken = {int(seed): texts for seed, texts in json.loads(tally.read_text())["broken"].items()}
    if not broken:
        return None
    seed = min(broken)
    return Found(seed, seed - first + 1, tuple(broken[seed]))


def make(mutant: Mutant, copy: Path) -> None:
    """Copy the code, with the mistake in it. Raises ValueError when its place is not there, or there twice."""
    for folder in COPIED:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for change in mutant.changes:
        file = copy / change.file
        text = file.read_text()
        if text.count(change.before) != 1:
            raise ValueError(f"{mutant.name}: {change.file} has {text.count(change.before)} places for it")
        file.write_text(text.replace(change.before, change.after))


def main() -> int:
    """Hunt them all; return 1 when one lives."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=__doc__)
    parser.add_argument("--runs", type=int, default=MOST_RUNS)
    parser.add_argument("--from", type=int, default=1, dest="first", metavar="SEED")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="those with this in their name")
    arguments = parser.parse_args()
    alive = 0
    for mutant in (each for each in MUTANTS if arguments.only in each.name):
        found = hunt(mutant, arguments.first, arguments.runs, arguments.workers)
        alive += found is None
        told = f"seed {found.seed}, run {found.runs}: {'; '.join(found.texts)}" if found else "ALIVE"
        sys.stdout.write(f"{mutant.name}: {told}\n")
        sys.stdout.flush()
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
