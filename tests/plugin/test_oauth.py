"""Logging in to a real authorization server before a run, and two users in one run."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from pytest_mcp_http._login import Login
from pytest_mcp_http._oauth import LoggedIn, RenewingWire, log_in
from pytest_mcp_http.errors import TargetError
from pytest_mcp_http.wire.exchange import Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import HttpWire
from tests.authorization_server import Provider, RefreshToken, running_provider
from tests.conftest import running_reference

SECRET = "s3cr3t-of-the-client"
LOGIN = "client-credentials client_id=ci client_secret=env:MCP_SECRET"
REFRESH = "refresh-token client_id=ci client_secret=env:MCP_SECRET refresh_token=env:MCP_REFRESH"
CASES = ("--mcp-case", "authorization.*", "--mcp-case", "security.*")

Guarded = Callable[..., str]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """An authorization server with one client, whose secrets stand in the environment."""
    monkeypatch.setenv("MCP_SECRET", SECRET)
    monkeypatch.setenv("MCP_REFRESH", "r3fresh-of-the-client")
    with running_provider() as found:
        client = found.client("ci", SECRET)
        found.refresh_tokens["r3fresh-of-the-client"] = RefreshToken(client, client.scope)
        yield found


@pytest.fixture
def guarded(provider: Provider) -> Iterator[Guarded]:
    """Run reference servers that take its tokens."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(
            running_reference(**{"mode": "stateful", "issuer": provider.url, **options})
        )


def counts(result: pytest.RunResult) -> dict[str, int]:
    return {name: count for name, count in result.parseoutcomes().items() if name != "deselected"}


@pytest.mark.parametrize(
    ("login", "workers"),
    [(LOGIN, ()), (LOGIN, ("-n", "2")), (REFRESH, ())],
    ids=["client-credentials", "client-credentials-xdist", "refresh-token"],
)
def test_a_run_with_a_login_is_green(
    pytester: pytest.Pytester, guarded: Guarded, provider: Provider, login: str, workers: tuple[str, ...]
) -> None:
    result = pytester.runpytest_subprocess("--mcp-url", guarded(), "--mcp-oauth", login, *CASES, *workers)
    found = counts(result)
    assert set(found) == {"passed", "skipped"}
    assert found["passed"] > 60
    # The controller logs in, and nobody else.
    assert provider.issued == 1
    assert "r3fresh" not in str(result.stdout) + str(result.stderr)


def test_the_ini_file_names_the_login(pytester: pytest.Pytester, guarded: Guarded) -> None:
    pytester.makepyprojecttoml(f'[tool.pytest]\nmcp_url = "{guarded()}"\nmcp_oauth = "{LOGIN}"\n')
    assert set(counts(pytester.runpytest_subprocess(*CASES))) == {"passed", "skipped"}


def test_tokens_are_renewed_in_mid_run(guarded: Guarded, provider: Provider) -> None:
    provider.lifetime = 3
    url = guarded()
    with HttpWire() as plain:
        logged_in = log_in(Login("client-credentials", "ci", SECRET), plain, url)
        stale = LoggedIn(**{**vars(logged_in), "issued_at": logged_in.issued_at - 2.5})
        with RenewingWire(stale, plain) as wire:
            lines = (("Authorization", f"Bearer {logged_in.access_token}"), ("Other", "1"))
            sent = wire.outgoing(Request("POST", url, Headers(lines)))
            again = wire.outgoing(Request("POST", url, Headers(lines)))
            others = wire.outgoing(Request("POST", url, Headers((("Authorization", "Bearer other"),))))
    assert provider.issued >= 2
    assert sent.headers.get("authorization") not in (None, lines[0][1])
    assert again.headers.get("authorization") is not None
    assert sent.headers.get("other") == "1"
    assert others.headers.get("authorization") == "Bearer other"


def test_a_token_that_cannot_be_renewed_is_sent_on(guarded: Guarded, provider: Provider) -> None:
    provider.lifetime = 3
    url = guarded()
    with HttpWire() as plain:
        logged_in = log_in(Login("client-credentials", "ci", SECRET), plain, url)
        provider.clients.clear()
        stale = LoggedIn(**{**vars(logged_in), "issued_at": logged_in.issued_at - 2.5})
        with RenewingWire(stale, plain) as wire:
            lines = (("Authorization", f"Bearer {logged_in.access_token}"),)
            assert wire.outgoing(Request("POST", url, Headers(lines))).headers == Headers(lines)


# -- what goes wrong ----------------------------------------------------------------------------------------


def failing(login: Login, url: str) -> str:
    """Return the diagnosis of a login that fails."""
    with HttpWire() as wire, pytest.raises(TargetError) as caught:
        log_in(login, wire, url)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_wrong_secret(pytester: pytest.Pytester, guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_SECRET", "wr0ng-secret")
    result = pytester.runpytest_subprocess("--mcp-url", guarded(), "--mcp-oauth", LOGIN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: mcp: The login to the MCP server failed: *",
            "*got:  invalid_client*",
            "*do:   check client_id*",
        ]
    )
    assert "wr0ng-secret" not in str(result.stdout) + str(result.stderr)


def test_variable_that_is_not_set(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--mcp-url", "http://127.0.0.1:9/mcp", "--mcp-oauth", LOGIN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --mcp-oauth: client_secret wants the environment variable MCP_SECRET, which is not set"]
    )


def test_no_metadata(stateful_url: str) -> None:
    found = failing(Login("client-credentials", "ci", SECRET), stateful_url)
    assert "it has no metadata that lead to an authorization server" in found


def test_authorization_server_that_is_gone(guarded: Guarded) -> None:
    found = failing(Login("client-credentials", "ci", SECRET), guarded(issuer="http://127.0.0.1:9"))
    assert "its authorization server cannot be reached" in found
    assert "refused" in found


def test_server_that_is_not_there() -> None:
    assert "nothing listens" in failing(Login("client-credentials", "ci", SECRET), "http://127.0.0.1:9/mcp")


def test_another_issuer_than_the_user_trusts(guarded: Guarded, provider: Provider) -> None:
    login = Login("client-credentials", "ci", SECRET, issuer="https://as.example")
    assert "another authorization server than issuer=https://as.example" in failing(login, guarded())
    assert provider.issued == 0


def test_metadata_of_another_server(guarded: Guarded, provider: Provider) -> None:
    found = failing(
        Login("client-credentials", "ci", SECRET), guarded(faults=("authorization.other-resource",))
    )
    assert "those of another server" in found
    assert provider.issued == 0


def test_secrets_go_to_no_endpoint_without_tls(guarded: Guarded, provider: Provider) -> None:
    # Without metadata of its own the server is judged by those of its host.
    url = guarded(faults=("authorization.metadata-missing", "authorization.token-endpoint-without-tls"))
    assert "no token endpoint with TLS" in failing(Login("client-credentials", "ci", SECRET), url)
    assert provider.issued == 0


def test_unknown_refresh_token(guarded: Guarded) -> None:
    login = Login("refresh-token", "ci", SECRET, refresh_token="gone-with-the-wind")
    found = failing(login, guarded())
    assert "invalid_grant" in found
    assert "gone-with-the-wind" not in found


# -- two users ----------------------------------------------------------------------------------------------


def test_two_users_and_their_secrets(
    pytester: pytest.Pytester, guarded: Guarded, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = guarded(faults=("security.session-of-anybody", "tools.open-to-all-scopes"))
    tokens = {
        "FIRST": provider.token("alice", url, "mcp:use", "mcp:vault"),
        "SECOND": provider.token("bob", url, "mcp:use"),
        "LESS": provider.token("alice", url, "mcp:use"),
    }
    for name, token in tokens.items():
        monkeypatch.setenv(name, token)
    result = pytester.runpytest_subprocess(
        *("--mcp-url", url, "--mcp-header", "Authorization: Bearer env:FIRST"),
        *("--mcp-header", "authorization: Bearer env:SECOND", "--mcp-token", "less-scope=env:LESS"),
        *("--mcp-case", "security.session-*", "--mcp-case", "tools.access-control", "--mcp-strict"),
        *("--mcp-report", "report.json", "--junitxml", "junit.xml", "-n", "2", "-vv"),
    )
    assert counts(result)["failed"] == 3
    report = (pytester.path / "report.json").read_text(encoding="utf-8")
    junit = (pytester.path / "junit.xml").read_text(encoding="utf-8")
    for token in tokens.values():
        for text in (str(result.stdout), str(result.stderr), report, junit):
            assert token not in text
            assert token.rpartition(".")[2] not in text
    broken = [each for each in json.loads(report)["results"] if each["verdict"] == "fail"]
    assert {each["requirement"] for each in broken} == {
        "security.session-bound-to-user",
        "tools.access-control",
    }
    assert '--header "authorization: $MCP_AUTHORIZATION_SECOND_USER"' in str(result.stdout)


def test_without_a_second_user_the_summary_says_what_to_add(
    pytester: pytest.Pytester, guarded: Guarded, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = guarded()
    monkeypatch.setenv("FIRST", provider.token("alice", url, "mcp:use"))
    result = pytester.runpytest_subprocess(
        *("--mcp-url", url, "--mcp-header", "Authorization: Bearer env:FIRST"),
        *("--mcp-case", "security.session-bound-to-user", "--mcp-case", "authorization.expired-token-401"),
    )
    text = str(result.stdout)
    assert "add a second --mcp-header" in text
    assert "add --mcp-token expired=env:VAR" in text


# -- the client of the SDK ----------------------------------------------------------------------------------


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_the_sdk_logs_in_to_the_reference_server(guarded: Guarded, provider: Provider) -> None:
    extensions = pytest.importorskip("mcp.client.auth.extensions.client_credentials")
    mcp = pytest.importorskip("mcp")
    if not hasattr(mcp, "Client"):
        pytest.skip("needs mcp 2.x")
    httpx2 = pytest.importorskip("httpx2")
    from mcp.client.streamable_http import streamable_http_client

    class Storage:
        tokens = None
        client = None

        async def get_tokens(self) -> object:
            return self.tokens

        async def set_tokens(self, tokens: object) -> None:
            self.tokens = tokens

        async def get_client_info(self) -> object:
            return self.client

        async def set_client_info(self, client: object) -> None:
            self.client = client

    url = guarded()
    auth = extensions.ClientCredentialsOAuthProvider(
        url, Storage(), "ci", SECRET, scope="mcp:use mcp:vault", issuer=provider.url
    )
    async with httpx2.AsyncClient(auth=auth, trust_env=False) as http:
        async with mcp.Client(streamable_http_client(url, http_client=http)) as client:
            listed = await client.list_tools()
    # It asks for the scopes that the challenge of the 401 names, which is the first of the two.
    names = {tool.name for tool in listed.tools}
    assert "echo_text" in names
    assert "read_vault" not in names
    assert provider.issued == 1


def test_a_provider_of_openid_connect_is_found() -> None:
    # It has other documents than ours and none of our grants, so the login ends at its token endpoint.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oidc = pytest.importorskip("oidc_provider_mock")
    with (
        oidc.run_server_in_thread() as server,
        running_reference(mode="stateless", issuer=f"http://localhost:{server.server_port}") as url,
    ):
        found = failing(Login("client-credentials", "ci", SECRET), url)
    assert "the authorization server gave no token" in found
    assert "/oauth2/token" in found
