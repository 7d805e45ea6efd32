"""What people do with the devices of the kiosk, inside it: runs in the guest on Debian's own Python, without anything of ours.

One JSON line a command, one a reply, on TCP port 8301. Devices are made by uhid, with any ids (linux/uhid.h); a serial
port's lines are played in loopback, where RTS is CTS (16550, TIOCM_LOOP).
"""

import fcntl
import json
import os
import socketserver
import struct
import termios
import threading
import time

UHID_DESTROY, UHID_OPEN, UHID_GET_REPORT, UHID_CREATE2, UHID_INPUT2, UHID_SET_REPORT = 1, 4, 9, 11, 12, 13
UHID_SET_REPORT_REPLY, UHID_GET_REPORT_REPLY = 14, 10
BUS_USB = 3
TIOCM_LOOP = 0x8000

made = {}


class Device:
    """One uhid device; a thread answers what the kernel asks of it."""

    def __init__(self, name, uniq, vendor, product, descriptor):
        self.file = os.open("/dev/uhid", os.O_RDWR)
        self.opened = threading.Event()
        self.features = []
        create = struct.pack(
            "<I128s64s64sHHIIII4096s",
            *(UHID_CREATE2, name.encode(), b"kiosk", uniq.encode(), len(descriptor), BUS_USB),
            *(vendor, product, 0, 0, descriptor),
        )
        os.write(self.file, create)
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self):
        while True:
            try:
                event = os.read(self.file, 4380)
            except OSError:
                return
            kind = struct.unpack_from("<I", event)[0]
            if kind == UHID_OPEN:
                self.opened.set()
            elif kind == UHID_SET_REPORT:
                number, report = struct.unpack_from("<IB", event, 4)
                self.features.append(report)
                os.write(self.file, struct.pack("<IIH", UHID_SET_REPORT_REPLY, number, 0))
            elif kind == UHID_GET_REPORT:
                os.write(self.file, struct.pack("<IIHH", UHID_GET_REPORT_REPLY, struct.unpack_from("<I", event, 4)[0], 5, 0))

    def input(self, report):
        os.write(self.file, struct.pack("<IH4096s", UHID_INPUT2, len(report), report))

    def destroy(self):
        os.write(self.file, struct.pack("<I", UHID_DESTROY))
        os.close(self.file)


def create(name, vendor, product, descriptor, uniq=""):
    made[name] = Device(name, uniq, vendor, product, bytes.fromhex(descriptor))
    return {}


def send(name, reports, pause_s):
    for report in reports:
        made[name].input(bytes.fromhex(report))
        time.sleep(pause_s)
    return {"features": made[name].features}


def destroy(name):
    made.pop(name).destroy()
    return {}


def line(port, on):
    """Play the switch of a drawer: CTS of a port in loopback."""
    file = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    bits = TIOCM_LOOP | (termios.TIOCM_RTS if on else 0)
    fcntl.ioctl(file, termios.TIOCMSET, struct.pack("I", bits))
    os.close(file)
    return {}


COMMANDS = {"create": create, "send": send, "destroy": destroy, "line": line}


class Hands(socketserver.StreamRequestHandler):
    def handle(self):
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


Server(("0.0.0.0", 8301), Hands).serve_forever()
