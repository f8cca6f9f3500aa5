"""Compiling with numba, so that it works in every place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """The function compiled by numba, without the GIL; kept on disk for the next start where a place can be written to.

    The cache sees changes in the file of a function, not in compiled functions and constants it uses from other
    files: keep those together.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no directory for its cache: neither __pycache__ nor the user's can be written
        return numba.njit(nogil=True)(function)
