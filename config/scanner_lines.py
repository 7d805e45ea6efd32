"""A `[[scanner]]` in the text of a configuration file: added, or changed in place. Pure; see config/table_lines.py."""

import re
import tomllib

from config.table_lines import CannotEdit, Keys, means, table_lines, with_table

OWNERS_KEYS = frozenset({"name", "other_codes"})  # nobody but the owner knows them, so they stay when a reader changes
_HEADER = re.compile(r"\s*\[\[\s*scanner\s*\]\]\s*(#.*)?")


def scanner_lines(keys: Keys) -> str:
    """Return the lines of one scanner, without an end of line."""
    return table_lines("[[scanner]]", keys)


def with_scanner(text: str, keys: Keys) -> str:
    """Return the file's text with this scanner: the one of its name changed, else one more at the end.

    Raises CannotEdit.
    """
    meant = tomllib.loads(text)
    scanners = meant.setdefault("scanner", [])
    place = next((place for place, one in enumerate(scanners) if one.get("name") == keys["name"]), None)
    changed: str | None
    if place is None:
        scanners.append(dict(keys))
        changed = f"{text.rstrip()}\n\n{scanner_lines(keys)}\n"
    else:
        old = scanners[place]
        scanners[place] = {key: value for key, value in old.items() if key in OWNERS_KEYS} | dict(keys)
        changed = with_table(text, _HEADER, place, keys, OWNERS_KEYS.__contains__)
    if changed is None or not means(changed, meant):
        raise CannotEdit("the [[scanner]] cannot be changed in this file as it is written: copy the lines by hand")
    return changed
