"""Compiling where nothing can be written, as in a checkout that is read-only."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numba
import pytest

from features import compiled as module


def test_without_a_place_for_the_cache_functions_are_compiled_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def njit(**options: Any) -> Callable[..., Any]:
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**options)

    monkeypatch.setattr(module, "numba", SimpleNamespace(njit=njit))

    @module.compiled
    def twice(x):  # type: ignore[no-untyped-def]
        return 2 * x

    assert twice(4) == 8
