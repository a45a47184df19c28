"""Measure whole runs against the bundled reference server: one era, the other, and both side by side.

Each run is a process of its own, as a user starts it. The ratio is to a run that judges one requirement, so
it says what the checks cost beside starting, serving and discovering. Runs are interleaved, and the fastest
of each kind counts: whatever else the machine does only adds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time

RUNS = {
    "one requirement": ["--mcp-case", "tools.list-deterministic-order"],
    "handshake era (2025-11-25)": ["--mcp-revision", "2025-11-25"],
    "modern era (2026-07-28)": ["--mcp-revision", "2026-07-28"],
    "both eras": [],
}


def seconds(mode: str, options: list[str], folder: str) -> float:
    """Return the wall time of one run.

    Raises:
        SystemExit: If the run does not pass.
    """
    command = [sys.executable, "-m", "pytest", "-q", "--mcp-reference", mode, *options]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    elapsed = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=("stateful", "stateless"), default="stateful")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each kind (default %(default)s)")
    options = parser.parse_args()
    best = dict.fromkeys(RUNS, float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.repeat):
            for name, extra in RUNS.items():
                best[name] = min(best[name], seconds(options.mode, extra, folder))
    base = best["one requirement"]
    for name, elapsed in best.items():
        print(f"{name:28} {elapsed:6.2f} s  x{elapsed / base:.1f}")


if __name__ == "__main__":
    main()
