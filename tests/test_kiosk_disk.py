"""A disk that refuses, as screen and operator see it."""

from pathlib import Path

from agent.journal.reserve import Reserve
from agent.kiosk.roles import Role
from tests.kiosk_bench import ORDER, KioskBench, whole_agent


async def cash_awaited(bench: KioskBench) -> str:
    checkout_id = await bench.due()
    await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", {"method": "cash", "amount": 296})
    await bench.drawer.opened()
    return checkout_id


async def test_cash_that_was_taken_and_cannot_be_recorded_is_said_at_once_and_nothing_is_sent(tmp_path: Path) -> None:
    async with whole_agent(tmp_path) as bench, bench.events() as screen, bench.events(role=Role.OPERATOR) as operator:
        checkout_id = await cash_awaited(bench)
        await screen.until(lambda told: told.name == "drawer" and told.data["event"] == "opened")
        bench.disk.refuses = True
        bench.drawer.close_drawer()
        for reader in (screen, operator):
            told = await reader.until(lambda told: told.name == "not_recorded")
            assert checkout_id in told.data.values()
        refused = await bench.call("POST", "/v1/checkouts", ORDER)
        assert refused.status in {409, 507}
        health = await bench.call("GET", "/health")
        assert health.status == 503
        assert "a confirmed payment could not be recorded: look at the disk" in health.body["reasons"]
        assert not bench.simulator.requests_of("start/cash")
        async with bench.events() as late:
            snapshot = await late.next()
            assert snapshot.data["recording"] is False

        bench.disk.refuses = False
        await screen.phase("completed")
        assert len(bench.simulator.ledger) == 1
        assert (await bench.call("GET", "/health")).status == 200


async def test_no_cash_is_taken_while_no_room_is_held_back_for_its_confirmation(tmp_path: Path) -> None:
    async with whole_agent(tmp_path) as bench:
        checkout_id = await bench.due()
        path = _no_room(bench, tmp_path)
        refused = await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", {"method": "cash", "amount": 296})
        assert (refused.status, refused.problem) == (409, "no-room")
        assert bench.drawer.pulses == 0
        health = await bench.call("GET", "/health")
        assert "the disk is full: no cash is taken until there is room" in health.body["reasons"]

        path.rmdir()
        paid = await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", {"method": "cash", "amount": 296})
        assert (paid.status, paid.body["phase"]) == (200, "awaiting_cash")
        await bench.drawer.opened()
        assert (await bench.call("GET", "/health")).status == 200


async def test_the_drawer_is_not_opened_once_more_for_cash_whose_confirmation_has_no_room(tmp_path: Path) -> None:
    async with whole_agent(tmp_path) as bench:
        checkout_id = await cash_awaited(bench)
        _no_room(bench, tmp_path)
        asked = {"reason": "it is stuck", "by": "Ada"}
        refused = await bench.call("POST", "/v1/drawer/open", asked, role=Role.OPERATOR)
        assert (refused.status, refused.problem) == (409, "no-room")
        assert refused.body["checkout"]["id"] == checkout_id


def _no_room(bench: KioskBench, directory: Path) -> Path:
    """Give the reserve up, and put into its place what nothing can be allocated in; returns that."""
    path = directory / "journal.sqlite.reserve"
    path.unlink()
    _reserve_of(bench).held = False
    path.mkdir()
    return path


def _reserve_of(bench: KioskBench) -> Reserve:
    """A full disk gives it up by itself: tests/test_journal_disk.py."""
    return bench.till._journal._database.reserve  # noqa: SLF001 - what no interface hands out
