"""Write deploy/nginx.conf: the settings of nginx in front of the replicas of deploy/compose.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from reference_server.nginx import Proxy, render

FILE: Final = Path(__file__).resolve().parents[1] / "deploy" / "nginx.conf"
REPLICAS: Final = tuple((f"r{number}", f"replica-{number}:8001") for number in (1, 2, 3))
LISTEN: Final = "8080"


def text() -> str:
    """Return the file as it has to be."""
    return render(Proxy(LISTEN, REPLICAS))


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
