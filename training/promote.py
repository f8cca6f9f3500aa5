"""Let a version serve, go back to the one before, or see who served when: ``python -m training.promote``."""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from collections.abc import Sequence

from features.errors import InputError
from features.settings import Settings, load_settings
from training.ending import exit_code
from training.progress import stage
from training.promotion import fault
from training.roster import roster
from training.tracking import Tracking
from training.tracking.versions import Versions

REFUSED = "refused"
_NO_GATE = "it was not judged by the gate"


def promote(tracking: Tracking, settings: Settings, version: str | None, given: argparse.Namespace, *, now: int) -> str:
    """Let ``version`` serve (the newest that passed the gate, if None); what was done, as a sentence.

    InputError for a version that is not there, cannot serve, or did not pass the gate and is not forced.
    """
    versions = Versions(tracking, settings.model_alias)
    found = {each.number: each for each in versions.all()}
    wanted = version or next((n for n, each in found.items() if each.tags.get("gate") == "passed"), None)
    if wanted is None or wanted not in found:
        raise InputError(
            where=f"model {settings.model_name!r}",
            expected="the number of a registered version" if wanted else "a version that passed the gate",
            got=repr(wanted) if wanted else "none",
            remedy="See python -m training.promote --list",
        )
    if versions.serving == wanted:
        return f"Version {wanted} of {settings.model_name} serves already."
    tags = found[wanted].tags
    passed = tags.get("gate") == "passed"
    if not passed and not given.force:
        raise InputError(
            where=f"version {wanted}",
            expected="a version that passed the gate",
            got=tags.get("gate_reasons", _NO_GATE) if tags.get("gate") == REFUSED else _NO_GATE,
            remedy='To let it serve all the same, say why: --force --why "..."',
        )
    with stage(f"try version {wanted}"):
        wrong = fault(tracking, settings, wanted)
    if wrong is not None:
        raise InputError(
            where=f"version {wanted}", expected="files that load and score", got=wrong, remedy="Train the model anew"
        )
    versions.promote(wanted, kind="person" if passed else "forced", by=_who(), why=given.why or "", now=now, best=True)
    return f"Version {wanted} of {settings.model_name} serves now as {settings.model_alias!r}."


def roll_back(tracking: Tracking, settings: Settings, why: str, *, now: int) -> str:
    """Back to the version that served before; what was done, as sentences."""
    versions = Versions(tracking, settings.model_alias)
    left = versions.serving
    version, passed_over = versions.roll_back(lambda each: fault(tracking, settings, each), by=_who(), why=why, now=now)
    said = f"Version {version} of {settings.model_name} serves again as {settings.model_alias!r}, instead of {left}."
    return "\n".join([*(f"Passed over: {reason}." for reason in passed_over), said])


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user
        return "unknown"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.promote", description=__doc__)
    parser.add_argument(
        "version", nargs="?", metavar="VERSION", help="its number; without one, the newest that passed the gate"
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--rollback", action="store_true", help="back to the version that served before")
    action.add_argument("--list", action="store_true", help="the versions: figures, who served when, what was refused")
    action.add_argument("--force", action="store_true", help="though it did not pass the gate; needs --why")
    parser.add_argument("--why", metavar="TEXT", help="kept in the registry")
    parser.add_argument("--all", action="store_true", help="with --list: all versions, not the newest 20")
    return parser


def _check(given: argparse.Namespace) -> None:
    if given.force and not (given.why or "").strip():
        raise InputError(where="--force", expected="a reason, which is kept", got="none", remedy='Add --why "..."')
    if given.version is not None and (given.rollback or given.list):
        raise InputError(
            where="VERSION", expected="no version beside --rollback or --list", got=given.version,
            remedy="--rollback goes to the one before; to go to another: python -m training.promote VERSION",
        )  # fmt: skip
    if given.version is not None and not given.version.isdecimal():
        raise InputError(where="VERSION", expected="the number of a version, such as 12", got=repr(given.version))
    if given.all and not given.list:
        raise InputError(where="--all", expected="it beside --list", got="no --list")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when done, 2 when it cannot be."""
    given = _parser().parse_args(argv)
    return exit_code(lambda: _run(given), interrupted="see python -m training.promote --list")


def _run(given: argparse.Namespace) -> None:
    now = time.time_ns() // 1000
    _check(given)
    settings = load_settings()
    tracking = Tracking(settings.mlflow_tracking_uri, model_name=settings.model_name)
    if given.list:
        print(roster(Versions(tracking, settings.model_alias), settings, most=None if given.all else 20))
    elif given.rollback:
        print(roll_back(tracking, settings, given.why or "", now=now))
    else:
        print(promote(tracking, settings, given.version, given, now=now))


if __name__ == "__main__":
    sys.exit(main())
