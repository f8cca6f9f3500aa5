"""Load by wrk: requests a second and how long they take."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from features.errors import InputError

# Each request takes the next path of a list that every thread begins somewhere else.
_SCRIPT = """
local paths = {}
for line in io.lines("%(paths)s") do paths[#paths + 1] = line end
local at = 0
function init(args) math.randomseed(os.time()); at = math.random(#paths) end
wrk.method = "%(method)s"
%(headers)s
%(body)s
function request()
  at = at %% #paths + 1
  return wrk.format(nil, paths[at])
end
"""
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Load:
    """Latencies in milliseconds. ``failed``: answers that were no success, and connections that broke."""

    per_second: float
    p50: float
    p99: float
    failed: int


def load(
    port: int,
    paths: Sequence[str],
    folder: Path,
    *,
    seconds: int,
    connections: int,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> Load:
    """What one thread of wrk can get out of a server on loopback."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise InputError(expected="wrk, which makes the load", got="no such program", remedy="apt install wrk")
    listed, script, sent = folder / "paths.txt", folder / "load.lua", folder / "body.json"
    listed.write_text("\n".join(paths) + "\n")
    sent.write_bytes(body or b"")
    script.write_text(
        _SCRIPT
        % {
            "paths": listed,
            "method": "GET" if body is None else "POST",
            "headers": "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()),
            "body": "" if body is None else f'wrk.body = io.open("{sent}"):read("*a")',
        }
    )
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency", "-s", str(script)]
    done = subprocess.run([*command, f"http://127.0.0.1:{port}"], check=True, capture_output=True, text=True)
    return read(done.stdout)


def read(text: str) -> Load:
    """What wrk printed."""
    rate = re.search(r"Requests/sec:\s*([\d.]+)", text)
    if rate is None:
        raise ValueError(f"expected what wrk prints, got {text!r}")
    slow = {share: float(value) * _UNITS[unit] for share, value, unit in
            re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)}  # fmt: skip
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    failed = (int(bad[1]) if bad else 0) + (sum(map(int, broken.groups())) if broken else 0)
    return Load(float(rate[1]), slow["50"], slow["99"], failed)
