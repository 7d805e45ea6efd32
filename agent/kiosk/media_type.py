"""Which of several forms a caller would like best: the `Accept` header. Pure."""

from collections.abc import Sequence


def best_media_type(accept: str, offered: Sequence[str]) -> str | None:
    """Return the offered type with the highest weight, the first of equals; None: none is accepted.

    The most specific range that fits a type gives its weight (RFC 9110, 12.5.1). What cannot be read is passed over.
    """
    ranges = [parsed for part in accept.split(",") if (parsed := _range(part)) is not None]
    weighed = [(_weight(media_type, ranges), media_type) for media_type in offered]
    weight, best = max(weighed, key=lambda pair: pair[0])
    return best if weight > 0 else None


def _range(part: str) -> tuple[str, float] | None:
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    if "/" not in media_range:
        return None
    weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
    try:
        weight = float(weights[0]) if weights else 1.0
    except ValueError:
        return None
    return media_range, weight if 0 <= weight <= 1 else 0.0


def _weight(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    major = media_type.partition("/")[0]
    given = dict(ranges)
    return next((given[name] for name in (media_type, f"{major}/*", "*/*") if name in given), 0.0)
