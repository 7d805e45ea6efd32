"""What `tillwire check` found: one line each, with what to do."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.commands.plain_text import printable

Verdict = Literal["ok", "note", "wrong"]
_MARKS: dict[Verdict, str] = {"ok": "OK", "note": "NOTE", "wrong": "WRONG"}
_ABOUT_COLUMN, _TEXT_COLUMN = 7, 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `note` is worth knowing and keeps nobody from selling."""

    about: str
    verdict: Verdict
    text: str


def ok(about: str, text: str) -> Finding:
    return Finding(about=about, verdict="ok", text=text)


def note(about: str, text: str) -> Finding:
    return Finding(about=about, verdict="note", text=text)


def wrong(about: str, text: str) -> Finding:
    """Say what is wrong, and after a colon or semicolon what to do."""
    return Finding(about=about, verdict="wrong", text=text)


def is_ready(findings: Iterable[Finding]) -> bool:
    return all(finding.verdict != "wrong" for finding in findings)


def finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a line for each finding, and the sum of it. A terminal gets them wrapped, a file one line each."""
    for finding in findings:
        head = f"{_MARKS[finding.verdict]:<{_ABOUT_COLUMN}}{finding.about:<{_TEXT_COLUMN - _ABOUT_COLUMN}}"
        yield from _wrapped(f"{head}{printable(finding.text)}")
    wrongs = sum(finding.verdict == "wrong" for finding in findings)
    yield ""
    yield "This till is ready." if not wrongs else f"This till is not ready: {wrongs} to put right."


def _wrapped(line: str) -> list[str]:
    if not sys.stdout.isatty():
        return [line]
    columns = shutil.get_terminal_size().columns
    return textwrap.wrap(line, columns, subsequent_indent=" " * _TEXT_COLUMN, break_long_words=False)
