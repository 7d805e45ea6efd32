"""What people do with the devices of the kiosk: runs inside it on Debian's own Python, without anything of ours.

One JSON line a command, one a reply, on TCP port 8301. Devices are made by uhid, with any ids (linux/uhid.h); a serial
port's lines are played in loopback, where RTS is CTS (16550, TIOCM_LOOP).
"""

import ctypes
import fcntl
import json
import os
import signal
import socketserver
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

UHID_DESTROY, UHID_GET_REPORT, UHID_GET_REPORT_REPLY, UHID_CREATE2 = 1, 9, 10, 11
UHID_INPUT2, UHID_SET_REPORT, UHID_SET_REPORT_REPLY = 12, 13, 14
EVENT_BYTES = 4380
BUS_USB = 3
EIO = 5
TIOCM_LOOP = 0x8000
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207  # linux/ptrace.h


class Device:
    """One uhid device; a thread answers what the kernel asks of it."""

    def __init__(self, name: str, uniq: str, vendor: int, product: int, descriptor: bytes) -> None:
        self.file = os.open("/dev/uhid", os.O_RDWR)
        self.features: list[int] = []
        create = struct.pack(
            "<I128s64s64sHHIIII4096s",
            *(UHID_CREATE2, name.encode(), b"kiosk", uniq.encode(), len(descriptor), BUS_USB),
            *(vendor, product, 0, 0, descriptor),
        )
        os.write(self.file, create)
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self) -> None:
        with suppress(OSError):
            while True:
                event = os.read(self.file, EVENT_BYTES)
                kind, number, report = struct.unpack_from("<IIB", event)
                if kind == UHID_SET_REPORT:
                    self.features.append(report)
                    os.write(self.file, struct.pack("<IIH", UHID_SET_REPORT_REPLY, number, 0))
                elif kind == UHID_GET_REPORT:
                    os.write(self.file, struct.pack("<IIHH", UHID_GET_REPORT_REPLY, number, EIO, 0))

    def send(self, report: bytes) -> None:
        os.write(self.file, struct.pack("<IH4096s", UHID_INPUT2, len(report), report))

    def destroy(self) -> None:
        os.write(self.file, struct.pack("<I", UHID_DESTROY))
        os.close(self.file)


made: dict[str, Device] = {}


def create(name: str, vendor: int, product: int, descriptor: str, uniq: str = "") -> dict[str, object]:
    made[name] = Device(name, uniq, vendor, product, bytes.fromhex(descriptor))
    return {}


def send(name: str, reports: list[str], pause_s: float) -> dict[str, object]:
    for report in reports:
        made[name].send(bytes.fromhex(report))
        time.sleep(pause_s)
    return {"features": made[name].features}


def destroy(name: str) -> dict[str, object]:
    made.pop(name).destroy()
    return {}


def line(port: str, on: bool) -> dict[str, object]:
    """Play the switch of a drawer: CTS of a port that a program holds open, in loopback."""
    file = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    bits = TIOCM_LOOP | termios.TIOCM_DTR | (termios.TIOCM_RTS if on else 0)
    fcntl.ioctl(file, termios.TIOCMSET, struct.pack("I", bits))
    os.close(file)
    return {}


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def ptrace(request: int, thread: int) -> None:
    if libc.ptrace(request, thread, None, None):
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")


@contextmanager
def main_thread_stopped(process: int) -> Iterator[None]:
    """Stop the one thread that runs the event loop; the others go on."""
    ptrace(PTRACE_SEIZE, process)
    ptrace(PTRACE_INTERRUPT, process)
    os.waitpid(process, 0)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, process)


@contextmanager
def process_stopped(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


STOPPED = {"main thread": main_thread_stopped, "process": process_stopped}


def send_while_stopped(name: str, reports: list[str], pause_s: float, process: int, stopped: str) -> dict[str, object]:
    """Send the rest of a scan while a program or its main thread stands still, and let it stand for a second."""
    begin = len(reports) // 4
    send(name, reports[:begin], pause_s)
    with STOPPED[stopped](process):
        send(name, reports[begin:], pause_s)
        time.sleep(1)
    return {}


Command = Callable[..., dict[str, object]]
COMMANDS: dict[str, Command] = {
    command.__name__: command for command in (create, send, destroy, line, send_while_stopped)
}


class Hands(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for row in self.rfile:
            asked = json.loads(row)
            try:
                told = COMMANDS[asked.pop("do")](**asked)
            except OSError as error:
                told = {"error": str(error)}
            self.wfile.write(json.dumps(told).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    Server(("0.0.0.0", 8301), Hands).serve_forever()  # noqa: S104 - of a machine whose only neighbour is the test
