"""Installing, running, upgrading, removing and purging on a Debian 12 with its own systemd."""

import asyncio
import json
import re
import shutil
from pathlib import Path

from tests.fleet_bench import OFFICE, TILL, consumer, mosquitto
from tests.installed.box import Box, Ran, free_port

AGENT = "tillwire.service"
MAY_BE_PURGED = "var/lib/misc/tillwire-may-be-purged"
INSTALL = Path(__file__).parents[2] / "docs/install.md"


def shown_in_docs(name: str) -> str:
    """Return what the documentation says that the terminal shows."""
    block = INSTALL.read_text().partition(f"<!-- terminal: {name} -->\n```\n")[2]
    return block.partition("\n```")[0]


def _without_figures(text: str) -> str:
    """Ports and free space are others on each box."""
    return re.sub(r"\d+", "#", text)


async def test_from_an_answer_file_to_a_completed_checkout_without_a_keystroke(bare_box: Box, package: Path) -> None:
    installed = await bare_box.install(package)
    assert installed.code == 0, installed.out
    ready = await bare_box.set_up()
    assert ready.code == 0, ready.out
    assert _without_figures(ready.out).strip() == _without_figures(shown_in_docs("setup"))
    assert await bare_box.says("systemctl", "is-enabled", AGENT) == "enabled"
    checkout = await bare_box.until_cash()
    await bare_box.take_cash(checkout)
    await bare_box.phase(checkout, "completed")
    assert len(bare_box.simulator.ledger) == 1


async def test_all_that_it_needs_comes_along_and_nothing_is_built(box: Box) -> None:
    for tool in ("gcc", "cc", "pip", "pip3"):
        assert (await box.types("which", tool)).code != 0, "the box has neither compiler nor pip"
    await box.says("/opt/tillwire/bin/python3", "-c", "import aiohttp, aiomqtt, evdev, pydantic, serial, usb.core")


async def test_the_watchdog_is_fed_by_the_loop_that_handles_money(box: Box) -> None:
    """An agent that stands still is missed, stopped and started again."""
    limits = box.root / f"etc/systemd/system/{AGENT}.d"
    limits.mkdir(parents=True)
    (limits / "watchdog.conf").write_text("[Service]\nWatchdogSec=3\n")
    await box.says("systemctl", "daemon-reload")
    await box.says("systemctl", "restart", AGENT)
    await box.says("systemctl", "kill", "--signal=STOP", "--kill-whom=main", AGENT)
    await box.shows("Watchdog timeout", "journalctl", "--unit", AGENT, "--output=cat", "--no-pager")
    await box.shows("active", "systemctl", "is-active", AGENT)
    await box.shows("waiting for a customer", "systemctl", "show", "--property=StatusText", "--value", AGENT)


async def test_the_service_runs_with_no_rights_that_it_does_not_need(box: Box) -> None:
    said = await box.says("systemd-analyze", "security", AGENT)
    score = re.search(r"exposure level for .*: ([0-9.]+)", said)
    assert score is not None
    assert float(score[1]) <= 1.5
    assert await box.says("stat", "--format=%U:%G %a", "/etc/tillwire/client_secret") == "root:root 600"
    for role in ("screen", "operator"):
        token = f"/var/lib/tillwire/tokens/{role}"
        assert await box.says("stat", "--format=%G %a", token) == f"tillwire-{role} 640"
        reading = await box.types(
            "setpriv", "--reuid=65534", f"--regid=tillwire-{role}", "--clear-groups", "cat", token
        )
        assert reading.code == 0, "who is in the group reads its token"
        other = await box.types("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", token)
        assert other.code != 0


async def test_its_log_has_fields(box: Box) -> None:
    config = box.root / "etc/tillwire/tillwire.toml"
    missing = '[[scanner]]\nname = "counter"\ndriver = "serial"\nport = "/dev/ttyUSB9"\n'
    config.write_text(f"{config.read_text()}{missing}")
    await box.says("systemctl", "restart", AGENT)
    await box.shows("counter is missing", "journalctl", "--no-pager", "LOGGER=tillwire.devices")
    said = await box.says("journalctl", "--output=json", "--no-pager", "LOGGER=tillwire.devices")
    entry = json.loads(said.splitlines()[-1])
    assert (entry["_SYSTEMD_UNIT"], entry["SYSLOG_IDENTIFIER"], entry["PRIORITY"]) == (AGENT, "tillwire", "6")


async def test_a_wrong_configuration_is_said_once_and_a_killed_agent_comes_back(box: Box) -> None:
    await box.says("systemctl", "kill", "--signal=KILL", AGENT)
    await box.shows("1", "systemctl", "show", "--property=NRestarts", "--value", AGENT)
    await box.shows("active", "systemctl", "is-active", AGENT)
    config = box.root / "etc/tillwire/tillwire.toml"
    config.write_text(config.read_text().replace("confirmed_by", "confirmd_by"))
    assert (await box.types("systemctl", "restart", AGENT)).code != 0
    await asyncio.sleep(5)  # twice as long as systemd waits before it starts an agent again
    assert (await box.types("systemctl", "is-active", AGENT)).out.strip() == "failed"
    said = await box.says("journalctl", "--unit", AGENT, "--output=cat", "--no-pager")
    assert said.count("cash.confirmd_by is not a known key; did you mean confirmed_by?") == 1


async def test_neither_upgrade_nor_shutdown_nor_stop_interrupts_a_customer(box: Box, next_package: Path) -> None:
    checkout = await box.until_cash()
    await box.shows("A customer is being served", "systemd-inhibit", "--list", "--no-pager")
    assert await box.says("ls", "/run/tillwire/busy") == "till"
    assert (
        await box.says("systemctl", "show", "--property=StatusText", "--value", AGENT) == "a customer is being served"
    )
    upgrading = asyncio.create_task(box.install(next_package))
    await box.shows("wait-idle", "ps", "-ef")
    assert await box.says("systemctl", "is-active", AGENT) == "active"
    await box.take_cash(checkout)
    upgraded = await upgrading
    assert upgraded.code == 0, upgraded.out
    assert (await box.says("dpkg-query", "--show", "tillwire")).split()[1].startswith("9")
    await box.shows("active", "systemctl", "is-active", AGENT)
    await box.shows("waiting for a customer", "systemctl", "show", "--property=StatusText", "--value", AGENT)
    await box.phase(checkout, "completed")
    assert len(box.simulator.ledger) == 1
    stopped_at = await box.until_cash()
    stopping = asyncio.create_task(box.types("systemctl", "stop", AGENT))
    await box.shows("deactivating", "systemctl", "is-active", AGENT)
    await box.take_cash(stopped_at)
    assert (await stopping).code == 0
    assert len(box.simulator.ledger) == 2


async def test_the_machine_is_kept_up_for_each_of_many_customers_in_quick_succession(box: Box) -> None:
    for _ in range(7):
        await box.says("touch", "/run/tillwire/busy/another")
        await box.shows("A customer is being served", "systemd-inhibit", "--list", "--no-pager")
        await box.says("rm", "/run/tillwire/busy/another")
        await box.shows("inactive", "systemctl", "is-active", "tillwire-inhibit.service")
    assert await box.says("systemctl", "is-active", "tillwire-inhibit.path") == "active"


async def test_an_upgrade_that_goes_on_after_its_old_half_failed_stops_the_agent_too(
    box: Box, next_package: Path
) -> None:
    main_process = ("systemctl", "show", "--property=MainPID", "--value", AGENT)
    before = await box.says(*main_process)
    (box.root / "var/lib/dpkg/info/tillwire.prerm").write_text("#!/bin/sh\nexit 1\n")
    upgraded = await box.install(next_package)
    assert upgraded.code == 0, upgraded.out
    await box.says("systemctl", "start", AGENT)  # waits for the start that postinst asked for
    assert await box.says(*main_process) not in ("0", before)


async def test_a_link_that_the_agent_puts_where_root_works_leads_nowhere(box: Box) -> None:
    state = box.root / "srv/state"
    state.mkdir()
    (state / "tokens").symlink_to("/etc/tillwire")
    before = await box.says("stat", "--format=%a", "/etc/tillwire")
    assert (await box.types("env", "STATE_DIRECTORY=/srv/state", "/usr/lib/tillwire/share-tokens")).code != 0
    assert await box.says("stat", "--format=%a", "/etc/tillwire") == before


async def test_removing_leaves_configuration_and_journal_and_purging_nothing(box: Box, package: Path) -> None:
    (box.root / "etc/udev/rules.d/99-tillwire-left.rules").write_text("")
    await box.says("systemctl", "enable", "tillwire@left.service")
    removed = await box.types("dpkg", "--remove", "tillwire")
    assert removed.code == 0, removed.out
    assert (box.root / "etc/tillwire/tillwire.toml").exists()
    assert (box.root / "var/lib/tillwire/journal.sqlite").exists()
    assert not (box.root / "opt/tillwire").exists()
    assert (await box.types("test", "-e", "/run/tillwire-to-start")).code != 0
    assert (box.root / MAY_BE_PURGED).exists()
    installed = await box.install(package)
    assert installed.code == 0, installed.out
    assert not (box.root / MAY_BE_PURGED).exists(), "a till that may sell again is asked again"
    purged = await box.types("dpkg", "--purge", "tillwire")
    assert purged.code == 0, purged.out
    left = await box.says(
        "find", "/", "-xdev", "-name", "*tillwire*", "-not", "-path", "/root/*", "-not", "-path", "/proc/*"
    )
    assert left == ""


async def test_purging_empties_a_partition_of_its_own(box: Box) -> None:
    state = "/var/lib/tillwire"
    await box.says("systemctl", "stop", AGENT)
    await box.says("mount", "-t", "tmpfs", "-o", "mode=0711,uid=tillwire,gid=tillwire", "tmpfs", state)
    await box.says("systemctl", "start", AGENT)
    assert (await box.types("ls", f"{state}/journal.sqlite")).code == 0
    purged = await box.types("dpkg", "--purge", "tillwire")
    assert purged.code == 0, purged.out
    assert await box.says("find", state) == state
    assert not (box.root / MAY_BE_PURGED).exists()


async def test_purging_keeps_a_partition_that_was_not_mounted_when_the_package_was_removed(box: Box) -> None:
    removed = await box.types("dpkg", "--remove", "tillwire")
    assert removed.code == 0, removed.out
    await box.says("mount", "-t", "tmpfs", "tmpfs", "/var/lib/tillwire")
    await box.says("touch", "/var/lib/tillwire/journal.sqlite")
    purged = await box.types("dpkg", "--purge", "tillwire")
    assert "/var/lib/tillwire/journal.sqlite" in purged.out.splitlines()
    assert (await box.types("ls", "/var/lib/tillwire/journal.sqlite")).code == 0


async def test_purging_keeps_a_journal_with_money_that_is_not_booked(box: Box) -> None:
    checkout = await box.until_cash()
    box.simulator.refuse_connections(3600)
    await box.take_cash(checkout)
    await box.shows("waiting for a customer", "systemctl", "show", "--property=StatusText", "--value", AGENT)
    purged = await box.types("dpkg", "--purge", "tillwire")
    assert_kept(box, purged, "journal.sqlite")


async def test_purging_in_a_chroot_without_the_configuration_keeps_it_too(box: Box) -> None:
    checkout = await box.until_cash()
    box.simulator.refuse_connections(3600)
    await box.take_cash(checkout)
    await box.shows("waiting for a customer", "systemctl", "show", "--property=StatusText", "--value", AGENT)
    await box.says("systemctl", "stop", AGENT)
    (box.root / "etc/tillwire/tillwire.toml").unlink()
    without_systemd = "mount -t tmpfs tmpfs /run && dpkg --purge tillwire"
    assert_kept(box, await box.types("unshare", "--mount", "sh", "-c", without_systemd), "journal.sqlite")


async def test_purging_keeps_payments_that_nobody_decided_before_they_left_the_journal(box: Box) -> None:
    exports = box.root / "var/lib/tillwire/exports"
    exports.mkdir(exist_ok=True)
    (exports / "unresolved-2026-08.jsonl").write_text("{}\n")
    removed = await box.types("dpkg", "--remove", "tillwire")
    assert "exports/unresolved-2026-08.jsonl: payments that nobody decided" in removed.out
    assert_kept(box, await box.types("dpkg", "--purge", "tillwire"), "exports/unresolved-2026-08.jsonl")


def assert_kept(box: Box, purged: Ran, file: str) -> None:
    """Purging ended well, kept this file of the state directory, and said so."""
    assert purged.code == 0, purged.out
    assert "/var/lib/tillwire is kept" in purged.out
    assert f"/var/lib/tillwire/{file}" in purged.out.splitlines()
    assert (box.root / "var/lib/tillwire" / file).exists()


async def test_several_lanes_have_a_journal_and_an_address_each(box: Box) -> None:
    for lane in ("left", "right"):
        state = f'[state]\ndirectory = "/var/lib/tillwire/{lane}"'
        (box.root / f"etc/tillwire/{lane}.toml").write_text(box.config(state, port=free_port()))
        await box.says("systemctl", "enable", "--now", f"tillwire@{lane}.service")
        ready = await box.types("tillwire", "check", "--config", f"/etc/tillwire/{lane}.toml")
        assert ready.code == 0, ready.out
        assert (box.root / f"var/lib/tillwire/{lane}/journal.sqlite").exists()


async def test_it_meets_its_fleet_with_a_password_that_root_alone_can_read(box: Box, tmp_path: Path) -> None:
    etc = box.root / "etc/tillwire"
    (etc / "mqtt_password").write_text("correct-horse")
    (etc / "mqtt_password").chmod(0o600)
    async with mosquitto(tmp_path, passwords={TILL: "correct-horse"}) as broker:
        shutil.copy(broker.authority.ca, etc / "fleet-ca.crt")
        where = f'host = "127.0.0.1"\nport = {broker.password_port}\nca_file = "/etc/tillwire/fleet-ca.crt"\n'
        section = f'[fleet]\ntill = "{TILL}"\nusername = "{TILL}"\n{where}'
        config = etc / "tillwire.toml"
        config.write_text(f"{config.read_text()}{section}")
        async with consumer(broker.broker(OFFICE)) as office:
            await box.says("systemctl", "restart", AGENT)
            await office.until(lambda: bool(office.of("state")))
        ready = await box.types("tillwire", "check")
        assert ready.code == 0, ready.out
