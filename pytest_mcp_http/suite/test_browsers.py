"""What a browser lets a client in a page of another origin do. Part of a run with `--mcp-browser` only."""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.browsers import (
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    assert_credentials_allowed_properly,
    assert_exposed,
    assert_one_allowed_origin,
    assert_preflight_allows_headers,
    assert_preflight_allows_method,
    assert_preflight_cached,
    assert_preflight_needs_no_token,
    assert_preflight_status,
    assert_readable_from,
    names_several_origins,
)
from pytest_mcp_http.client import SESSION_HEADER
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._browser import (
    AUTHORIZATION,
    RESUMPTION,
    SESSION_NAME,
    Preflight,
    allowed,
    asking_for,
    is_mirrored,
    origin_of,
    refused_for,
    visit_of,
)
from pytest_mcp_http.suite._probes import needs_session
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange


def everything(tour: Tour) -> list[Exchange]:
    """Return every answer that a page got."""
    visit = visit_of(tour)
    found = [each.exchange for each in visit.preflights] + [exchange for _, exchange in visit.answers]
    return found + ([visit.refused] if visit.refused is not None else [])


def judge_headers(preflights: list[Preflight], *names: str) -> None:
    """Judge that preflights allow those of some header lines that they ask for."""
    for each in preflights:
        assert_preflight_allows_headers(each.exchange, [name for name in each.names if name in names])


@requirement("browsers.preflight-status")
def test_preflight_is_answered(mcp_tour: Tour) -> None:
    for each in visit_of(mcp_tour).preflights:
        assert_preflight_status(each.exchange)


@requirement("browsers.preflight-not-authenticated")
def test_preflight_needs_no_token(mcp_tour: Tour) -> None:
    for each in visit_of(mcp_tour).preflights:
        assert_preflight_needs_no_token(each.exchange)


@requirement("browsers.preflight-origin")
def test_preflight_allows_the_origin(mcp_tour: Tour) -> None:
    for each in visit_of(mcp_tour).preflights:
        if not each.exchange.ok:
            raise NotVerified("a preflight is refused, whatever its origin")
        if names_several_origins(each.exchange):
            continue
        if more := refused_for(mcp_tour, each):
            violated(
                f"{each.exchange.summary}, with no {ALLOW_ORIGIN}, to a preflight for {each.method} with "
                f"{', '.join(more)}; one for POST with content-type alone gets it, so the origin is allowed "
                "and something of this one is not",
                (f"{ALLOW_ORIGIN}, with {ALLOW_HEADERS} and {ALLOW_METHODS} of what is asked for",),
                each.exchange,
            )
        assert_readable_from(each.exchange, origin_of(mcp_tour))


@requirement("browsers.preflight-methods")
def test_preflight_allows_delete(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    if any(what == "DELETE" and answer.status == 405 for what, answer in visit_of(mcp_tour).answers):
        raise NotApplicable("the server does not let clients end sessions (DELETE got 405)")
    for each in allowed(mcp_tour):
        assert_preflight_allows_method(each.exchange, each.method)


@requirement("browsers.preflight-headers")
def test_preflight_allows_usual_headers(mcp_tour: Tour) -> None:
    others = (AUTHORIZATION, RESUMPTION, SESSION_NAME)
    for each in allowed(mcp_tour):
        wanted = [name for name in each.names if name not in others and not is_mirrored(name)]
        assert_preflight_allows_headers(each.exchange, wanted)


@requirement("browsers.preflight-session-header")
def test_preflight_allows_session_header(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    judge_headers(asking_for(mcp_tour, SESSION_NAME), SESSION_NAME)


@requirement("browsers.preflight-resumption-header")
def test_preflight_allows_resumption_header(mcp_tour: Tour) -> None:
    streams = [exchange for exchange in mcp_tour.exchanges if exchange.is_sse]
    if not any(event.last_event_id for stream in streams for event in stream.events):
        raise NotApplicable("the server gives no event an id, so clients have nothing to resume from")
    judge_headers(asking_for(mcp_tour, RESUMPTION), RESUMPTION)


@requirement("browsers.preflight-mirrored-headers")
def test_preflight_allows_mirrored_headers(mcp_tour: Tour) -> None:
    for each in allowed(mcp_tour):
        assert_preflight_allows_headers(each.exchange, filter(is_mirrored, each.names))


@requirement("browsers.preflight-authorization")
def test_preflight_allows_authorization(mcp_tour: Tour) -> None:
    found = asking_for(mcp_tour, AUTHORIZATION)
    if not found:
        raise NotApplicable("no Authorization is given with --mcp-header")
    judge_headers(found, AUTHORIZATION)


@requirement("browsers.response-origin")
def test_page_can_read_answers(mcp_tour: Tour) -> None:
    for _, exchange in visit_of(mcp_tour).answers:
        if exchange.status not in (None, 401) and not names_several_origins(exchange):
            assert_readable_from(exchange, origin_of(mcp_tour))


@requirement("browsers.one-allowed-origin")
def test_one_origin_is_allowed(mcp_tour: Tour) -> None:
    for exchange in everything(mcp_tour):
        assert_one_allowed_origin(exchange)


@requirement("browsers.expose-session-id")
def test_page_can_read_session_id(mcp_tour: Tour) -> None:
    opening = visit_of(mcp_tour).opening
    if opening.result is None:
        raise NotVerified(f"initialize of the page got {opening.summary}")
    needs_session(mcp_tour)
    assert_exposed(opening, SESSION_HEADER)


@requirement("browsers.expose-www-authenticate")
def test_page_can_read_where_to_log_in(mcp_tour: Tour) -> None:
    refused = visit_of(mcp_tour).refused
    if refused is None:
        raise NotApplicable("no Authorization is given with --mcp-header")
    if refused.status != 401 or "www-authenticate" not in refused.headers:
        raise NotApplicable(f"the server does not ask for a token: without one, it answers {refused.summary}")
    if not names_several_origins(refused):
        assert_readable_from(refused, origin_of(mcp_tour))
    assert_exposed(refused, "WWW-Authenticate")


@requirement("browsers.credentials")
def test_credentials_are_allowed_properly(mcp_tour: Tour) -> None:
    for exchange in everything(mcp_tour):
        assert_credentials_allowed_properly(exchange)


@requirement("browsers.max-age")
def test_preflight_is_kept_for_a_while(mcp_tour: Tour) -> None:
    for each in allowed(mcp_tour):
        assert_preflight_cached(each.exchange)
