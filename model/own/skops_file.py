"""An estimator as bytes and back: skops' format, which says of which types a file is made before it makes any.

The same estimator gives the same bytes: what skops writes of the moment and the process (times, ids) is taken out.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import orjson

from features.errors import InputError
from model.own.named import import_named

_SCHEMA = "schema.json"
_DAY_ONE = (1980, 1, 1, 0, 0, 0)  # the first that a zip file knows


def to_bytes(estimators: dict[str, Any], trusted: Sequence[str]) -> bytes:
    """InputError where a file would hold types that ``from_bytes`` would refuse."""
    import skops.io  # noqa: PLC0415 - takes seconds, and most models have no use for it

    try:
        written = skops.io.dumps(estimators)
    except Exception as error:  # skops raises what the types that it meets raise
        raise InputError(
            where="[estimator] class",
            expected="an estimator that skops can write",
            got=f"{type(error).__name__}: {error}",
            remedy="Keep only numbers, texts, lists, arrays and estimators of scikit-learn as its attributes",
        ) from error
    _audit(written, trusted)
    return _always_the_same(written)


def from_bytes(content: bytes, trusted: Sequence[str]) -> dict[str, Any]:
    """InputError for types that are not trusted, before any of them is imported, and for those that cannot be."""
    import skops.io  # noqa: PLC0415 - as above

    types = _audit(content, trusted)
    try:
        found = skops.io.loads(content, trusted=types)
    except (ImportError, AttributeError) as error:
        raise InputError(
            where="model files",
            expected="an estimator whose class can be imported",
            got=str(error),
            remedy="Put its module beside leadtime.toml, set PYTHONPATH to its folder, or install its package",
        ) from error
    if not isinstance(found, dict):
        raise InputError(where="model files", expected="estimators by name", got=type(found).__name__)
    return found


def _audit(content: bytes, trusted: Sequence[str]) -> list[str]:
    """The types beyond those that skops trusts. ``trusted``: full names of types, or module:Class."""
    import skops.io  # noqa: PLC0415 - as above

    try:
        types: list[str] = skops.io.get_untrusted_types(data=content)
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise InputError(where="model files", expected="a file of skops", got=str(error)) from None
    plain = {name for name in trusted if ":" not in name}
    strange = [name for name in types if name not in plain]
    if strange:
        strange = sorted(set(strange) - set(_full_names(name for name in trusted if ":" in name)))
    if strange:
        raise InputError(
            where="[estimator]",
            expected="types that are trusted",
            got=", ".join(strange),
            remedy=f"If you do trust them, set trusted = {orjson.dumps([*sorted(plain), *strange]).decode()} under "
            "[estimator] in leadtime.toml, wherever the model is trained or used",
        )
    return types


def _full_names(named: Iterable[str]) -> list[str]:
    """A class may be named by another module than the one that defines it."""
    found = (import_named(name) for name in named)
    return [f"{each.__module__}.{each.__qualname__}" for each in found if isinstance(each, type)]


def _always_the_same(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        arrays: dict[bytes, str] = {}
        schema = _plain(orjson.loads(old.read(_SCHEMA)), old, arrays)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as new:
        _put(new, _SCHEMA, orjson.dumps(schema, option=orjson.OPT_INDENT_2))
        for array, name in arrays.items():
            _put(new, name, array)
    return out.getvalue()


def _plain(state: Any, old: zipfile.ZipFile, arrays: dict[bytes, str]) -> Any:
    """Without the ids of objects, by which skops finds those that are in two places; equal arrays are kept once."""
    if isinstance(state, list):
        return [_plain(each, old, arrays) for each in state]
    if not isinstance(state, dict):
        return state
    kept = {key: _plain(value, old, arrays) for key, value in state.items() if key != "__id__"}
    if "__loader__" in state and isinstance(state.get("file"), str):
        name = state["file"]
        content = _without_padding(old.read(name)) if name.endswith(".npy") else old.read(name)
        kept["file"] = arrays.setdefault(content, f"{len(arrays)}{name[name.rindex('.') :]}")
    return kept


def _without_padding(content: bytes) -> bytes:
    """What lies between the fields of a structured array, such as the nodes of a tree, is whatever memory held."""
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    plain = np.frombuffer(bytearray(array.nbytes), dtype=array.dtype).reshape(array.shape)
    for name in array.dtype.names:
        plain[name] = array[name]
    out = io.BytesIO()
    np.save(out, plain, allow_pickle=False)
    return out.getvalue()


def _put(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _DAY_ONE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    file.writestr(entry, content)
