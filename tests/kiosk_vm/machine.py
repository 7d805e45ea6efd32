"""A virtual machine under software emulation, driven from outside: plugged, typed on, cut off from its current.

QEMU is asked by QMP, the system inside by its guest agent.
"""

import asyncio
import base64
import shlex
import socket
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.kiosk_vm.image import Image
from tests.kiosk_vm.json_lines import JsonLines, MachineError
from tests.kiosk_vm.within import within

KEY_S = 0.006
"""Between two events of a key: faster ones are lost in QEMU's queue for HID (hardware.md 7.3)."""
BOOT_S = 400.0
"""A bare Debian needs 35 s on an idle machine; this one is shared."""
COMMAND_S = 400.0
"""Starting the agent takes 10 s on an idle machine, and minutes where others work, too."""
FORWARDED = (8300, 8301)  # ports of the guest: the local interface, the hands
MEMORY_MIB = 640
ASKED_AGAIN_S = 0.25
"""Each question costs the system inside some hundredths of a second."""
CONSOLE_LOG = "console.log"
"""In the folder of a machine: what its system said, its journal included, over each of its starts."""
QMP_SOCKET, GUEST_SOCKET = "qmp.sock", "guest.sock"
QEMU_LOG = "qemu.log"
"""Beside it: what QEMU itself said, of its last start."""
LAST_WORDS = 6000
LOOKED_AGAIN_S = 0.05
PROCESSOR = "Westmere,+rdrand"
"""Newer ones move memory byte by byte (ERMS), guard it at every step (SMAP) and so take much longer to emulate."""
UNNEEDED = (  # each costs an emulated processor a second or two
    *(f"modprobe@{module}.service" for module in ("configfs", "dm_mod", "drm", "efi_pstore", "fuse", "loop")),
    *("dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
    *("systemd-update-utmp.service", "systemd-update-utmp-runlevel.service", "systemd-network-generator.service"),
    *("systemd-pstore.service", "serial-getty@ttyS0.service"),
)
COMMAND_LINE = (
    "root=/dev/vda rw console=tty0 console=ttyS0 quiet mitigations=off audit=0 "
    "modprobe.blacklist=bochs,cfg80211,pcspkr,i2c_piix4,floppy "  # a text console, and nothing that nobody needs
    "systemd.journald.forward_to_console=1 systemd.journald.max_level_console=info "  # onto the serial line
    f"{' '.join(f'systemd.mask={unit}' for unit in UNNEEDED)}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command inside said, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A folder with a machine as it stood at one moment: its memory, and the disk that belongs to it."""

    folder: Path

    @property
    def memory(self) -> Path:
        return self.folder / "memory"

    @property
    def disk(self) -> Path:
        return self.folder / "disk.raw"


@dataclass
class Machine:
    """A machine that runs."""

    folder: Path
    process: Process
    qmp: JsonLines
    ports: Mapping[int, int]
    _guest: JsonLines | None = field(default=None, init=False)

    # The system inside

    async def booted(self) -> None:
        """Wait until the system inside answers, and set its clock: that of a saved machine stood still."""
        async with within(BOOT_S, lambda: "the system inside to answer"):
            self._guest = await _connected(self.process, self.folder / GUEST_SOCKET)
            await self._guest.synchronise()
        await self.shell(f"date --set=@{time.time():.3f}")

    async def runs(self, *command: str, stdin: str = "", timeout_s: float = COMMAND_S) -> Ran:
        """Run a command inside and wait for it."""
        guest = self._inside
        started = await guest.ask(
            "guest-exec",
            **{"path": command[0], "arg": list(command[1:]), "capture-output": True},
            **({"input-data": base64.b64encode(stdin.encode()).decode()} if stdin else {}),
        )
        assert isinstance(started, dict)
        async with within(timeout_s, lambda: f"the end of {' '.join(command)}"):
            while True:
                status = await guest.ask("guest-exec-status", pid=started["pid"])
                assert isinstance(status, dict)
                if status["exited"]:
                    break
                await asyncio.sleep(ASKED_AGAIN_S)
        said = (base64.b64decode(str(status.get(name, ""))) for name in ("out-data", "err-data"))
        out, err = (data.decode(errors="replace") for data in said)
        return Ran(code=int(status.get("exitcode", -1)), out=out, err=err)

    async def shell(self, script: str, timeout_s: float = COMMAND_S) -> str:
        """Run a script inside and return what it said. Raises MachineError where it fails."""
        ran = await self.runs("/bin/sh", "-euc", script, timeout_s=timeout_s)
        if ran.code:
            raise MachineError(f"{script} ended with {ran.code}: {ran.out}{ran.err}")
        return ran.out

    async def write(self, path: str, content: bytes, mode: str = "644") -> None:
        """Write a file inside."""
        handle = await self._inside.ask("guest-file-open", path=path, mode="w")
        piece_bytes = 1 << 20
        for start in range(0, len(content), piece_bytes):
            piece = base64.b64encode(content[start : start + piece_bytes]).decode()
            await self._inside.ask("guest-file-write", **{"handle": handle, "buf-b64": piece})
        await self._inside.ask("guest-file-close", handle=handle)
        await self.shell(f"chmod {mode} {shlex.quote(path)}")

    @property
    def _inside(self) -> JsonLines:
        if self._guest is None:
            raise MachineError("the system inside was not waited for")
        return self._guest

    # Cables, keys and current

    async def plug(self, driver: str, name: str, **properties: object) -> None:
        """Plug a device into the USB."""
        await self.qmp.ask("device_add", driver=driver, id=name, bus="usb.0", **properties)

    async def pull(self, name: str) -> None:
        await self.qmp.ask("device_del", id=name)

    async def types(self, text: str) -> None:
        """Type digits on the USB keyboard, and Enter for a line's end."""
        for character in text:
            code = "ret" if character == "\n" else character
            for down in (True, False):
                key = {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": code}}}
                await self.qmp.ask("input-send-event", events=[key])
                await asyncio.sleep(KEY_S)

    async def save(self, memory: Path) -> None:
        """Write the memory to a file and stand still from now on: written while the machine runs, it is torn."""
        await self.qmp.ask("stop")
        await self.qmp.ask("migrate", uri=f"exec:cat >{shlex.quote(str(memory))}")
        while True:
            told = await self.qmp.ask("query-migrate")
            assert isinstance(told, dict)
            if told["status"] == "completed":
                return
            if told["status"] == "failed":
                raise MachineError("the memory could not be saved")
            await asyncio.sleep(0.2)

    async def wake(self) -> None:
        """Let a machine go on whose memory was read."""
        async with within(BOOT_S, lambda: "the memory to be read"):
            while await self._is_being_read():  # noqa: ASYNC110 - QEMU is looked at
                await asyncio.sleep(0.1)
        await self.qmp.ask("cont")

    async def _is_being_read(self) -> bool:
        told = await self.qmp.ask("query-status")
        assert isinstance(told, dict)
        return bool(told["status"] == "inmigrate")

    async def reboot(self) -> None:
        """Have the system inside end at once, unmount its disk, and switch off where others would start again."""
        command = {"path": "/usr/bin/systemctl", "arg": ["reboot", "--force"]}
        with suppress(MachineError, ConnectionError):
            await self._inside.ask("guest-exec", **command)
        async with within(BOOT_S, lambda: "the system inside to end"):
            await self.process.wait()

    async def cut_power(self) -> None:
        """Stop it at this instant; what was not on its disk is lost."""
        await _stop(self.process)
        self.qmp.close()
        if self._guest is not None:
            self._guest.close()


@asynccontextmanager
async def machine(
    folder: Path,
    image: Image,
    disk: str,
    *,
    memory: Path | None = None,
    chardevs: Sequence[str] = (),
) -> AsyncIterator[Machine]:
    """Run a machine on a disk (QEMU's words for it), from its boot or a saved memory, until the end of the block.

    Raises MachineError when QEMU ends instead. What fails in the block has a note of what was said last.
    """
    ports = dict(zip(FORWARDED, _free_ports(len(FORWARDED)), strict=True))
    incoming = ("-incoming", f"exec:cat {shlex.quote(str(memory))}") if memory else ()
    async with _running(folder, *qemu(folder, image, disk, ports, chardevs), *incoming) as process:
        running = Machine(folder, process, await _connected(process, folder / QMP_SOCKET), ports)
        try:
            await running.qmp.ask("qmp_capabilities")
            if memory:
                await running.wake()
            yield running
        finally:
            await running.cut_power()


def qemu(folder: Path, image: Image, disk: str, ports: Mapping[int, int], chardevs: Sequence[str]) -> tuple[str, ...]:
    """Return the command that is a machine. A memory belongs to the command that it was saved from."""
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{outside}-:{inside}" for inside, outside in ports.items())
    return (
        *("qemu-system-x86_64", "-accel", "tcg", "-cpu", PROCESSOR, "-m", str(MEMORY_MIB), "-no-reboot"),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
        *("-append", COMMAND_LINE),
        *("-drive", f"{disk},if=virtio,cache=writeback"),
        *("-display", "none", "-vga", "std", "-serial", "chardev:console"),
        *("-chardev", f"file,id=console,path={folder / CONSOLE_LOG},append=on"),
        *("-qmp", f"unix:{folder / QMP_SOCKET},server=on,wait=off"),
        *("-chardev", f"socket,id=guest,path={folder / GUEST_SOCKET},server=on,wait=off"),
        *("-device", "virtio-serial", "-device", "virtserialport,chardev=guest,name=org.qemu.guest_agent.0"),
        *("-netdev", f"user,id=net{forwards}", "-device", "virtio-net-pci,netdev=net"),
        *("-device", "qemu-xhci,id=usb"),
        *("-chardev", "null,id=lines", "-device", "pci-serial,chardev=lines"),
        *(word for chardev in chardevs for word in ("-chardev", chardev)),
    )


@asynccontextmanager
async def _running(folder: Path, *command: str) -> AsyncIterator[Process]:
    """Run QEMU until the end of the block, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (QMP_SOCKET, GUEST_SOCKET):
        (folder / name).unlink(missing_ok=True)
    with (folder / QEMU_LOG).open("wb") as said:
        process = await asyncio.create_subprocess_exec(*command, stderr=said)
    try:
        yield process
    except Exception as error:
        error.add_note(last_words(folder))
        raise
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def _connected(process: Process, listening: Path) -> JsonLines:
    """Wait until QEMU listens. Raises MachineError."""
    while process.returncode is None:
        with suppress(FileNotFoundError, ConnectionRefusedError):
            return await JsonLines.connect(listening)
        await asyncio.sleep(LOOKED_AGAIN_S)
    raise MachineError(f"QEMU ended with {process.returncode}")


def last_words(folder: Path) -> str:
    """Return what QEMU and the system inside said last."""
    return "".join(f"{name}:\n{_end_of(folder / name)}\n" for name in (QEMU_LOG, CONSOLE_LOG))


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-LAST_WORDS:].strip() if log.exists() else ""


async def new_disk(disk: Path, below: Path) -> str:
    """Make a disk that keeps only what is other than the raw one below it, and return QEMU's words for it."""
    disk.unlink(missing_ok=True)
    await qemu_img("create", "-q", "-f", "qcow2", "-b", str(below), "-F", "raw", str(disk))
    return f"file={disk},format=qcow2"


async def whole_disk(disk: Path, whole: Path) -> None:
    """Make a raw disk of one and all that lies below it."""
    await qemu_img("convert", "-O", "raw", str(disk), str(whole))


async def qemu_img(*arguments: str) -> None:
    """Make or change a disk. Raises MachineError."""
    process = await asyncio.create_subprocess_exec("qemu-img", *arguments)
    if await process.wait():
        raise MachineError(f"qemu-img {' '.join(arguments)} failed")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
