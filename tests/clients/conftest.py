"""The reference client of this directory, and plays of scripts with it."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pytest_mcp_http.client_rules import ClientVerdict
from pytest_mcp_http.scripted_server import ScriptedServer

CLIENT = Path(__file__).with_name("reference_client.py")

TIMEOUT = 1.5
"""Seconds after which the reference client gives up a request that is never answered."""

PATIENCE = 20.0
"""The same for requests that are answered, so that a slow machine breaks nothing."""

PlayIt = Callable[..., list[ClientVerdict]]


@pytest.fixture(scope="session")
def reference_client() -> ModuleType:
    """The module of the reference client."""
    spec = importlib.util.spec_from_file_location("reference_client", CLIENT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def play_it(reference_client: ModuleType) -> PlayIt:
    """Play a script to the reference client, and return the verdicts."""

    def play(script: str, revision: str, fault: str = "") -> list[ClientVerdict]:
        timeout = TIMEOUT if script.endswith("-unanswered") else PATIENCE
        with ScriptedServer(script, revision, contract=True, timeout=timeout) as server:
            client = reference_client.Client(server.url, revision, fault, timeout)
            arguments = {name: dict(given) for name, given in server.script.arguments.items()}
            # A client that gives up is judged by what it did.
            given_up = (OSError, ValueError, reference_client.Failed, reference_client.Refused)
            with contextlib.suppress(*given_up):
                client.visit(arguments)
            server.ended()
            client.close()
            return server.verdicts()

    return play
