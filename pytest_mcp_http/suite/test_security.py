"""Who is served: origins, hosts, network interfaces, credentials; and what the server gives away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.elicitation import assert_no_secrets_asked
from pytest_mcp_http.assertions.elicitation_urls import (
    assert_elicited_urls_not_preauthenticated,
    assert_elicited_urls_without_personal_data,
)
from pytest_mcp_http.assertions.handles import assert_handles_unpredictable
from pytest_mcp_http.assertions.security import (
    assert_anonymous_refusal,
    assert_no_internals,
    assert_origin_not_granted,
    assert_preflight,
    is_served,
)
from pytest_mcp_http.assertions.session import assert_session_ids_unpredictable
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.report.masking import MADE_UP_TOKEN
from pytest_mcp_http.suite._addresses import accepts, own_addresses
from pytest_mcp_http.suite._bound_to_user import (
    judge_handle_of_another,
    judge_messages_without_token,
    judge_session_of_another,
    judge_session_with_made_up_token,
)
from pytest_mcp_http.suite._conversations import forms, talks
from pytest_mcp_http.suite._elicited import opened
from pytest_mcp_http.suite._handles import handles_given
from pytest_mcp_http.suite._origins import (
    HOSTILE,
    hostile_opening,
    judge_refusal,
    lookalikes,
    open_stream,
    opening_from,
    own_origin,
    validates_origins,
)
from pytest_mcp_http.suite._probes import needs_session, refused_by_others, sample_session_ids, served
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS
from pytest_mcp_http.wire.exchange import Exchange

CREDENTIALS_NEEDED = "HTTP 401 or 403 without the credentials of a user"

PREFLIGHT = {
    "Origin": HOSTILE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}


def local_only(tour: Tour) -> None:
    """Stop unless the server is on this machine.

    Raises:
        NotApplicable: If it is elsewhere.
    """
    if not tour.target.loopback:
        raise NotApplicable("the server is not on this machine")


def judge_opening(tour: Tour) -> None:
    """Judge the answer to the hostile origin, also of a plain request where no session guards it."""
    judge_refusal(tour, hostile_opening(tour), tour.dialect.opening)
    if tour.session_id is None:
        served(tour)
        judge_refusal(tour, tour.client.plain(headers={"Origin": HOSTILE}), "a request")


@requirement("security.origin-validated")
def test_origin_is_validated(mcp_tour: Tour) -> None:
    judge_opening(mcp_tour)


@requirement("security.origin-invalid-403")
def test_invalid_origin_is_403(mcp_tour: Tour) -> None:
    judge_opening(mcp_tour)


@requirement("security.origin-null")
def test_null_origin_is_refused(mcp_tour: Tour) -> None:
    validates_origins(mcp_tour)
    exchange = opening_from(mcp_tour, "null")
    if is_served(exchange):
        violated(
            f"{exchange.summary}, with Origin: null",
            "a refusal, as of any origin that is not trusted",
            exchange,
        )


@requirement("security.origin-lookalike")
def test_lookalike_origins_are_refused(mcp_tour: Tour) -> None:
    local_only(mcp_tour)
    validates_origins(mcp_tour)
    for origin in lookalikes(mcp_tour):
        exchange = opening_from(mcp_tour, origin)
        refused_by_others(exchange)
        if is_served(exchange):
            violated(
                f"{exchange.summary}, with Origin: {origin}", "a refusal: the host is another one", exchange
            )


@requirement("security.origin-get")
def test_origin_of_get(mcp_tour: Tour) -> None:
    if mcp_tour.get is None or not mcp_tour.get.ok:
        raise NotApplicable("the server offers no GET stream")
    # Two sessions: a server may hold one stream per session, and need time to see that it is gone.
    with mcp_tour.session() as client, mcp_tour.session() as other:
        control = open_stream(client, None)
        if not control.ok:
            raise NotVerified(f"the positive control failed: GET without Origin got {control.summary}")
        judge_refusal(mcp_tour, open_stream(other, HOSTILE), "GET")


@requirement("security.origin-delete")
def test_origin_of_delete(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    with mcp_tour.session() as client:
        control = client.delete(headers={"Origin": None})
        if control.status == 405:
            raise NotApplicable("the server does not let clients end sessions (DELETE got 405)")
        if not control.ok or client.request("ping").result is not None:
            raise NotVerified(f"DELETE without Origin ended no session: {control.summary}")
    with mcp_tour.session() as client:
        mcp_tour.require(client.request("ping"), "ping in the live session")
        exchange = client.delete(headers={"Origin": HOSTILE})
        judge_refusal(mcp_tour, exchange, "DELETE")
        after = client.request("ping")
        refused_by_others(after)
        if after.result is None:
            violated(
                f"{after.summary}, to a ping after DELETE with Origin: {HOSTILE} got {exchange.summary}",
                "the session goes on",
                after,
            )


@requirement("security.origin-notification")
def test_origin_of_notification(mcp_tour: Tour) -> None:
    method, params = "notifications/cancelled", {"requestId": "never-sent"}
    with mcp_tour.session() as client:
        control = client.notify(method, params, headers={"Origin": None})
        if not is_served(control):
            raise NotVerified(
                f"the positive control failed: a notification without Origin got {control.summary}"
            )
        judge_refusal(mcp_tour, client.notify(method, params, headers={"Origin": HOSTILE}), "a notification")


@requirement("security.origin-existing-session")
def test_origin_in_a_live_session(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    with mcp_tour.session() as client:
        mcp_tour.require(client.request("ping", headers={"Origin": None}), "ping in the live session")
        exchange = client.request("ping", headers={"Origin": HOSTILE})
        judge_refusal(mcp_tour, exchange, "a request in a live session")


@requirement("security.origin-valid-accepted")
def test_own_origin_is_accepted(mcp_tour: Tour) -> None:
    local_only(mcp_tour)
    mcp_tour.require(opening_from(mcp_tour, None), f"{mcp_tour.dialect.opening} without Origin")
    origin = own_origin(mcp_tour)
    exchange = opening_from(mcp_tour, origin)
    refused_by_others(exchange)
    if exchange.result is None:
        violated(f"{exchange.summary}, with Origin: {origin}", "the request is served", exchange)


@requirement("security.origin-403-body")
def test_refusal_of_an_origin_names_no_request(mcp_tour: Tour) -> None:
    exchange = hostile_opening(mcp_tour)
    if exchange.status != 403:
        raise NotApplicable("the Origin was not refused with 403")
    assert_anonymous_refusal(exchange)


@requirement("security.host-validated")
def test_host_is_validated(mcp_tour: Tour) -> None:
    local_only(mcp_tour)
    mcp_tour.require(opening_from(mcp_tour, None), f"{mcp_tour.dialect.opening} with the real Host")
    exchange = opening_from(mcp_tour, None, host="attacker.invalid")
    refused_by_others(exchange)
    if is_served(exchange):
        violated(
            f"{exchange.summary}, with Host: attacker.invalid",
            "a refusal, for example 403 or 421: a name that was rebound to this machine is not the server's",
            exchange,
        )


@requirement("security.bind-localhost")
def test_local_server_listens_on_loopback_only(mcp_tour: Tour) -> None:
    local_only(mcp_tour)
    parts = urlsplit(mcp_tour.target.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = own_addresses()
    if not addresses:
        raise NotVerified("this machine has no other network address")
    unknown = []
    for address in filter(lambda address: accepts(address, port), addresses):
        host = f"[{address}]" if ":" in address else address
        url = f"{parts.scheme}://{host}:{port}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        # Without the user's headers: what listens there may be another program. The Host is the real one.
        name = ("Host", parts.netloc.rpartition("@")[2])
        client = McpClient(url, mcp_tour.revision, mcp_tour.wire, headers=(name,))
        exchange = client.open()
        client.close()
        if is_same_server(mcp_tour, exchange):
            violated(
                f"the server also answers at {host}:{port}",
                "a server that listens on loopback only",
                exchange,
            )
        unknown.append(f"{host}:{port} ({exchange.summary})")
    if unknown:
        raise NotVerified(f"something listens at {', '.join(unknown)}, which may be another program")


def is_same_server(tour: Tour, answer: Exchange) -> bool:
    """Tell whether an answer to the opening names the server of the tour."""
    infos = [tour.dialect.info_in(exchange.result) for exchange in (answer, tour.opening)]
    return isinstance(infos[0], dict) and infos[0] == infos[1]


@dataclass(frozen=True)
class Lists:
    """The answers to the lists that a server declares, by method, or to a refused opening."""

    answers: Mapping[str, Exchange]

    @property
    def served(self) -> list[str]:
        """Methods that were served."""
        return [method for method, exchange in self.answers.items() if exchange.result is not None]

    @property
    def refused(self) -> list[str]:
        """Methods that asked for credentials."""
        return [method for method, exchange in self.answers.items() if exchange.status in (401, 403)]


def lists_without_credentials(tour: Tour, authorization: str | None = None) -> Lists:
    """Ask for the declared lists without the user's headers, perhaps with some other `Authorization`.

    Raises:
        NotApplicable: If the server declares nothing that could be listed.
        NotVerified: If its answers say nothing about credentials.
    """
    methods = [LISTS[name][0][0] for name in LISTS if name in tour.capabilities]
    if not methods:
        raise NotApplicable("the server declares no tools, prompts or resources")

    def probe() -> Lists:
        headers = () if authorization is None else (("Authorization", authorization),)
        client = McpClient(tour.target.url, tour.revision, tour.wire, headers=headers)
        first = client.open()
        if first.result is None:
            return Lists({tour.dialect.opening: first})
        if tour.dialect.sessions:
            client.initialized()
        answers = Lists({method: client.request(method) for method in methods})
        client.close()
        return answers

    found = tour.memo(f"lists with {authorization}", probe)
    if not found.served and not found.refused:
        method, exchange = next(iter(found.answers.items()))
        raise NotVerified(f"{method} without credentials got {exchange.summary}")
    return found


def judge_made_up_token(tour: Tour) -> None:
    """Judge whether a server that asks for credentials looks at them."""
    refused = lists_without_credentials(tour).refused
    lists = lists_without_credentials(tour, f"Bearer {MADE_UP_TOKEN}")
    for method in lists.served:
        if method in refused or tour.dialect.opening in refused:
            exchange = lists.answers[method]
            violated(f"{method} is served with a token that was made up", CREDENTIALS_NEEDED, exchange)


@requirement("security.authenticate")
def test_connections_are_authenticated(mcp_tour: Tour) -> None:
    lists = lists_without_credentials(mcp_tour)
    for method in lists.served:
        if not lists.refused and mcp_tour.target.loopback:
            raise NotApplicable("an open local server is judged by security.local-unauthorized-use")
        but = f", although {lists.refused[0]} is not" if lists.refused else ""
        exchange = lists.answers[method]
        violated(f"{method} is served without credentials{but}", CREDENTIALS_NEEDED, exchange, note=True)
    if not mcp_tour.target.loopback:
        judge_made_up_token(mcp_tour)


@requirement("security.local-unauthorized-use")
def test_other_local_programs_are_kept_out(mcp_tour: Tour) -> None:
    local_only(mcp_tour)
    lists = lists_without_credentials(mcp_tour)
    if lists.refused:
        judge_made_up_token(mcp_tour)
        return
    method = lists.served[0]
    violated(
        f"{method} is served to any program on this machine",
        ["HTTP 401 or 403 without a token", "a server without HTTP, or behind a socket file"],
        lists.answers[method],
        note=True,
    )


@requirement("security.session-id-nondeterministic")
def test_session_ids_are_not_predictable(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    assert_session_ids_unpredictable(sample_session_ids(mcp_tour))


@requirement("security.handle-random-and-bound")
def test_handles_are_not_predictable(mcp_tour: Tour) -> None:
    assert_handles_unpredictable(handles_given(mcp_tour))


@requirement("security.cors")
def test_cors(mcp_tour: Tour) -> None:
    client = mcp_tour.client
    preflight = client.send(client.build("OPTIONS", headers=PREFLIGHT))
    assert_preflight(preflight, open_server=not mcp_tour.target.headers)
    for exchange in (preflight, hostile_opening(mcp_tour)):
        assert_origin_not_granted(exchange)


@requirement("security.error-no-internals")
def test_errors_show_no_internals(mcp_tour: Tour) -> None:
    failed = [e for e in mcp_tour.exchanges if e.error is not None or (e.status or 0) >= 400]
    if not failed:
        raise NotVerified("no request of the visit was refused")
    for exchange in failed:
        assert_no_internals(exchange)


# -- what users are asked for -------------------------------------------------------------------------------


def judge_forms(tour: Tour) -> None:
    """Judge what the forms of the tools of the role ask want to know."""
    forms(tour)
    for exchange in talks(tour).exchanges:
        assert_no_secrets_asked(exchange)


@requirement("security.elicit-no-sensitive")
def test_users_are_not_asked_for_secrets(mcp_tour: Tour) -> None:
    judge_forms(mcp_tour)


@requirement("security.elicit-no-sensitive-form")
def test_forms_do_not_ask_for_secrets(mcp_tour: Tour) -> None:
    judge_forms(mcp_tour)


@requirement("security.elicit-url-no-pii")
def test_urls_hold_no_personal_data(mcp_tour: Tour) -> None:
    sent = [value for _, value in mcp_tour.target.headers]
    for exchange in opened(mcp_tour):
        assert_elicited_urls_without_personal_data(exchange, sent)


@requirement("security.elicit-url-not-preauth")
def test_urls_are_not_preauthenticated(mcp_tour: Tour) -> None:
    for exchange in opened(mcp_tour):
        assert_elicited_urls_not_preauthenticated(exchange)


# -- users --------------------------------------------------------------------------------------------------


@requirement("security.verify-inbound")
def test_every_message_is_verified(mcp_tour: Tour) -> None:
    judge_messages_without_token(mcp_tour)


@requirement("security.session-not-auth")
def test_session_is_no_proof_of_identity(mcp_tour: Tour) -> None:
    judge_session_with_made_up_token(mcp_tour)


@requirement("security.session-bound-to-user")
def test_session_is_bound_to_its_user(mcp_tour: Tour) -> None:
    judge_session_of_another(mcp_tour)


@requirement("security.handle-not-auth")
def test_handle_is_no_proof_of_identity(mcp_tour: Tour) -> None:
    judge_handle_of_another(mcp_tour)
