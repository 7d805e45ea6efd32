"""docs/flows.md, from what really went out: `python -m agent.demo.flows_page docs/flows.md`."""

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.checkout.state import Json
from agent.demo.flows import FLOWS, Flow, hands_of, in_words, played
from agent.demo.stage import set_up
from agent.demo.story import Teller, listening

HEAD = """\
# The flows of a checkout, as calls

What the agent sends to the API in each flow of a point of sale. The lists are the simulator's own record of what
arrived, written by `python -m agent.demo.flows_page docs/flows.md`; a test plays every flow again. Each can
be watched:

```
tillwire demo --flow card-and-cash
```

The letters are those of the project's API reference. The card of the documentation holds 5.00 EUR here, and the sample
basket costs 7.96 EUR. Every call has the access token of the agent's login; `{id}` is the id that the API gave the
transaction. The simulator masks the numbers of cards.
"""


def page(flows: Mapping[str, Sequence[Json]]) -> str:
    """The page with what was sent in each flow."""
    return "\n".join([HEAD, *(section(name, FLOWS[name], requests) for name, requests in flows.items())])


def section(name: str, flow: Flow, requests: Sequence[Json]) -> str:
    lines = [f"{number}. `{in_words(request)}` → {request['status']}" for number, request in enumerate(requests, 1)]
    return "\n".join([f"## {flow.letter}. {flow.title}: `{name}`", "", flow.story, "", *lines, ""])


async def _all_flows() -> str:
    with tempfile.TemporaryDirectory(prefix="tillwire-flows-") as directory:
        async with set_up(Path(directory)) as stage, listening(stage.screen, Teller(_say_nothing)) as heard:
            await stage.settled()
            hands = hands_of(stage, heard)
            return page({name: await played(flow, hands, stage.simulator_url) for name, flow in FLOWS.items()})


def _say_nothing(text: str) -> None:
    del text


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(asyncio.run(_all_flows()), "utf-8")
