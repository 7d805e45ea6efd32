"""Reading the event stream of the local interface: server-sent events, as the agent writes them."""

from collections.abc import AsyncGenerator, AsyncIterable

SILENCE_TIMEOUT_S = 45.0
"""The agent writes into a silent event stream every 15 s: three pings that do not come are a dead connection."""
LONGEST_EVENT_BYTES = 4 << 20
"""A snapshot with hundreds of waiting checkouts, each with a long basket."""


async def sent_events(lines: AsyncIterable[bytes]) -> AsyncGenerator[dict[str, str]]:
    """Yield the fields of each event: `event`, `data` and, where it can be gone on from, `id`."""
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "event" in fields:
            yield fields
            fields = {}
