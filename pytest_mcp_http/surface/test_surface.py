"""The test of `--mcp-surface`: the server offers what is recorded, or what it offers is recorded now.

It is no requirement of the specification, so it has no verdict.
"""

from __future__ import annotations

import pytest

from pytest_mcp_http._run import run_of
from pytest_mcp_http.errors import McpHttpError
from pytest_mcp_http.surface import drift, file
from pytest_mcp_http.surface.recording import surface_of


def test_surface(pytestconfig: pytest.Config, mcp_target: object) -> None:
    """Compare the surface at each judged revision with the file, or write the file."""
    run = run_of(pytestconfig)
    path = run.settings.surface
    assert path is not None  # or nothing here is collected
    try:
        target = run.resolve(mcp_target)
        judged = target.judged(run.settings.revision)
        now = {revision: surface_of(run.tour(target, revision)) for revision in judged}
        recorded = file.read(path)
    except (McpHttpError, ValueError) as error:
        pytest.fail(f"--mcp-surface {path}: {error}", pytrace=False)
    spoken = target.facts.revisions
    if run.settings.surface_update:
        kept = {revision: surface for revision, surface in recorded.items() if revision in spoken}
        try:
            file.write(path, {**kept, **now})
        except OSError as error:
            pytest.fail(f"--mcp-surface {path}: it cannot be written: {error.strerror}", pytrace=False)
    elif not recorded:
        pytest.fail(
            f"--mcp-surface {path}: nothing is recorded there yet; run once with --mcp-surface-update",
            pytrace=False,
        )
    elif difference := drift.report(recorded, now, spoken, path):
        pytest.fail(difference, pytrace=False)
