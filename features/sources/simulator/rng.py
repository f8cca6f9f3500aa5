"""Random numbers that depend on what they are for, not on the order in which they are asked.

Each number is a hash (the finaliser of SplitMix64; Steele, Lea, Flood 2014) of the seed, the index of the lead
or account, and the number of the use. So a lead's journey does not change with how many leads are simulated.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Float = npt.NDArray[np.float64]
UInt64 = npt.NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(x: UInt64) -> UInt64:
    """The finaliser of SplitMix64: a bijection of 64 bits that looks random."""
    x = (x ^ (x >> np.uint64(30))) * _M1
    x = (x ^ (x >> np.uint64(27))) * _M2
    return cast("UInt64", x ^ (x >> np.uint64(31)))


def keys(seed: int, index: npt.NDArray[np.int64], use: int) -> UInt64:
    """A 64-bit key for each index."""
    base = np.full(1, (seed * 0x2545F4914F6CDD1D + use * 0xD1342543DE82EF95 + 1) % 2**64, dtype=np.uint64)
    return mix(mix(base) + index.astype(np.uint64) * GOLDEN)


def uniforms(seed: int, index: npt.NDArray[np.int64], use: int) -> Float:
    """A number in [0, 1) for each index."""
    return cast("Float", (keys(seed, index, use) >> np.uint64(11)) * 2.0**-53)


def normals(seed: int, index: npt.NDArray[np.int64], use: int) -> Float:
    """A standard normal number for each index."""
    return cast("Float", ndtri(np.clip(uniforms(seed, index, use), 1e-12, 1 - 1e-12)))


def choose(u: Float, weights: Float) -> npt.NDArray[np.int64]:
    """The category of each ``u`` in [0, 1): ``weights`` is (k,) or, one row each, (n, k)."""
    cut = np.cumsum(weights, axis=-1)
    cut = cut / cut[..., -1:]
    picked = np.searchsorted(cut, u, side="right") if cut.ndim == 1 else (u[:, None] >= cut).sum(axis=1)
    return np.asarray(np.minimum(picked, cut.shape[-1] - 1), dtype=np.int64)
