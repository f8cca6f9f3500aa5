"""The code of a document: its blocks, run in a folder of its own, in the order in which a reader would."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWN_MODELS = ROOT / "docs" / "own-features-and-models.md"


@dataclass(frozen=True)
class Block:
    """``language`` of a fenced block, the ``file`` that it is (empty: none), and its text."""

    language: str
    file: str
    text: str


def blocks(document: Path) -> list[Block]:
    found = re.findall(
        r"^```(\w+)[ ]?([\w.-]*)\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [Block(*parts) for parts in found]


def write_files(document: Path, folder: Path) -> list[str]:
    """The blocks that are files; those of one name one after the other."""
    written: list[str] = []
    for block in blocks(document):
        if block.file:
            with (folder / block.file).open("a" if block.file in written else "w", encoding="utf-8") as file:
                file.write(block.text)
            written.append(block.file)
    return written


def run(document: Path) -> list[tuple[str, str]]:
    """What the Python blocks print and what the document says that they do, as pairs."""
    names: dict[str, object] = {"__name__": "walkthrough"}
    pairs, printed = [], ""
    for block in blocks(document):
        if block.language == "output":
            pairs.append((printed, block.text))
            printed = ""
        elif block.language == "python" and not block.file:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(block.text, str(document), "exec"), names)
            printed = out.getvalue()
    return pairs
