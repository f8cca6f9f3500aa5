"""A model's files are loaded only when they are exactly those that were written."""

from __future__ import annotations

import pytest

from features.errors import InputError
from model.manifest import MANIFEST, check, digest_of, manifest

FILES = {"scorer.json": b"{}", "purchase.txt": b"tree", "catalogue.json": b"[]"}
WHOLE = {**FILES, MANIFEST: manifest(FILES)}


def test_what_was_written_is_loaded() -> None:
    assert check(WHOLE) == FILES
    assert check(WHOLE, digest_of(WHOLE[MANIFEST])) == FILES
    assert manifest(dict(reversed(FILES.items()))) == WHOLE[MANIFEST], "in whatever order"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"purchase.txt": b"Tree"}, "purchase.txt.*another content"),
        ({"scorer.json": b'{"sha256": {}}'}, r"scorer.json.*another content"),
        ({"lost.txt": b"tree"}, "lost.txt.*not in the manifest"),
        ({"purchase.txt": None}, "purchase.txt.*missing"),
        ({MANIFEST: None}, "no such file"),
        ({MANIFEST: b"\xff\xfe\n"}, "not in the manifest"),
    ],
)
def test_anything_else_is_refused_by_name(change: dict[str, bytes | None], named: str) -> None:
    files = {name: content for name, content in {**WHOLE, **change}.items() if content is not None}
    with pytest.raises(InputError, match=named):
        check(files)


def test_files_with_a_manifest_of_their_own_are_refused_by_the_registered_digest() -> None:
    forged = {**FILES, "purchase.txt": b"another tree"}
    forged[MANIFEST] = manifest(forged)
    assert check(forged)
    with pytest.raises(InputError, match="that was registered"):
        check(forged, digest_of(WHOLE[MANIFEST]))
    with pytest.raises(InputError, match="that was registered"):
        check(WHOLE, "none")
