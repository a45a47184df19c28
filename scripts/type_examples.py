"""Check the Python examples of README and docs as a user with a strict type checker sees them.

Run it in a checkout: python scripts/type_examples.py. Its exit code is that of mypy.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```python\n# ([\w/]+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Write every example into a directory of its page, and let mypy look at all of them."""
    with tempfile.TemporaryDirectory() as folder:
        for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
            for name, text in BLOCK.findall(page.read_text(encoding="utf-8")):
                place = Path(folder, page.stem.replace("-", "_"), name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="utf-8")
        # A page at a time: two of them may each show a conftest.py or a server.py.
        command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "."]
        return max(
            subprocess.run(command, cwd=page, check=False).returncode
            for page in sorted(Path(folder).iterdir())
        )


if __name__ == "__main__":
    sys.exit(main())
