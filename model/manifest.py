"""The digests of a model's files: written when it is trained, checked before anything of it is read.

The manifest lies beside the files, in the form of ``sha256sum``; its own digest lies in the registry, apart from
them. Who can change the files alone cannot make the service load them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from features.errors import InputError

MANIFEST = "manifest.sha256"
TAG = "manifest_sha256"  # of a registered version
# what lies beside a scorer's files for MLflow, which no scorer is read from
NOT_OURS = frozenset({"MLmodel", "registered_model_meta", "input_example.json", "serving_input_example.json"})
_REMEDY = "Train the model anew: python -m training.train"


def manifest(files: Mapping[str, bytes]) -> bytes:
    """A line for each file, in the order of their names."""
    return "".join(f"{_digest(files[name])}  {name}\n" for name in sorted(files)).encode()


def digest_of(content: bytes) -> str:
    """Of a manifest, as the registry keeps it."""
    return _digest(content)


def check(files: Mapping[str, bytes], registered: str | None = None) -> dict[str, bytes]:
    """The files without the manifest; InputError unless they are exactly those that were written.

    ``registered``: the manifest's own digest; None leaves out that check alone.
    """
    found = files.get(MANIFEST)
    if found is None:
        raise InputError(
            where=MANIFEST, expected="the digests of the model's files", got="no such file", remedy=_REMEDY
        )
    if registered is not None and _digest(found) != registered:
        raise InputError(
            where=MANIFEST, expected=f"the digest {registered} that was registered", got=_digest(found), remedy=_REMEDY
        )
    rest = {name: content for name, content in files.items() if name != MANIFEST}
    lines = (line.partition("  ") for line in found.decode(errors="replace").splitlines())
    said = {name: digest for digest, gap, name in lines if gap}
    for name in sorted(said.keys() | rest.keys()):
        if name not in rest:
            got = "it is missing"
        elif name not in said:
            got = "a file that is not in the manifest"
        elif said[name] != _digest(rest[name]):
            got = "another content: it was damaged or changed"
        else:
            continue
        raise InputError(where=name, expected="the file that was written", got=got, remedy=_REMEDY)
    return rest


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
