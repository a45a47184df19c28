"""The marker `mcp_revisions`: the same test at several protocol revisions.

Knows pytest's collection; whether a server speaks a revision is found out when the test runs.
"""

from __future__ import annotations

import pytest

from pytest_mcp_http.spec.revisions import REVISIONS

NAME = "mcp_revisions"
HELP = (
    f"{NAME}(*revisions): run a test once at each of these revisions, by way of the fixture mcp_revision; "
    "one that the server does not speak is skipped. The closest marker wins."
)


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Parametrise a test that carries the marker, or whose class or module does, by revision.

    Raises:
        pytest.Collector.CollectError: If the marker is wrong.
    """
    marker = metafunc.definition.get_closest_marker(NAME)
    if marker is None:
        return
    if "mcp_revision" not in metafunc.fixturenames:
        if any(own.name == NAME for own in metafunc.definition.own_markers):
            raise _wrong(metafunc, "the test uses neither mcp_revision nor a fixture that depends on it")
        # A marker of a class or module is for those of its tests that it can concern.
        return
    if _parametrized(metafunc):
        raise _wrong(metafunc, "mcp_revision is parametrised as well; keep one of the two")
    metafunc.parametrize("mcp_revision", _revisions(metafunc, marker))


def require_spoken(item: pytest.Item) -> None:
    """Tell that a test is at a revision that its server does not speak.

    Raises:
        NotApplicable: If so.
    """
    funcargs = getattr(item, "funcargs", {})
    if item.get_closest_marker(NAME) is not None and {"mcp_target", "mcp_revision"} <= set(funcargs):
        from pytest_mcp_http._run import run_of

        run_of(item.config).spoken(funcargs["mcp_target"], funcargs["mcp_revision"])


def _revisions(metafunc: pytest.Metafunc, marker: pytest.Mark) -> tuple[str, ...]:
    accepted = f"accepted: one or more of {', '.join(REVISIONS)}"
    if marker.kwargs or not marker.args:
        raise _wrong(metafunc, f"it names no revision; {accepted}")
    for revision in marker.args:
        if revision not in REVISIONS:
            raise _wrong(metafunc, f"{revision!r} is not a revision; {accepted}")
    if len(set(marker.args)) < len(marker.args):
        raise _wrong(metafunc, "it names a revision twice")
    return marker.args


def _parametrized(metafunc: pytest.Metafunc) -> bool:
    for marker in metafunc.definition.iter_markers("parametrize"):
        names = marker.args[0] if marker.args else marker.kwargs.get("argnames", ())
        names = names.split(",") if isinstance(names, str) else names
        if "mcp_revision" in [name.strip() for name in names]:
            return True
    return False


def _wrong(metafunc: pytest.Metafunc, reason: str) -> pytest.Collector.CollectError:
    return pytest.Collector.CollectError(f"marker {NAME} of {metafunc.definition.nodeid}: {reason}")
