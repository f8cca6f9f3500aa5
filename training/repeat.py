"""Train again exactly as a registered version was, and say whether the same files come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from features.errors import InputError
from features.events import to_iso
from features.settings import Settings
from model.manifest import digest_of, manifest
from training.cold_start import fit_cold
from training.inputs import Source
from training.learn import learn
from training.material import gather
from training.progress import Progress
from training.provenance import FILE, FOLDER, Provenance, differences
from training.tracking import FilesMissing, Tracking

SAME, OTHER = 0, 1  # exit codes


def repeat(version: str, settings: Settings, *, data: Path | None, now: int) -> int:
    """SAME when each file came out as it was registered, OTHER when not; what is different is said.

    ``version``: its number, or an alias. ``data``: where the folder of tables lies now. Nothing is registered.
    """
    progress = Progress()
    with progress.stage("open the tracking database"):
        tracking = Tracking(settings.mlflow_tracking_uri, model_name=settings.model_name)
        registered, then = tracking.load(version), provenance_of(tracking, version)
    folder = data if data is not None else None if then.folder is None else Path(then.folder)
    given = gather(
        Source(settings.database_url, folder),
        then.settings_in_force(),
        progress,
        known_by=then.known_by,
        now=now,
        seed=then.seed,
        up_to=then.position,
    )
    # a folder that lies elsewhere now is the same one if the same events are in it
    changed = differences(then, replace(given.provenance, folder=then.folder))
    if given.lacking is not None:
        with progress.stage("fit one curve for everybody"):
            again = fit_cold(
                given.history, given.split, given.settings, given.lacking, seed=given.seed, version=given.version
            )
    else:
        again = learn(given, progress).serving
    made = again.scorer.to_files()
    print(f"\nVersion {version} was trained on what was known at {to_iso(then.known_by)}{_position(then)}.")
    if made == registered:
        print(f"The same files came out, byte for byte: sha256 of their manifest {digest_of(manifest(made))}.")
        print("\n".join(f"It made no difference that {each}." for each in changed))
        return SAME
    files = [name for name in sorted(made.keys() | registered.keys()) if made.get(name) != registered.get(name)]
    print(f"Other files came out: {', '.join(files)}.")
    reasons = changed or ["nothing that is recorded is different; another processor may sum in another order"]
    print("\n".join(f"  {each[:1].upper()}{each[1:]}." for each in reasons))
    return OTHER


def provenance_of(tracking: Tracking, version: str) -> Provenance:
    """InputError for a version that was registered before its provenance was kept."""
    try:
        files = tracking.load(version, folder=FOLDER)
    except FilesMissing:
        files = {}
    if FILE not in files:
        raise InputError(
            where=f"version {version}",
            expected=f"a version whose run holds {FOLDER}/{FILE}",
            got="none",
            remedy="It was trained by an older program: train another version",
        )
    return Provenance.from_json(files[FILE])


def _position(then: Provenance) -> str:
    return f" in {then.folder}" if then.position is None else f", up to position {then.position:,} of the log"
