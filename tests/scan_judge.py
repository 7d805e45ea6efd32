"""Feeds streams to their decoders, as the drivers do, and compares what came out with what was scanned."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields
from heapq import merge
from random import Random

from device.hidpos_decoder import HidPosDecoder
from device.interface import Scan, TornScan
from device.key_decoder import EV_SYN, SYN_DROPPED, InputEvent, KeyDecoder
from device.line_decoder import LineDecoder
from device.scan_text import Outcome
from tests.scan_generator import IDLE_S, Chunk, Code, Loss, Lost, Opened, Silence, Step, Stream
from tests.scan_generator_bytes import line_stream, report_stream
from tests.scan_generator_keys import key_stream

SCANS_EACH = 10
SETTLE_S = 1.0  # after the last event: every time-out of a decoder has passed


@dataclass(slots=True)
class Figures:
    """What became of the scans."""

    scans: int = 0
    hurt: int = 0
    right: int = 0
    torn: int = 0  # not delivered, and reported
    torn_whole: int = 0  # of these, nothing was wrong with the scan itself: it followed a torn one
    wrong: int = 0  # delivered, and not what was scanned
    silent: int = 0  # not delivered, and nobody was told

    def add(self, other: "Figures") -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


def a_box(random: Random) -> list[Stream]:
    """One to four readers on one box, of any kind, scanning at the same time."""
    kinds = random.choices((key_stream, line_stream, report_stream), (60, 30, 10), k=random.randint(1, 4))
    return [kind(random, f"reader{place}", SCANS_EACH) for place, kind in enumerate(kinds)]


def play(streams: Sequence[Stream], random: Random) -> list[list[Outcome]]:
    """What the decoders make of their streams, fed in the order of time.

    Whether the timer of a decoder fires before its next event is left to chance; a port's stream says when it does.
    """
    outcomes: list[list[Outcome]] = [[] for _ in streams]
    steps = [[(step.at, place, step) for step in stream.steps] for place, stream in enumerate(streams)]
    for _, place, step in merge(*steps, key=lambda entry: entry[:2]):
        decoder = streams[place].decoder
        due = decoder.wake_at()
        if due is not None and due <= step.at and _may_fire_before(step, decoder) and random.random() < 0.5:
            outcomes[place].extend(decoder.wake(due))
        outcomes[place].extend(_feed(decoder, step))
    for place, stream in enumerate(streams):
        outcomes[place].extend(stream.decoder.wake(stream.steps[-1].at + SETTLE_S))
    return outcomes


def figures_of(random: Random) -> Figures:
    """Play one box and judge each of its readers."""
    streams = a_box(random)
    figures = Figures()
    for stream, outcomes in zip(streams, play(streams, random), strict=True):
        figures.add(judge(stream, outcomes))
    return figures


def _may_fire_before(step: Step, decoder: KeyDecoder | LineDecoder | HidPosDecoder) -> bool:
    """Not before a loss: the reader's thread was late then, or the kernel would not have dropped anything."""
    dropped = isinstance(step, InputEvent) and (step.type, step.code) == (EV_SYN, SYN_DROPPED)
    return not isinstance(decoder, LineDecoder) and not isinstance(step, Loss) and not dropped


def _feed(decoder: KeyDecoder | LineDecoder | HidPosDecoder, step: Step) -> tuple[Outcome, ...]:
    match step, decoder:
        case InputEvent(), KeyDecoder():
            return decoder.feed(step)
        case Chunk(), LineDecoder() | HidPosDecoder():
            return decoder.feed(step.data, step.at)
        case Loss(), LineDecoder():
            decoder.damaged(step.at)
        case Loss(), HidPosDecoder():
            decoder.dropped(step.at)
        case Silence(), LineDecoder():
            return decoder.wake(step.at)
        case Lost(), _:
            return decoder.lost(step.at)
        case Opened(), _:
            decoder.opened(step.at)
        case _:
            raise TypeError(f"{step} is nothing for {decoder}")
    return ()


def judge(stream: Stream, outcomes: list[Outcome]) -> Figures:
    """Count. Every scan that came out must be one that was made, in its place; every other one must be reported."""
    figures = Figures(scans=len(stream.codes), hurt=sum(code.hurt for code in stream.codes))
    waiting = list(stream.codes)
    for outcome in outcomes:
        if isinstance(outcome, Scan):
            code = next((code for code in waiting if _is(code, outcome)), None)
            figures.right += code is not None
            figures.wrong += code is None
            if code is not None:
                waiting.remove(code)
    torn = sorted(outcome.at for outcome in outcomes if isinstance(outcome, TornScan))
    for code in waiting:
        reported = _is_reported(code, stream, torn)
        figures.torn += reported
        figures.silent += not reported
        figures.torn_whole += not code.hurt
    return figures


def _is(code: Code, scan: Scan) -> bool:
    return (code.text, code.symbology) == (scan.text, scan.symbology) and code.first <= scan.at <= code.last


def _is_reported(code: Code, stream: Stream, torn: list[float]) -> bool:
    """Whether a torn scan was told of between the first sign of this one and the end of the burst it ended in."""
    if not code.was_seen:
        return True  # nothing of it ever came: a part of a longer loss, which is reported with its neighbours
    place = bisect_right(torn, _end_of_burst(code, stream)) - 1
    return place >= 0 and torn[place] >= code.first


def _end_of_burst(code: Code, stream: Stream) -> float:
    signs = stream.signs
    place = bisect_right(signs, code.last, key=lambda sign: sign.at) - 1
    while place + 1 < len(signs) and not signs[place].ends:
        following = signs[place + 1]
        if following.at - signs[place].at >= IDLE_S and not following.bridges:
            break
        place += 1
    return signs[place].at
