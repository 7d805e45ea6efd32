"""Every attack of tests/abuse against a running agent: each is refused, and afterwards nothing was done.

What only Tillwire has (roles, tickets, cookies) is attacked in test_kiosk_abuse.
"""

from pathlib import Path

import pytest

from agent.kiosk.rate_limit import Rate
from tests.abuse.__main__ import ATTACKS, table
from tests.abuse.attack import Attack
from tests.abuse.crowds import MANY, SLOW, is_answered
from tests.abuse.target import Target
from tests.kiosk_bench import KioskBench, whole_agent

DOCUMENT = Path(__file__).parent.parent / "docs" / "abuse.md"
UNLIMITED = Rate(per_s=1e6, burst=1_000_000)
"""Where something else than the rate is attacked: a refusal must be for the right reason."""
SOON_S = 2.0  # also for a friend to be answered, on a busy machine


def target_of(bench: KioskBench, cut_off_s: float) -> Target:
    """The screen's token: it may read and write."""
    return Target(
        url=bench.base_url,
        token=bench.tokens.screen,
        read="/v1/checkouts",
        write="/v1/checkouts",
        body='{"merchantRef":"A-17"}',
        cut_off_s=cut_off_s,
    )


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.tries)
async def test_it_is_withstood(attack: Attack, tmp_path: Path) -> None:
    timeout_s = SOON_S if attack.group == SLOW else 30.0
    rate = Rate() if attack.group == MANY else UNLIMITED
    async with whole_agent(tmp_path, request_timeout_s=timeout_s, rate=rate) as bench:
        target = target_of(bench, timeout_s)
        assert await attack.run(target) is None
        assert await is_answered(target) is None or attack.group == MANY
        assert list(bench.till.open_checkouts) == []
        assert bench.drawer.pulses == 0


def test_the_page_names_every_attack() -> None:
    """`python -m tests.abuse --table` prints what belongs there."""
    assert table() in DOCUMENT.read_text()
