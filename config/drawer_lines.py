"""The `[drawer]` in the text of a configuration file: added, or changed in place. Pure; see config/table_lines.py."""

import re
import tomllib

from config.table_lines import CannotEdit, Keys, means, table_lines, with_table

LEARNED_KEYS = frozenset({"profile", "port", "open_level", "status"})  # the others are the owner's, and stay
_HEADER = re.compile(r"\s*\[\s*drawer\s*\]\s*(#.*)?")


def drawer_lines(keys: Keys) -> str:
    """Return the lines of the drawer, without an end of line."""
    return table_lines("[drawer]", keys)


def with_drawer(text: str, keys: Keys) -> str:
    """Return the file's text with what was learned of the drawer. Raises CannotEdit."""
    meant = tomllib.loads(text)
    meant["drawer"] = {key: value for key, value in meant.get("drawer", {}).items() if _stays(key)} | dict(keys)
    added = f"{text.rstrip()}\n\n{drawer_lines(keys)}\n"
    changed = with_table(text, _HEADER, 0, keys, _stays) if "drawer" in tomllib.loads(text) else added
    if changed is None or not means(changed, meant):
        raise CannotEdit("the [drawer] cannot be changed in this file as it is written: copy the lines by hand")
    return changed


def _stays(key: str) -> bool:
    return key not in LEARNED_KEYS
