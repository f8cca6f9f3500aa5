"""docs/benchmarks.md: a section for each benchmark, written by the benchmark itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Each section is written by the command that it names; do not edit it by hand. Figures in brackets are 95 % intervals.
"""


def put_section(title: str, body: str, *, document: Path = DOCUMENT) -> None:
    """Put ``## title`` with ``body`` into the document, in the place of an earlier one."""
    text = document.read_text(encoding="utf-8") if document.is_file() else HEAD
    head, *sections = text.split("\n## ")
    kept = [section for section in sections if section.split("\n", 1)[0] != title]
    place = next((i for i, section in enumerate(sections) if section.split("\n", 1)[0] == title), len(kept))
    kept.insert(place, f"{title}\n\n{body.strip()}\n")
    document.write_text("\n## ".join([head.rstrip() + "\n", *kept]), encoding="utf-8")


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of a table; the first column is text, the others figures."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows])
