"""The estimator that the settings name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from features.errors import InputError

_WHERE = "[estimator] class"


def import_named(name: str) -> Any:
    """What ``module:Name`` is. InputError where it cannot be imported."""
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise InputError(
            where=_WHERE,
            expected=f"a module that can be imported, for {name!r}",
            got=str(error),
            remedy="Put the file beside leadtime.toml, set PYTHONPATH to its folder, or install its package",
        ) from error
    except AttributeError:
        raise InputError(where=_WHERE, expected=f"{attribute} in module {module}", got="no such name there") from None


def make(name: str, parameters: Mapping[str, Any]) -> Any:
    """The unfitted estimator: a class, or a function that returns one, called with the parameters.

    InputError for parameters that it does not take, and for what is no estimator of scikit-learn.
    """
    made = import_named(name)
    if not callable(made):
        raise InputError(where=_WHERE, expected=f"a class, or a function that returns an estimator, for {name!r}",
                         got=type(made).__name__)  # fmt: skip
    signature = inspect.signature(made)
    try:
        signature.bind(**parameters)
    except TypeError as error:
        raise InputError(
            where="[estimator.parameters]", expected=f"parameters of {name}{signature}", got=str(error)
        ) from None
    estimator = made(**parameters)
    absent = [method for method in ("fit", "get_params", "set_params") if not hasattr(estimator, method)]
    if absent:
        raise InputError(
            where=_WHERE,
            expected="an estimator of scikit-learn",
            got=f"a {type(estimator).__name__} without {absent[0]}",
            remedy="Let its class be a sklearn.base.BaseEstimator",
        )
    return estimator
