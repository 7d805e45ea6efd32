"""`tillwire replay`: a recorded day again, and where the agent now does something else."""

import argparse
import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from agent.commands.common import GOOD, NO, WRONG_USE, add_json, complain, say
from agent.recording.records import NotARecording, read_recording
from agent.replay.play import Replayed, play

MOST_SHOWN = 10
"""Differences of one start: those that come later follow from the first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="what `tillwire run --record FILE` has written")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0: the agent does what it did; 1: it does something else; 2: this is no recording."""
    try:
        days = read_recording(arguments.file)
        replayed = [play(begun, happened) for begun, happened in days]
    except OSError as error:
        complain(f"{arguments.file}: {error.strerror}")
        return WRONG_USE
    except NotARecording as error:
        complain(f"{arguments.file}: {error}")
        return WRONG_USE
    except ValidationError as error:
        complain(
            f"{arguments.file}: the recorded configuration is not one of this release: {error.error_count()} problems"
        )
        return WRONG_USE
    if arguments.json:
        say(json.dumps([_as_json(each) for each in replayed]))
    else:
        for each in replayed:
            _tell(each)
    return NO if any(each.differences for each in replayed) else GOOD


def _tell(replayed: Replayed) -> None:
    what = f"{replayed.checkouts} checkouts, {replayed.exchanges} requests to the API"
    if not replayed.differences:
        say(f"{replayed.started:%Y-%m-%d %H:%M:%S}: {what}; the agent does what it did")
        return
    count = len(replayed.differences)
    say(f"{replayed.started:%Y-%m-%d %H:%M:%S}: {what}; the agent does something else in {count} places, first:")
    for difference in replayed.differences[:MOST_SHOWN]:
        at = replayed.started + timedelta(seconds=difference.at)
        say(f"  {at:%H:%M:%S} {difference.text}")


def _as_json(replayed: Replayed) -> dict[str, object]:
    return {
        "started": replayed.started.isoformat(),
        "checkouts": replayed.checkouts,
        "exchanges": replayed.exchanges,
        "differences": [asdict(difference) for difference in replayed.differences],
    }
