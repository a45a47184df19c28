"""What the plugin costs a pytest run that does not use it: median of alternating runs, with and without it.

Run it in an environment where the package is installed: `python benchmarks/startup.py [ROUNDS]`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VARIANTS = {"without": ["-p", "no:mcp_http"], "with": []}


def run_once(extra: list[str], folder: str) -> float:
    started = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *extra]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return (time.perf_counter() - started) * 1000


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    times: dict[str, list[float]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_one.py").write_text("def test_one():\n    pass\n", encoding="utf-8")
        for extra in VARIANTS.values():
            run_once(extra, folder)  # writes byte code
        for _ in range(rounds):
            for name, extra in VARIANTS.items():
                times[name].append(run_once(extra, folder))
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, median in medians.items():
        print(f"{name:8} {median:7.1f} ms (median of {rounds})")
    cost = medians["with"] - medians["without"]
    print(f"cost     {cost:7.1f} ms, ratio {medians['with'] / medians['without']:.2f}")


if __name__ == "__main__":
    main()
