"""The parameters found, as the settings file has them; comments and everything else in that file stay."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from features.errors import InputError
from features.estimator_settings import Parameter
from training.tune.space import SPACE

TABLE = "[estimator.parameters]"


def as_block(parameters: Mapping[str, Parameter]) -> str:
    return "\n".join([TABLE, *(_line(name, value) for name, value in parameters.items())])


def _line(name: str, value: Parameter) -> str:
    return f"{name} = {json.dumps(value)}"


def put(path: Path, parameters: Mapping[str, Parameter]) -> None:
    """Set the parameters in the settings file, made where it is not there. What it says about any that is searched for
    is replaced.

    InputError, and the file stays as it was, where its ``[estimator]`` is written in a way that lines cannot follow.
    """
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    after = with_parameters(before, parameters)
    wanted = tomllib.loads(before)
    own = wanted.setdefault("estimator", {}).setdefault("parameters", {})
    for name in SPACE:
        own.pop(name, None)
    own.update(parameters)
    if _parsed(after) != wanted:
        raise InputError(
            where=str(path),
            expected=f"a table {TABLE} with a line for each parameter",
            got="another way to write it",
            remedy=f"Put this into it by hand:\n{as_block(parameters)}",
        )
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(after, encoding="utf-8")
    temporary.replace(path)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def with_parameters(text: str, parameters: Mapping[str, Parameter]) -> str:
    """The text with these lines right below the table's head, which is added at the end where there is none."""
    lines, made, inside, found = text.splitlines(), [], False, False
    for line in lines:
        if line.lstrip().startswith("["):
            inside = line.partition("#")[0].strip() == TABLE
        elif inside and line.partition("=")[0].strip() in SPACE:
            continue
        made.append(line)
        if inside and not found:
            found = True
            made += [_line(name, value) for name, value in parameters.items()]
    if not found:
        made += [*([""] if made else []), *as_block(parameters).splitlines()]
    return "\n".join(made) + "\n"
