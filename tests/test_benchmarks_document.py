"""docs/benchmarks.md keeps one section for each benchmark."""

from pathlib import Path

from benchmarks.document import HEAD, markdown_table, put_section


def test_a_section_takes_the_place_of_its_older_self(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    put_section("One", "first\n\n### Part\n\nold", document=document)
    put_section("Two", "second", document=document)
    put_section("One", "first\n\n### Part\n\nnew", document=document)
    text = document.read_text()
    assert text == f"{HEAD}\n## One\n\nfirst\n\n### Part\n\nnew\n\n## Two\n\nsecond\n"


def test_a_table_aligns_figures_to_the_right() -> None:
    assert markdown_table(["method", "score"], [["a", "1"]]) == "| method | score |\n| --- | ---: |\n| a | 1 |"
