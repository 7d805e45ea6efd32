"""The configuration's JSON schema, and the settings in effect as TOML with the secrets masked."""

import json
from collections.abc import Iterator, Mapping

from config.problems import BARE_KEY
from config.settings import Settings


def json_schema() -> dict[str, object]:
    """Return the schema, for editors that complete and check TOML by one."""
    return Settings.model_json_schema()


def as_toml(settings: Settings) -> str:
    """Write what is in effect. What is not set is left out; a secret is shown as stars."""
    tables: dict[str, object] = settings.model_dump(mode="json", exclude_none=True)
    return "\n\n".join(_tables("", tables)) + "\n"


def _tables(name: str, table: Mapping[str, object], brackets: str = "[]") -> Iterator[str]:
    """Write a table and the tables in it, each as one block of lines."""
    inner = {key: value for key, value in table.items() if _is_table(value)}
    rows = [f"{_key(key)} = {_scalar(value)}" for key, value in table.items() if key not in inner]
    if name:
        half = len(brackets) // 2
        yield "\n".join([f"{brackets[:half]}{name}{brackets[half:]}", *rows])
    for key, value in inner.items():
        full_name = f"{name}.{_key(key)}" if name else _key(key)
        if isinstance(value, dict):
            yield from _tables(full_name, value)
        elif isinstance(value, list):
            for item in value:
                yield from _tables(full_name, item, "[[]]")


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _scalar(value: object) -> str:
    """Write a value that is no table. JSON's way is TOML's too, but for DEL, which TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else _scalar(key)
