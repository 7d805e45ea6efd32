"""PURE: what sits in a simulated drawer or printer: bytes from the agent -> pulses, answers, print.

Written from the documents (hardware.md 1.1 to 1.4), not from our parsers: it shares no line with them, so that a
misreading on one side shows.
"""

from dataclasses import dataclass, field
from typing import Protocol

from device.drawer_profile import AsbStatus, DrawerProfile, QueryStatus, StreamStatus

PRINT_BUFFER_BYTES = 65_536  # of what was printed the last part is kept, for a test or a demo to look at


@dataclass(frozen=True, slots=True)
class Switch:
    """What the firmware senses: the raw level of the drawer's switch, and whether the printer is online."""

    high: bool
    offline: bool


@dataclass(frozen=True, slots=True)
class Acts:
    """What the firmware does at once: pulses on the drawer's connector, bytes to the agent."""

    pulses: int = 0
    answer: bytes = b""

    def __add__(self, other: "Acts") -> "Acts":
        return Acts(self.pulses + other.pulses, self.answer + other.answer)


NOTHING = Acts()
PULSE = Acts(pulses=1)


class Firmware(Protocol):
    """The device's side of one protocol. `printed`: what was no command of the drawer."""

    printed: bytearray

    def receive(self, data: bytes, switch: Switch) -> Acts:
        """Bytes came from the agent."""
        ...

    def moved(self, switch: Switch) -> Acts:
        """The drawer moved, or the printer went offline or online."""
        ...

    def repeated(self, switch: Switch) -> bytes:
        """What is sent again and again while nothing happens."""
        ...


@dataclass
class EscposFirmware:
    """An ESC/POS printer: real-time commands at once, the rest in order and only while it is online."""

    printed: bytearray = field(default_factory=bytearray)
    _line: bytearray = field(default_factory=bytearray)  # received, and maybe the beginning of a real-time command
    _queue: bytearray = field(default_factory=bytearray)  # the receive buffer
    _automatic: int = 0

    def receive(self, data: bytes, switch: Switch) -> Acts:
        acts = NOTHING
        for byte in data:
            self._line.append(byte)
            acts += self._real_time(switch)
        return acts + self._work_off(switch)

    def moved(self, switch: Switch) -> Acts:
        block = Acts(answer=self._block(switch)) if self._automatic & 0x03 else NOTHING
        return block + self._work_off(switch)

    def repeated(self, switch: Switch) -> bytes:
        del switch  # a printer tells changes only
        return b""

    def _real_time(self, switch: Switch) -> Acts:
        line = bytes(self._line)
        if line[:2] == b"\x10\x04" and len(line) == 3:
            self._line.clear()
            return Acts(answer=bytes([0x12 | self._bits(switch)])) if line[2] == 1 else NOTHING
        if line[:3] == b"\x10\x14\x01" and len(line) == 5:
            self._line.clear()
            return PULSE if line[3] in (0, 1) and 1 <= line[4] <= 8 else NOTHING
        while not (b"\x10\x04".startswith(line[:2]) or b"\x10\x14\x01".startswith(line[:3])):
            self._queue.append(self._line.pop(0))
            line = bytes(self._line)
        return NOTHING

    def _work_off(self, switch: Switch) -> Acts:
        acts = NOTHING
        while self._queue and not switch.offline:
            if self._queue[:2] == b"\x1bp":
                if len(self._queue) < 5:
                    break  # half a command sticks, and takes the next bytes for its own
                del self._queue[:5]
                acts += PULSE
            elif self._queue[:2] == b"\x1da":
                if len(self._queue) < 3:
                    break
                self._automatic = self._queue[2]
                del self._queue[:3]
                acts += Acts(answer=self._block(switch)) if self._automatic else NOTHING
            elif bytes(self._queue) in (b"\x1b", b"\x1d"):
                break
            else:
                self.printed.append(self._queue.pop(0))
                del self.printed[:-PRINT_BUFFER_BYTES]
        return acts

    def _block(self, switch: Switch) -> bytes:
        return bytes([0x10 | self._bits(switch), 0x00, 0x00, 0x0F])

    def _bits(self, switch: Switch) -> int:
        return (0x04 if switch.high else 0) | (0x08 if switch.offline else 0)


@dataclass
class StarFirmware:
    """A Star printer in line mode: FS and ESC ACK SOH at once, BEL in order and only while it is online."""

    printed: bytearray = field(default_factory=bytearray)
    _queue: bytearray = field(default_factory=bytearray)
    _automatic: bool = False

    def receive(self, data: bytes, switch: Switch) -> Acts:
        self._queue += data
        acts = NOTHING
        while self._queue:
            step = self._real_time(switch) or self._in_order(switch)
            if step is None:
                break
            acts += step
        return acts

    def moved(self, switch: Switch) -> Acts:
        return (Acts(answer=self._block(switch)) if self._automatic else NOTHING) + self.receive(b"", switch)

    def repeated(self, switch: Switch) -> bytes:
        del switch  # a printer tells changes only
        return b""

    def _real_time(self, switch: Switch) -> Acts | None:
        if self._queue[:3] == b"\x1b\x06\x01":
            del self._queue[:3]
            return Acts(answer=self._block(switch))
        if bytes(self._queue[:1]) in (b"\x1c", b"\x19"):
            del self._queue[:1]
            return PULSE
        return None

    def _in_order(self, switch: Switch) -> Acts | None:
        """The next command of the buffer; None when it is not whole, or the printer is offline."""
        queue = bytes(self._queue)
        lengths = {b"\x1b\x06": 3, b"\x1b\x1e\x61": 4, b"\x1b\x07": 4}
        length = next((length for start, length in lengths.items() if queue.startswith(start)), 1)
        if len(queue) < length or queue in (b"\x1b", b"\x1b\x1e") or switch.offline:
            return self._behind_others(switch)
        command = bytes(self._queue[:length])
        del self._queue[:length]
        if length > 1:
            self._automatic = bool(command[3] & 1) if command[1] == 0x1E else self._automatic
        elif command in (b"\x07", b"\x1a"):
            return PULSE
        else:
            self.printed += command
            del self.printed[:-PRINT_BUFFER_BYTES]
        return NOTHING

    def _behind_others(self, switch: Switch) -> Acts | None:
        """An offline printer still hears its real-time commands behind what waits."""
        waiting = bytes(self._queue)
        if waiting.endswith(b"\x1b\x06\x01"):
            del self._queue[-3:]
            return Acts(answer=self._block(switch))
        if waiting[-1:] == b"\x1c" and waiting[-3:-1] != b"\x1b\x07":
            del self._queue[-1:]
            return PULSE
        return None

    def _block(self, switch: Switch) -> bytes:
        state = (0x04 if switch.high else 0) | (0x08 if switch.offline else 0)
        return bytes([0x0F, 0x06, state, 0x00, 0x00, 0x00, 0x00])


@dataclass
class TriggerFirmware:
    """A drawer with its own interface: opens at exactly the profile's bytes, and answers or streams as it says."""

    profile: DrawerProfile
    printed: bytearray = field(default_factory=bytearray)  # bytes that were no command
    _received: bytearray = field(default_factory=bytearray)

    def receive(self, data: bytes, switch: Switch) -> Acts:
        acts = NOTHING
        for byte in data:
            self._received.append(byte)
            acts += self._command(switch)
        return acts

    def moved(self, switch: Switch) -> Acts:
        return Acts(answer=self.repeated(switch))

    def repeated(self, switch: Switch) -> bytes:
        status = self.profile.status
        return bytes([status.byte]) if isinstance(status, StreamStatus) and switch.high else b""

    def _command(self, switch: Switch) -> Acts:
        status = self.profile.status
        commands = {self.profile.pulse_bytes: PULSE}
        if isinstance(status, QueryStatus):
            commands[status.question] = Acts(answer=self._answer(status, switch))
        received = bytes(self._received)
        if received in commands:
            self._received.clear()
            return commands[received]
        if not any(command.startswith(received) for command in commands):
            self.printed += received
            del self.printed[:-PRINT_BUFFER_BYTES]
            self._received.clear()
        return NOTHING

    def _answer(self, status: QueryStatus, switch: Switch) -> bytes:
        low = status.other_value if status.other_value is not None else status.value ^ status.mask
        return status.answer_prefix + bytes([status.value if switch.high else low])


def firmware_of(profile: DrawerProfile) -> Firmware:
    """The firmware of a simulated drawer of this profile."""
    if not isinstance(profile.status, AsbStatus):
        return TriggerFirmware(profile)
    return EscposFirmware() if profile.status.printer == "escpos" else StarFirmware()
