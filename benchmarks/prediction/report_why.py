"""What was found out, by hand, about figures that were lost: a paragraph for each dataset by its name."""

from __future__ import annotations

WHY: dict[str, str] = {}
