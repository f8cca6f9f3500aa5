"""The versions of a model as text: figures, who served when, and what was refused why."""

from __future__ import annotations

from features.events import to_iso
from features.settings import Settings
from training.tracking.versions import Promotion, Version, Versions

_DONE = {
    "gate": "passed the gate",
    "person": "promoted by {by}",
    "forced": "forced by {by}",
    "rollback": "rolled back to by {by}",
    "elsewhere": "promoted with another tool",
}


def roster(versions: Versions, settings: Settings, *, most: int | None) -> str:
    """The newest ``most`` versions (all, if None), and always the one that serves, the newest first."""
    found, log, serving = versions.all(), versions.history(), versions.serving
    if not found:
        return f"No version of {settings.model_name} is registered. Train one with: python -m training.train"
    path = versions.path()
    before = path[-2] if len(path) > 1 else None
    shown = [each for n, each in enumerate(found) if most is None or n < most or each.number == serving]
    count = f"{len(found)} version{'' if len(found) == 1 else 's'}"
    lines = [f"{settings.model_name}: {count}, {f'version {serving} serves' if serving else 'none serves'}", ""]
    lines.append(f"  {'version':>8}  {'trained':<16}  {'IBS':>7}  {'skill':>7}  {'windows':>7}  what became of it")
    for version in shown:
        mark = "*" if version.number == serving else "<" if version.number == before else " "
        figures = versions.metrics(version)
        row = f"{_figure(figures, 'ibs', '.4f')}  {_percent(figures, 'skill')}  {_percent(figures, 'window_coverage')}"
        told = _told(version, [entry for entry in log if entry.version == version.number])
        lines.append(f"{mark} {version.number:>8}  {_minute(version.created_at)}  {row}  {told[0]}".rstrip())
        lines += [f"{'':>58}{more}" for more in told[1:]]
    lines += ["", "* serves; < served before: python -m training.promote --rollback goes back to it"]
    if len(shown) < len(found):
        lines.append(f"{len(found) - len(shown)} older versions are left out: --all shows them")
    return "\n".join(lines)


def _told(version: Version, entries: list[Promotion]) -> list[str]:
    """What became of the version, a line for each thing."""
    told = []
    if version.tags.get("gate") == "refused":
        told.append(f"refused by the gate: {version.tags.get('gate_reasons', 'no reason is kept')}")
    for entry in entries:
        done = _DONE[entry.kind].format(by=entry.by)
        # what a person wrote; the gate's reasons are figures, and stand in the card
        why = f": {entry.why}" if entry.why and entry.kind not in ("gate", "elsewhere") else ""
        told.append(f"{_minute(entry.at)} {done}{why}")
    return told or ["never served"]


def _minute(at: int) -> str:
    return to_iso(at)[:16].replace("T", " ")


def _figure(figures: dict[str, float], name: str, form: str) -> str:
    return f"{format(figures[name], form) if name in figures else '-':>7}"


def _percent(figures: dict[str, float], name: str) -> str:
    return f"{f'{100 * figures[name]:.1f} %' if name in figures else '-':>7}"
