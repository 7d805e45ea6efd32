"""What of a text from outside may be logged, shown or kept."""

from agent.card import mask_numbers


def presentable(text: str, limit: int) -> str:
    """Return at most `limit` printable characters of the text, long numbers masked.

    Control and formatting characters become spaces before the numbers are looked for, so they cannot hide one.
    """
    head = text[: limit * 4]  # a number that is cut here begins behind what is kept
    printable = head if head.isprintable() else "".join(each if each.isprintable() else " " for each in head)
    return mask_numbers(printable)[:limit]
