"""`tillwire checkouts`: what the journal knows, and what a person decides about it."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from functools import partial
from typing import TextIO, get_args

from pydantic import TypeAdapter

from agent.checkout.events import ResolveAsked, RetryAsked
from agent.checkout.state import FINAL, Outcome, Phase
from agent.commands.asking import add_by, answered, checked
from agent.commands.checkout_records import Decision, Records, open_records
from agent.commands.checkout_text import checkout_lines, list_lines, most_urgent_first
from agent.commands.checkouts_export import every_checkout, export_all
from agent.commands.common import GOOD, NO, add_config, add_json, become_owner_of, complain, load_settings, say
from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.queries import MOST_LISTED
from agent.kiosk.requests import Reason, ReverseBody
from agent.receipt import as_json
from config.settings import Settings

FINISHED_SHOWN = 20
STDOUT = "-"

Work = Callable[[Settings], Coroutine[object, object, int]]
WithRecords = Callable[[Records], Coroutine[object, object, int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|retry|resolve|reverse|export")
    listing = actions.add_parser("list", help="what is open, the most urgent first, and what was finished lately")
    listing.add_argument("--phase", choices=list(Phase), metavar="PHASE", help=f"only this one: {', '.join(Phase)}")
    listing.add_argument(
        "--limit", type=_limit, default=FINISHED_SHOWN, metavar="N", help="how many finished ones at most (%(default)s)"
    )
    show = actions.add_parser("show", help="everything that is known of one checkout, with its history and receipts")
    retry = actions.add_parser("retry", help="go on with one that needs attention; what became of it is read first")
    retry.add_argument("--new-transaction", action="store_true", help="create it anew, where the old one was refused")
    resolve = actions.add_parser("resolve", help="close one that needs attention, and say what became of it")
    resolve.add_argument("--outcome", required=True, choices=get_args(Outcome), help="what became of the booking")
    resolve.add_argument(
        "--note", required=True, type=checked(TypeAdapter(Reason)), metavar="TEXT", help="how you know"
    )
    reverse = actions.add_parser("reverse", help="take a completed one back; it gets a reversal beside it")
    reverse.add_argument(
        "--reason", required=True, type=checked(TypeAdapter(Reason)), metavar="TEXT", help="why it is taken back"
    )
    reverse.add_argument(
        "--open-drawer", action="store_true", help="open it when the API has taken the payment back at once"
    )
    export = actions.add_parser("export", help="all checkouts as JSON lines, the newest first")
    export.add_argument("file", metavar="FILE", help="- for standard output")
    for action in (show, retry, resolve, reverse):
        action.add_argument("id", metavar="ID", help="as the list shows it")
    for action in (retry, resolve, reverse):
        add_by(action)
    for action in (listing, show):
        add_json(action)
    for action in (listing, show, retry, resolve, reverse, export):
        add_config(action)


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments)
    with ExitStack() as files:
        try:
            do = _work(arguments, files)
        except OSError as error:
            complain(f"{arguments.file}: {error.strerror}")
            return NO
        become_owner_of(settings.state.directory)
        return answered(do(settings))


def _limit(text: str) -> int:
    limit = int(text)
    if not 1 <= limit <= MOST_LISTED:
        raise argparse.ArgumentTypeError(f"must be 1 to {MOST_LISTED}")
    return limit


def _work(arguments: argparse.Namespace, files: ExitStack) -> Work:
    match arguments.action:
        case "list":
            return _with_records(partial(_list, phase=arguments.phase, limit=arguments.limit, in_json=arguments.json))
        case "show":
            return _with_records(partial(_show, checkout_id=arguments.id, in_json=arguments.json))
        case "export":
            return partial(export_all, out=_opened(arguments.file, files))
        case "retry":
            retry = RetryAsked(by=arguments.by, new_transaction=arguments.new_transaction)
            return _with_records(partial(_decide, checkout_id=arguments.id, decision=retry))
        case "reverse":
            wanted = ReverseBody(reason=arguments.reason, open_drawer=arguments.open_drawer, by=arguments.by)
            return _with_records(partial(_reverse, checkout_id=arguments.id, wanted=wanted))
        case _:
            resolve = ResolveAsked(outcome=arguments.outcome, note=arguments.note, by=arguments.by)
            return _with_records(partial(_decide, checkout_id=arguments.id, decision=resolve))


def _opened(file: str, files: ExitStack) -> TextIO:
    """Open the file of an export, for its owner only: it tells who bought what. Raises OSError."""
    if file == STDOUT:
        return sys.stdout
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    return files.enter_context(os.fdopen(descriptor, "w", encoding="utf-8"))


def _with_records(do: WithRecords) -> Work:
    async def work(settings: Settings) -> int:
        async with open_records(settings) as records:
            return await do(records)

    return work


async def _list(records: Records, *, phase: Phase | None, limit: int, in_json: bool) -> int:
    still_open = [each for each in Phase if each not in FINAL and phase in (each, None)]
    found = {each.id: each for wanted in still_open async for each in every_checkout(records, wanted)}
    if phase is None or phase in FINAL:
        found |= {each.id: each for each in await records.page(phase, limit)}
    checkouts = most_urgent_first(found.values())
    if in_json:
        say(json.dumps({"checkouts": [_plain(each) for each in checkouts]}))
    else:
        say("\n".join(list_lines(checkouts)) if checkouts else "There are none.")
    return GOOD


async def _show(records: Records, *, checkout_id: str, in_json: bool) -> int:
    checkout = await records.find(checkout_id)
    history = await records.history(checkout_id)
    receipts = {copy: await records.receipt(checkout_id, copy) for copy in checkout.receipts}
    if in_json:
        known = {
            "checkout": _plain(checkout),
            "history": [each.model_dump(mode="json") for each in history],
            "receipts": {copy: as_json(lines) for copy, lines in receipts.items()},
        }
        say(json.dumps(known))
    else:
        say("\n".join(checkout_lines(checkout, history, receipts)))
    return GOOD


async def _decide(records: Records, *, checkout_id: str, decision: Decision) -> int:
    checkout = await records.decide(checkout_id, decision)
    goes_on = "" if checkout.phase in FINAL else f"; {records.goes_on}"
    say(f"{checkout.id} is {checkout.phase} now{goes_on}")
    return GOOD


async def _reverse(records: Records, *, checkout_id: str, wanted: ReverseBody) -> int:
    """Begin a reversal. How it ends is seen by `checkouts show`: the API may take its time."""
    reversal = await records.reverse(checkout_id, wanted)
    say(f"{reversal.id} reverses {checkout_id} and is {reversal.phase} now; see tillwire checkouts show {reversal.id}")
    return GOOD


def _plain(checkout: CheckoutAnswer) -> object:
    return checkout.model_dump(mode="json")
