"""`tillwire check` on a box that is broken in each way, and mended as it says: real rights, disks, units and names."""

from tests.installed.box import Box

AGENT = "tillwire.service"
PORT_PROGRAM = """\
import fcntl, os, pty, pathlib, termios, time
_, port = pty.openpty()
link = pathlib.Path("/dev/drawer0")
link.unlink(missing_ok=True)
link.symlink_to(os.ttyname(port))
fcntl.ioctl(port, termios.TIOCEXCL)
os.chmod(port, 0o600)
print("there", flush=True)
time.sleep(3600)
"""
DRAWER = '[drawer]\nprofile = "escpos"\nport = "/dev/drawer0"\n[cash]\nconfirmed_by = ["operator", "drawer-closed"]'
OPERATOR = '[cash]\nconfirmed_by = ["operator"]'


def configure(box: Box, old: str, new: str) -> None:
    (box.root / "etc/tillwire/tillwire.toml").write_text(box.config().replace(old, new))


async def finds(box: Box, line: str) -> None:
    """Check, and see this line among the findings."""
    checked = await box.types("tillwire", "check")
    assert line in checked.out.splitlines(), checked.out
    assert checked.code == (1 if line.startswith("WRONG") else 0), checked.out


async def finds_nothing(box: Box) -> None:
    checked = await box.types("tillwire", "check")
    assert checked.code == 0, checked.out


async def test_a_configuration_that_the_agents_user_cannot_read(box: Box) -> None:
    etc = box.root / "etc/tillwire"
    (etc / "tillwire.toml").chmod(0o600)
    mend = "chgrp tillwire /etc/tillwire/tillwire.toml; chmod g+r /etc/tillwire/tillwire.toml"
    await finds(box, f"WRONG  configuration   /etc/tillwire/tillwire.toml cannot be read by tillwire: {mend}")
    assert (await box.types("systemctl", "restart", AGENT)).code != 0
    why = f"{AGENT} has failed: `journalctl -u {AGENT}` says why; then `systemctl restart {AGENT}`"
    await finds(box, f"WRONG  service         {why}")
    etc.chmod(0o700)
    closed = "/etc/tillwire/tillwire.toml is in a folder that tillwire may not pass: chmod o+x /etc/tillwire"
    await finds(box, f"WRONG  configuration   {closed}")
    etc.chmod(0o755)
    for command in mend.split("; "):
        await box.says(*command.split())
    await box.says("systemctl", "restart", AGENT)
    await finds_nothing(box)


async def test_the_disk(box: Box) -> None:
    state = "/var/lib/tillwire"
    await box.says("systemctl", "stop", AGENT)
    await box.says("mount", "-t", "tmpfs", "-o", "size=1m,mode=0711,uid=tillwire,gid=tillwire", "tmpfs", state)
    full = f"WRONG  disk            is full: 1 MiB are free in {state}, less than 64: make room"
    await finds(box, full)
    await box.says("mount", "-o", "remount,ro", state)
    read_only = f"{state} is on a disk that is read-only: see `dmesg` for why, mend or replace it"
    await finds(box, f"WRONG  state           {read_only}")
    await box.says("umount", state)
    await finds_nothing(box)


async def test_a_state_directory_that_the_service_may_not_write_to(box: Box) -> None:
    await box.says("install", "--directory", "--owner=tillwire", "--group=tillwire", "--mode=711", "/srv/state")
    configure(box, OPERATOR, f'{OPERATOR}\n[state]\ndirectory = "/srv/state"')
    allow = f"`systemctl edit {AGENT}`: [Service] ReadWritePaths=/srv/state"
    cannot = f"{AGENT} may not write to /srv/state: set [state] directory to its own, or {allow}"
    await box.says("systemctl", "stop", AGENT)
    await finds(box, f"WRONG  state           {cannot}")
    drop_in = box.root / f"etc/systemd/system/{AGENT}.d/state.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\nReadWritePaths=/srv/state\n")
    await box.says("systemctl", "daemon-reload")
    await box.says("systemctl", "start", AGENT)
    await finds_nothing(box)


async def test_the_service_and_a_second_agent(box: Box) -> None:
    await box.says("systemctl", "disable", AGENT)
    await finds(
        box,
        f"WRONG  service         {AGENT} does not start with the machine: run `systemctl enable {AGENT}`",
    )
    await box.says("systemctl", "enable", AGENT)
    left = box.root / "etc/tillwire/left.toml"
    left.write_text(box.config('[state]\ndirectory = "/var/lib/tillwire/left"'))
    await finds_nothing(box)
    await box.says("systemctl", "enable", "tillwire@left.service")
    shared = f"tillwire@left.service has the same [kiosk] listen, 127.0.0.1:{box.port}"
    await finds(box, f"WRONG  second agent    {shared}: give each its own, or disable one")


async def test_a_name_that_is_not_found(box: Box) -> None:
    await box.says("systemctl", "stop", AGENT)
    (box.root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    configure(box, box.simulator.base_url, "https://api.tillwire.invalid")
    checked = await box.types("tillwire", "check")
    assert checked.code == 1
    api = next(line for line in checked.out.splitlines() if line.startswith("WRONG  api"))
    assert api.startswith("WRONG  api             https://api.tillwire.invalid: not sent: ")
    assert api.endswith(": check cable, network and DNS")


async def test_rights_and_a_port_that_another_program_holds(box: Box) -> None:
    await box.says("systemctl", "stop", AGENT)
    configure(box, OPERATOR, DRAWER)
    (box.root / "root/port.py").write_text(PORT_PROGRAM)
    await box.says("systemd-run", "--unit=port", "python3", "/root/port.py")
    await box.shows("there", "journalctl", "--unit=port", "--output=cat", "--no-pager")
    denied = "/dev/drawer0: permission denied; the agent's user needs the node's group (udev rule)"
    await finds(box, f"WRONG  drawer          {denied}")
    await box.says("chmod", "666", await box.says("readlink", "--canonicalize", "/dev/drawer0"))
    await finds(box, "WRONG  drawer          /dev/drawer0 is held by another program; stop that one")


async def test_programs_that_take_ports_are_asked_for_by_their_real_units(box: Box) -> None:
    """What they would take is in tests/test_check_ports.py: this box has no udev and no adapter."""
    for unit in ("ModemManager", "brltty"):
        (box.root / f"etc/systemd/system/{unit}.service").write_text("[Service]\nExecStart=/usr/bin/sleep 3600\n")
    await box.says("systemctl", "daemon-reload")
    await box.says("systemctl", "start", "ModemManager", "brltty")
    asked = "from agent.commands.units import unit_facts as f; print(f('ModemManager.service'), f('brltty.service'))"
    told = await box.says("/opt/tillwire/bin/python3", "-c", asked)
    assert told.startswith("Unit(active=True, enabled=False, failed=False, drop_ins='', writable=None) ")
    assert "brltty.service.d/tillwire.conf" in told
    assert "Unit(active=False" in told, "a box that is set up as a till starts no brltty"
