"""Whatever a comment cites has a row in docs/sources.md, which says where its fact stands in this repository."""

import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
CITED = re.compile(
    r"\b(smart-api|hardware|pain-points|examples|design)(?:\.md)?,? (?:parts? )?([\dT][\d.]*)(?: (?:and|to) ([\d.]+))?"
)
SECTION = re.compile(r"T?\d+(?:\.\d+)*")


def cited_in(text: str) -> set[tuple[str, str]]:
    found = CITED.findall(text)
    return {(note, place.rstrip(".")) for note, *places in found for place in places if place}


def sources() -> Iterator[Path]:
    for folder in ("agent", "device", "config", "tests"):
        for suffix in ("py", "toml"):
            yield from (REPOSITORY / folder).rglob(f"*.{suffix}")


def listed() -> set[tuple[str, str]]:
    """The notes and sections that have a row."""
    found: set[tuple[str, str]] = set()
    heading = ""
    for line in (REPOSITORY / "docs" / "sources.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line
        elif line.startswith("| ") and "|" in line[2:]:
            cell = line.split("|")[1]
            named = re.search(r"`([a-z-]+)(?:\.md)?`", cell) or re.search(r"`([a-z-]+)(?:\.md)?`", heading)
            if named is not None:
                found |= {(named[1], place) for place in SECTION.findall(cell)}
    return found


def test_whatever_is_cited_has_a_row_and_every_row_is_cited() -> None:
    cited = {
        each for path in sources() if path != Path(__file__) for each in cited_in(path.read_text(encoding="utf-8"))
    }
    assert cited - listed() == set()
    assert listed() - cited == set()


def test_a_citation_is_recognised_in_each_of_its_forms() -> None:
    assert cited_in("(smart-api 4.2) hardware.md 1.4; smart-api.md, part 6. hardware.md 1.1 to 1.4)") == {
        ("smart-api", "4.2"),
        ("hardware", "1.4"),
        ("smart-api", "6"),
        ("hardware", "1.1"),
    }
