"""A reader in HID POS mode: whole codes in reports, read from hidraw. No layout, no suffix, nothing to grab."""

import errno
import fcntl
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from device.hidpos_decoder import IDLE_S, HidPosDecoder
from device.interface import Receiver
from device.matching import Match, PluggedDevice, the_one
from device.plugged_devices import plugged_devices
from device.plugging import Plugging
from device.reader_thread import keep_reading
from device.reconnect import Unavailable, unavailable
from device.scan_text import Outcome

REPORT_BYTES_MAX = 4096  # HID_MAX_BUFFER_SIZE is larger; a scan's report has 64
QUEUE_REPORTS: Final = 63  # hidraw holds 64 less one, and drops new ones without a word

# Readers of these makers send reports only after feature report FE was set to 01 (hardware.md 3.5). That is the one
# thing that needs write access to the node.
NEED_FEATURE_REPORT: Final = frozenset({"0c2e", "23d0"})
HID_MODE_ON = b"\xfe\x01"
HIDIOCSFEATURE = 0xC0004806 | len(HID_MODE_ON) << 16  # _IOC(READ | WRITE, 'H', 6, length)


@dataclass(frozen=True, slots=True, kw_only=True)
class HidPosScannerSettings:
    """Which reader."""

    name: str
    match: Match
    idle_s: float = IDLE_S


class ReportDevice(Protocol):
    """An open hidraw node."""

    def fileno(self) -> int: ...

    def read(self) -> bytes:
        """One report. BlockingIOError when none lies ready, OSError when the device is gone."""
        ...

    def close(self) -> None: ...


OpenReportDevice = Callable[[HidPosScannerSettings], ReportDevice]


class HidrawDevice:
    """A hidraw node by its descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        return self._fd

    def read(self) -> bytes:
        report = os.read(self._fd, REPORT_BYTES_MAX)
        if not report:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return report

    def close(self) -> None:
        os.close(self._fd)


def open_report_device(settings: HidPosScannerSettings) -> ReportDevice:
    """Find and open the reader. Blocks. Raises Unavailable."""
    found = the_one(settings.match, [device for device in plugged_devices("hidraw") if device.is_hid_pos_scanner])
    try:
        return open_hidraw(found)
    except PermissionError as error:
        if found.id_vendor in NEED_FEATURE_REPORT:
            raise Unavailable("fault", _NEEDS_WRITE_ACCESS.format(node=found.node), grace=True) from error
        raise unavailable(found.node, error) from error
    except OSError as error:
        raise unavailable(found.node, error) from error


_NEEDS_WRITE_ACCESS = (
    "{node}: permission denied; this reader is switched on by a feature report, so the agent's user needs the node's "
    "group with write access (udev rule)"
)


def open_hidraw(found: PluggedDevice) -> HidrawDevice:
    """Open the node, for reading alone where that is enough, and switch the reader on. OSError when that fails."""
    write = found.id_vendor in NEED_FEATURE_REPORT
    fd = os.open(found.node, (os.O_RDWR if write else os.O_RDONLY) | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if write:
            fcntl.ioctl(fd, HIDIOCSFEATURE, HID_MODE_ON)
    except OSError:
        os.close(fd)
        raise
    return HidrawDevice(fd)


class HidPosScanner:
    """A Scanner in HID POS mode."""

    def __init__(
        self,
        settings: HidPosScannerSettings,
        *,
        open_device: OpenReportDevice = open_report_device,
        plugging: Plugging | None = None,
    ) -> None:
        self._settings = settings
        self._open_device = open_device
        self._plugging = plugging
        self._decoder = HidPosDecoder(settings.name, idle_s=settings.idle_s)

    @property
    def name(self) -> str:
        return self._settings.name

    async def run(self, report: Receiver) -> None:
        """Read until cancelled."""
        await keep_reading(self._open, name=self.name, report=report, plugging=self._plugging)

    def _open(self) -> "ReportSource":
        return ReportSource(self._open_device(self._settings), self._decoder)


class ReportSource:
    """An open reader with its decoder."""

    def __init__(self, device: ReportDevice, decoder: HidPosDecoder) -> None:
        self._device = device
        self._decoder = decoder
        decoder.opened(time.monotonic())

    def fileno(self) -> int:
        return self._device.fileno()

    def read(self) -> list[Outcome]:
        reports = self._waiting_reports()
        now = time.monotonic()
        outcomes = [outcome for report in reports for outcome in self._decoder.feed(report, now)]
        if len(reports) >= QUEUE_REPORTS:
            self._decoder.dropped(now)
        return outcomes

    def wake_at(self) -> float | None:
        return self._decoder.wake_at()

    def wake(self, now: float) -> tuple[Outcome, ...]:
        return self._decoder.wake(now)

    def lost(self, now: float) -> tuple[Outcome, ...]:
        return self._decoder.lost(now)

    def close(self) -> None:
        self._device.close()

    def _waiting_reports(self) -> list[bytes]:
        """What lies ready. That the device is gone is said by the next call, when nothing is left to be read."""
        reports: list[bytes] = []
        while len(reports) < QUEUE_REPORTS:
            try:
                reports.append(self._device.read())
            except BlockingIOError:
                break
            except OSError:
                if not reports:
                    raise
                break
        return reports
