"""How the API prints times, and how its receipts do. Times are seconds since 1970."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_PRINTED_ZONE: Final = timezone(timedelta(hours=2))  # the samples print +02:00; a fixed offset needs no time zone data


def iso(at: float) -> str:
    """`2020-09-17T09:18:14+02:00`."""
    return datetime.fromtimestamp(at, _PRINTED_ZONE).isoformat(timespec="seconds")


def iso_milliseconds(at: float) -> str:
    """`2020-09-17T09:18:14.250+02:00`, for whoever compares what came first."""
    return datetime.fromtimestamp(at, _PRINTED_ZONE).isoformat(timespec="milliseconds")


def from_iso(text: str) -> float:
    """Seconds since 1970 of a printed time; one without offset is UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def on_receipt(at: float) -> str:
    """`24.09.2020 14:40:58`."""
    return datetime.fromtimestamp(at, _PRINTED_ZONE).strftime("%d.%m.%Y %H:%M:%S")
