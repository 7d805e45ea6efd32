"""`tillwire check` on a box that is broken in the ways that need a kernel, systemd or a disk of its own."""

import json
import re

from tests.kiosk_vm.hid_reports import UHID_READERS
from tests.kiosk_vm.kiosk import Kiosk

RULES = "/etc/udev/rules.d/99-tillwire.rules"
MODEM_MANAGER = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
HOLD = (
    "import fcntl, sys, time; file = open(sys.argv[1], 'r+b', 0); "
    "fcntl.ioctl(file, int(sys.argv[2], 16), 1); open('/run/held', 'w').close(); time.sleep(3600)"
)
TIOCEXCL, EVIOCGRAB = "540c", "40044590"  # linux/tty.h, linux/input.h
EVENTS = "/dev/tillwire/counter"
PORT = "/dev/tillwire/drawer0"


async def found(box: Kiosk) -> dict[str, str]:
    """Return what check calls wrong."""
    ran = await box.machine.runs("/usr/bin/tillwire", "check", "--json")
    findings = json.loads(ran.out)["findings"]
    wrong = {finding["about"]: finding["text"] for finding in findings if finding["verdict"] == "wrong"}
    assert bool(wrong) == bool(ran.code)
    return wrong


async def finds(box: Kiosk, broken_by: str, text: str, mended_by: str) -> None:
    """Break the box, see that check says so, and mend it."""
    await box.machine.shell(broken_by)
    wrong = await found(box)
    assert any(re.search(text, said) for said in wrong.values()), f"{broken_by}: {wrong}"
    await box.machine.shell(mended_by)


async def test_beside_a_running_agent(box: Kiosk) -> None:
    await box.make_readers()
    async with box.screen() as screen:
        await screen.devices("present", "counter", "drawer", *UHID_READERS)
    assert await found(box) == {}
    await finds(box, "systemctl disable tillwire", "does not start with the machine", "systemctl enable tillwire")
    await finds(box, "date --set='+1 hour'", "ahead of the API's", "date --set='-1 hour'")
    free = "$(df --output=avail --block-size=1 /var/lib/tillwire | tail -n 1)"
    await finds(box, f"fallocate --length {free} /var/lib/full", "is full", "rm /var/lib/full")
    bind = "mount --bind /var/lib/tillwire /var/lib/tillwire; mount -o remount,bind,ro /var/lib/tillwire"
    await finds(box, bind, "read-only", "umount --lazy /var/lib/tillwire")
    await box.machine.write("/etc/systemd/system/ModemManager.service", MODEM_MANAGER.encode())
    again = "udevadm control --reload; udevadm trigger --settle --subsystem-match=tty"
    await finds(
        box,
        rf"systemctl start ModemManager; sed -i 's/, ENV{{ID_MM[^,]*//g' {RULES}; {again}",
        "ModemManager may write into",
        f"systemctl stop ModemManager; tillwire udev-rules --write; {again}",
    )
    assert await found(box) == {}


async def test_where_another_program_has_the_devices(box: Kiosk) -> None:
    async with box.screen() as screen:
        await screen.devices("present", "counter", "drawer")
    await box.machine.shell("systemctl stop tillwire")
    for node, request in ((PORT, TIOCEXCL), (EVENTS, EVIOCGRAB)):
        hold = f'systemd-run --quiet --unit=other python3 -c "{HOLD}" {node} {request}'
        held = "until test -e /run/held; do sleep 1; done"
        await finds(box, f"{hold}; {held}", "another program|busy", "systemctl stop other; rm /run/held")
    await finds(box, f"chmod 600 $(readlink -f {EVENTS})", "udev-rules --write|permission", "true")
