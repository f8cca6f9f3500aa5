"""The files of a scorer in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from model.manifest import NOT_OURS


def read_files(folder: Path) -> dict[str, bytes]:
    """The scorer's files by their names relative to ``folder``."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in NOT_OURS
    }


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
