"""What was acknowledged is there after `kill -9`."""

import signal
import subprocess
import sys
from pathlib import Path

from agent.card import CardNumber
from tests.journal_entries import DIGITS, journal_at

ROOT = Path(__file__).parent.parent
ROUNDS = 3


def acknowledged_until_killed(path: Path, number: int) -> int:
    """Let a process commit; kill it at once after so many acknowledgements; return the last one that came out."""
    command = (sys.executable, "-m", "tests.journal_child", "commit", str(path))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(number)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return int(lines[-1])


async def test_each_acknowledged_entry_is_found_whole_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    for turn in range(1, ROUNDS + 1):
        last = acknowledged_until_killed(path, 17 * turn)

        async with journal_at(path) as journal:
            assert journal.latest_sequence >= last
            stream = await journal.events_since(0, 100_000)
            assert [event.sequence for event in stream] == list(range(1, journal.latest_sequence + 1))
            newest = {event.checkout.id: event.checkout for event in stream if event.checkout is not None}
            assert {checkout.id: checkout for checkout in await journal.checkouts(limit=100_000)} == newest
            for found in await journal.open_checkouts():
                assert (found.card is None) == (found.checkout.card is None)
                assert found.card in {None, CardNumber(DIGITS)}
