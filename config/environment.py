"""The environment over the file: `TILLWIRE_API__BASE_URL` stands for `base_url` in `[api]`.

Text is taken as it is; numbers, true and false, lists and tables are written as JSON. Nothing is refused here: a name
that means nothing becomes an unknown key, and the model refuses it as it does in the file.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr

from config.problems import KeyPath, models_in, nearest

PREFIX = "TILLWIRE_"
_BETWEEN_TABLES = "__"

Tables = dict[str, object]


def variables_in(environment: Mapping[str, str]) -> dict[KeyPath, str]:
    """Return the names of the variables that are meant for us, each by the key it sets, outer tables first."""
    names = sorted(
        (name for name in environment if name.startswith(PREFIX)), key=lambda name: name.count(_BETWEEN_TABLES)
    )
    return {tuple(name.removeprefix(PREFIX).lower().split(_BETWEEN_TABLES)): name for name in names}


def override(tables: Tables, environment: Mapping[str, str], model: type[BaseModel]) -> Tables:
    """Return the file's tables with what the environment says instead."""
    for path, name in variables_in(environment).items():
        tables = _with(tables, path, _value(environment[name], _annotation(model, path)))
    return tables


def meant_variable(name: str, model: type[BaseModel]) -> str | None:
    """Return the variable whose name is nearest to an unknown one."""
    return nearest(name, _known(model, PREFIX))


def _known(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for key, field in model.model_fields.items():
        name = f"{prefix}{key.upper()}"
        yield name
        for table in models_in(field.annotation) if get_origin(field.annotation) is not tuple else ():
            yield from _known(table, name + _BETWEEN_TABLES)


def _annotation(model: type[BaseModel], path: KeyPath) -> object:
    models, annotation = [model], None
    for part in path:
        fields = (known.model_fields.get(str(part)) for known in models)
        annotation = next((field.annotation for field in fields if field is not None), None)
        models = models_in(annotation)
    return annotation


def _value(text: str, annotation: object) -> object:
    if _takes_text(annotation):
        return text
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


def _takes_text(annotation: object) -> bool:
    """Say whether a field holds text: `str`, a path, a secret, a choice of words, or one of these or nothing."""
    if isinstance(annotation, type):
        return issubclass(annotation, str | Path | SecretStr)
    if get_origin(annotation) is Literal:
        return all(isinstance(choice, str) for choice in get_args(annotation))
    return get_origin(annotation) is not tuple and any(map(_takes_text, get_args(annotation)))


def _with(tables: Tables, path: KeyPath, value: object) -> Tables:
    key, *rest = path
    before = tables.get(str(key))
    inner: Tables = before if isinstance(before, dict) else {}
    if rest:
        return {**tables, str(key): _with(inner, tuple(rest), value)}
    return {**tables, str(key): {**inner, **value} if isinstance(value, dict) else value}
