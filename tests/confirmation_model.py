"""Random days at the drawer, judged: no start/cash without evidence that the policy accepts, none withheld with it.

    .venv/bin/python -m tests.confirmation_model --sequences 1000000 --seed 1 --state .venv/confirmations.json

plays them one after the other at low priority, writes down every 10,000 how far it came, and goes on from there when it
is started again. A sequence that goes wrong is named, and can be played alone with `--only NUMBER`.
"""

import argparse
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from itertools import combinations
from pathlib import Path

from agent.checkout.evidence_state import DrawerRules
from agent.checkout.state import Confirmation
from tests.checkouts import executed, read
from tests.confirmation_world import AMOUNT, SOURCES, Source, World, Wrong

Act = Callable[[World], object]
WRITE_DOWN_EVERY = 10_000
NICE = 10


@cache
def policies() -> tuple[DrawerRules, ...]:
    """Return every policy that the configuration lets pass."""
    with_pulse: tuple[Confirmation, ...] = ("drawer-closed", "paid-message", "operator")
    with_register: tuple[Confirmation, ...] = (*with_pulse, "drawer-opened")
    ours = [DrawerRules(opened_by="tillwire", confirmed_by=kinds) for kinds in _subsets(with_pulse)]
    return (*ours, *(DrawerRules(opened_by="register", confirmed_by=kinds) for kinds in _subsets(with_register)))


def _subsets(kinds: tuple[Confirmation, ...]) -> list[tuple[Confirmation, ...]]:
    return [subset for size in range(1, len(kinds) + 1) for subset in combinations(kinds, size)]


def sources(rules: DrawerRules) -> tuple[Source, ...]:
    """Return the drawers that can tell what this policy asks of them."""
    needs_level = {"drawer-closed", "drawer-opened"} & set(rules.confirmed_by)
    return SOURCES[:-1] if needs_level else SOURCES


def _wait(world: World) -> None:
    world.wait(world.chance.choice((0.02, 0.1, 0.25, 0.5, 0.9, 1.2, 1.2, 2.1, 3.5)))


def _toggle(name: str) -> Act:
    return lambda world: world.disturb(**{name: not getattr(world, name)})


def _flicker(world: World) -> None:
    """Open and closed again, quicker than anybody looks."""
    was_open = world.is_open
    world.move(is_open=not was_open)
    world.wait(0.004)
    world.move(is_open=was_open)


def _replug(world: World) -> None:
    world.unplug()
    world.wait(world.chance.choice((0.1, 2.5)))
    world.connect()


def _plug_in(world: World) -> None:
    if world.reading is None:
        world.connect()


def _away(world: World) -> None:
    world.api = "offline" if world.api == "online" else "online"


def _all_well(world: World) -> None:
    """Whatever was wrong with the line is mended."""
    well = dict.fromkeys(("stuck", "dead", "refuses", "half", "spoilt_by_flow_control"), False)
    world.disturb(noise=b"", **well)


def _noisy(world: World) -> None:
    world.disturb(noise=b"" if world.noise else b"\xff\xfe")


def _message(world: World) -> None:
    world.pay_at_the_machine(world.chance.choice((None, AMOUNT, AMOUNT, AMOUNT + 1)))


def _register_opens(world: World) -> None:
    if world.rules.opened_by == "register":
        world.move(is_open=True)


def _push_in(world: World) -> None:
    world.move(is_open=False)


def _pull_open(world: World) -> None:
    world.move(is_open=True)


def _confirm(world: World) -> None:
    world.confirm(AMOUNT)


def _quarter_second(world: World) -> None:
    world.wait(0.25)


DISTURBED = 0.2
USUAL_COURSE: tuple[Act, ...] = (
    _push_in,
    World.next_customer,
    _wait,
    World.pay,
    _quarter_second,
    _register_opens,
    _wait,
    _wait,
    _push_in,
    _quarter_second,
    _quarter_second,
)
# A receipt is being printed when the first customer pays, and gives up; the second pays, and then the port is free.
BUSY_COURSE: tuple[Act, ...] = (
    _push_in,
    World.next_customer,
    _quarter_second,
    lambda world: world.disturb(pulses_wait=True),
    World.pay,
    _quarter_second,
    World.cancel,
    World.next_customer,
    World.pay,
    World.let_pulses_go,
    _quarter_second,
    _wait,
    _wait,
    _push_in,
    _quarter_second,
    _quarter_second,
)
# The pulse does nothing; somebody opens the drawer by key, too late, or a person takes the cash into account.
STUCK_COURSE: tuple[Act, ...] = (
    _push_in,
    World.next_customer,
    _wait,
    lambda world: world.disturb(stuck=True),
    World.pay,
    _wait,
    _wait,
    lambda world: world.chance.choice((_pull_open, _confirm))(world),
    _wait,
    _push_in,
    _quarter_second,
    _quarter_second,
    lambda world: world.disturb(stuck=False),
)
# The line of the messages was down before anybody paid, and may be back; a person takes the cash into account.
SILENT_COURSE: tuple[Act, ...] = (
    _push_in,
    World.lose_messages,
    World.next_customer,
    lambda world: world.chance.choice((World.find_messages, _quarter_second))(world),
    _wait,
    World.pay,
    _quarter_second,
    _confirm,
    _push_in,
    _quarter_second,
)
COURSES = (USUAL_COURSE, BUSY_COURSE, STUCK_COURSE, SILENT_COURSE)
# How often each comes in a hundred or so.
ACTS: dict[Act, int] = {
    _wait: 40,
    _push_in: 20,
    _pull_open: 6,
    World.pay: 10,
    World.pay_again_and_again: 1,
    World.cancel: 3,
    World.ask_drawer_again: 5,
    _confirm: 8,
    lambda world: world.confirm(AMOUNT - 1): 1,
    _message: 10,
    World.tear_message: 3,
    World.lose_messages: 5,
    World.find_messages: 5,
    World.restart: 2,
    World.unplug: 4,
    _replug: 2,
    _plug_in: 3,
    World.bounce: 4,
    _flicker: 2,
    World.receive_noise: 3,
    _toggle("stuck"): 1,
    _toggle("dead"): 1,
    _toggle("refuses"): 1,
    _toggle("half"): 1,
    _toggle("spoilt_by_flow_control"): 2,
    _noisy: 1,
    _all_well: 5,
    _away: 3,
    _toggle("pulses_wait"): 4,
    World.let_pulses_go: 3,
    lambda world: world.answer(read()): 3,
    lambda world: world.answer(read(sum=AMOUNT + 1)): 1,
    lambda world: world.answer(executed()): 4,
    World.next_customer: 10,
}


def _course(chance: random.Random) -> Iterator[Act]:
    """Yield what a customer and everybody else do: by chance, or the usual course with something in between."""
    course = chance.choices((*COURSES, (None,) * chance.randint(2, 8)), (5, 1, 1, 1, 3))[0]
    for act in course:
        if act is None or chance.random() < DISTURBED:
            yield from chance.choices(tuple(ACTS), tuple(ACTS.values()))
        if act is not None:
            yield act


def world_of(number: int, seed: str) -> World:
    """Return the world of a sequence, before anything happened in it."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - to be played again
    rules = chance.choice(policies())
    return World(rules, chance.choice(sources(rules)), chance)


def play_in(world: World) -> None:
    """Let things happen. Raises Wrong."""
    chance = world.chance
    with closing(world):
        world.wait(chance.choice((0.0, 1.0, 2.5, 2.5, 2.5)))
        for _ in range(chance.randint(1, 4)):
            for act in _course(chance):
                act(world)
        world.end()


def play(number: int, seed: str) -> Counter[str]:
    """Play one sequence; which evidence it had. Raises Wrong."""
    world = world_of(number, seed)
    play_in(world)
    return Counter(world.confirmed.values())


def main() -> int:
    """Play as many as are asked for, from where the last run stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=1_000_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--state", type=Path, help="remembers how far it came")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="play this one alone")
    arguments = parser.parse_args()
    os.nice(NICE)
    if arguments.only is not None:
        return _play_alone(arguments.only, arguments.seed)
    return _play_all(arguments.sequences, arguments.seed, arguments.state)


def _play_alone(number: int, seed: str) -> int:
    """Play one sequence and show all that was seen of it."""
    world = world_of(number, seed)
    try:
        play_in(world)
    except Wrong as wrong:
        print(f"wrong: {wrong}")  # noqa: T201 - what a command is there for
    print(world.rules, world.profile.model, sep="\n")  # noqa: T201 - likewise
    for at_s, what in world.log:
        print(f"{at_s:10.3f} {what}")  # noqa: T201 - likewise
    return 0


def _play_all(sequences: int, seed: str, state: Path | None) -> int:
    done, told, spent_s = _remembered(state, seed)
    began_s = time.monotonic() - spent_s
    for number in range(done, sequences):
        try:
            told += play(number, seed)
        except Wrong as wrong:
            print(f"sequence {number} of seed {seed}: {wrong}")  # noqa: T201 - what a command is there for
            return 1
        if (number + 1) % WRITE_DOWN_EVERY == 0 or number + 1 == sequences:
            spent_s = time.monotonic() - began_s
            _remember(state, seed, number + 1, told, spent_s)
            print(f"{number + 1} sequences in {spent_s:.0f} s: {dict(sorted(told.items()))}", flush=True)  # noqa: T201 - likewise
    return 0


def _remembered(state: Path | None, seed: str) -> tuple[int, Counter[str], float]:
    if state is None or not state.exists():
        return 0, Counter(), 0.0
    kept = json.loads(state.read_text())
    return (kept["done"], Counter(kept["told"]), kept["spent_s"]) if kept["seed"] == seed else (0, Counter(), 0.0)


def _remember(state: Path | None, seed: str, done: int, told: Counter[str], spent_s: float) -> None:
    if state is not None:
        state.write_text(json.dumps({"seed": seed, "done": done, "told": told, "spent_s": spent_s}))


if __name__ == "__main__":
    raise SystemExit(main())
