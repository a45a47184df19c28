"""Runs Hypothesis: the same values for the same seed, nothing kept on disk, an end in time.

It must not know requests or servers.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, Verbosity, configuration, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.internal.conjecture import providers

Value = TypeVar("Value")


class Enough(BaseException):
    """Ends a search at once; no `Exception`, or Hypothesis would take it for a failure of the test."""


class _Found(Exception):  # noqa: N818 - what is searched for, not an error
    """The value that was tried is one that is searched for."""


def search(
    strategy: st.SearchStrategy[Value], try_: Callable[[Value], bool], examples: int, start: int
) -> None:
    """Try values of a strategy; once one is found, try ever simpler ones.

    Args:
        strategy: Where the values come from.
        try_: Called with each value; True if it is one that is searched for. The last call that returned
            True had the simplest of them. It ends the search by raising `Enough`.
        examples: Values to try, at most; those that are tried for simplicity's sake are not counted.
        start: Seed: the same one gives the same values as long as `try_` returns the same.
    """

    @seed(start)
    @settings(
        max_examples=examples,
        phases=(Phase.generate, Phase.shrink),
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        # They are about tests that are too slow to be useful; here the server sets the pace.
        suppress_health_check=list(HealthCheck),
        backend="hypothesis",
    )
    @given(strategy)
    def run(value: Value) -> None:
        if try_(value):
            raise _Found

    with warnings.catch_warnings(), _no_traces(), _seed_alone():
        # About schemas and strategies, which are the server's and ours.
        warnings.simplefilter("ignore")
        # Flaky: what was found once was not found again. Who tries knows what was found.
        with suppress(_Found, Enough, Flaky):
            run()


@contextmanager
def _no_traces() -> Iterator[None]:
    """Keep the files that Hypothesis makes, such as tables of Unicode, out of the directory of the user."""
    before = getattr(configuration, "__hypothesis_home_directory", None)
    with tempfile.TemporaryDirectory() as directory:
        configuration.set_hypothesis_home_dir(directory)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)


@contextmanager
def _seed_alone() -> Iterator[None]:
    """Make values depend on the seed alone.

    Hypothesis mixes in constants from the source files of the project in which it runs. Then another version
    of the server would get other requests for the same seed.
    """
    constants: Any = getattr(providers, "Constants", None)
    cache: Any = getattr(providers, "CONSTANTS_CACHE", None)
    if constants is None or cache is None or not hasattr(providers, "_get_local_constants"):
        yield  # a version without
        return
    with (
        patch.object(providers, "_get_local_constants", constants),
        patch.object(providers, "CONSTANTS_CACHE", type(cache)(cache.max_size)),
    ):
        yield
