"""The modern era: mirrored headers, `_meta`, input that a server asks for, and the challenge of a server.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#request-metadata
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.client_rules.play import Play, Sent, show, version_of
from pytest_mcp_http.client_rules.registering import rule
from pytest_mcp_http.dialect import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.mock.scripts import ANNOTATED
from pytest_mcp_http.mock.server import VERSION_HEADER
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH
from pytest_mcp_http.wire import mirror

# -- headers --------------------------------------------------------------------------------------------


def _requests(play: Play) -> tuple[Sent, ...]:
    return play.need(play.calls(), f"the client sent no request of {play.revision}")


def _header(sent: Sent, name: str) -> str | None:
    return sent.record.exchange.request.headers.get(name)


@rule("client.headers.version")
def version(play: Play) -> None:
    """Compare the version header with `_meta`."""
    for sent in _requests(play):
        given, named = _header(sent, VERSION_HEADER), version_of(sent)
        if given is None:
            violated("there is no MCP-Protocol-Version", "MCP-Protocol-Version", sent.record.exchange)
        if named is not None and given != named:
            violated(
                f"MCP-Protocol-Version is {given!r}, and _meta names {named!r}",
                "the same version in both",
                sent.record.exchange,
            )


@rule("client.headers.method")
def method(play: Play) -> None:
    """Compare `Mcp-Method` with the method."""
    for sent in _requests(play):
        given = _header(sent, mirror.METHOD_HEADER)
        if given != sent.message.method:
            violated(f"Mcp-Method is {given!r}", f"Mcp-Method: {sent.message.method}", sent.record.exchange)


@rule("client.headers.name")
def name(play: Play) -> None:
    """Compare `Mcp-Name` with the name or URI."""
    for sent in play.need(play.calls(*mirror.NAMED), "the client sent no request that needs Mcp-Name"):
        wanted = sent.params.get(mirror.NAMED[sent.message.method or ""])
        given = _header(sent, mirror.NAME_HEADER)
        if isinstance(wanted, str) and (given is None or mirror.decode_value(given) != wanted):
            violated(
                f"Mcp-Name is {given!r}", f"Mcp-Name: {mirror.encode_value(wanted)}", sent.record.exchange
            )


def _annotated(play: Play) -> Iterator[tuple[Sent, str, str | None, str | None]]:
    """Give for each call of the tool with annotations: header name, value there, and text of the argument."""
    calls = [sent for sent in play.calls("tools/call") if sent.params.get("name") == "mirror"]
    for sent in play.need(calls, "the client did not call the tool with annotations"):
        for path, annotation, _ in mirror.annotated(ANNOTATED):
            header = mirror.PARAM_PREFIX + annotation
            text = mirror.as_text(mirror.value_at(sent.params.get("arguments"), path))
            yield sent, header, _header(sent, header), text


def _safe(text: str) -> bool:
    return mirror.encode_value(text) == text


@rule("client.headers.param")
def param(play: Play) -> None:
    """Expect each annotated argument that is safe in a header to be repeated there."""
    found = False
    for sent, header, given, text in _annotated(play):
        if text is None:
            continue
        found = True
        if given is None:
            violated(f"there is no {header}", f"{header}: {mirror.encode_value(text)}", sent.record.exchange)
        if _safe(text) and mirror.decode_value(given) != text:
            violated(f"{header} is {given!r}", f"{header}: {text}", sent.record.exchange)
    play.need((True,) if found else (), "the call had no annotated argument")


@rule("client.headers.encoding")
def encoding(play: Play) -> None:
    """Expect the Base64 sentinel for what is not safe in a header."""
    found = False
    for sent, header, given, text in _annotated(play):
        if text is None or given is None or _safe(text):
            continue
        found = True
        if given == text or mirror.decode_value(given) != text:
            violated(f"{header} is {given!r}", f"{header}: {mirror.sentinel(text)}", sent.record.exchange)
    play.need((True,) if found else (), "no header repeated a value that has to be encoded")


@rule("client.headers.param-omitted")
def param_omitted(play: Play) -> None:
    """Find a header for an argument that was not given."""
    found = False
    for sent, header, given, text in _annotated(play):
        if text is not None:
            continue
        found = True
        if given is not None:
            violated(f"{header} is {given!r} without an argument", f"no {header}", sent.record.exchange)
    play.need((True,) if found else (), "the call gave every annotated argument")


@rule("client.headers.rejects-tools")
def rejects_tools(play: Play) -> None:
    """Find a call of a tool that has to be left out of the list."""
    calls = play.calls("tools/call")
    for sent in calls:
        if sent.params.get("name") != "good":
            violated(
                f"{sent.params.get('name')!r} was called",
                "no call of a tool with an annotation that is not allowed",
                sent.record.exchange,
            )
    # Without a call of the good one, the client may have left out the whole list.
    if calls:
        return
    listed = play.need(play.calls("tools/list"), "the client did not list the tools")
    if not play.contract:
        raise NotVerified("the client called no tool")
    violated(
        "no tool was called, not even the valid one",
        "only the tools with bad annotations are left out",
        listed[0].record.exchange,
    )


@rule("client.headers.lists-again")
def lists_again(play: Play) -> None:
    """Expect tools/list, and then the call again with its header, after HeaderMismatch."""
    refused = [s for s in play.calls("tools/call") if s.record.exchange.error_code == HEADER_MISMATCH]
    first = play.need(refused, "no call was refused for its headers")[0]
    later = [sent for sent in play.calls() if sent.record.at > first.record.at]
    lists = [sent for sent in later if sent.message.method == "tools/list"]
    again = [
        sent
        for sent in later
        if sent.message.method == "tools/call"
        and lists
        and sent.record.at > lists[0].record.at
        and _header(sent, "Mcp-Param-Region") is not None
    ]
    if again:
        return
    if not later and not play.contract:
        raise NotVerified("the client sent nothing after the refusal")
    sent = ", ".join(each.message.method or "" for each in later) or "nothing"
    violated(
        f"after HeaderMismatch the client sent {sent}",
        "tools/list, and the call again with Mcp-Param-Region",
        first.record.exchange,
    )


# -- _meta ----------------------------------------------------------------------------------------------


def _each_has(play: Play, key: str, fits: Callable[[Any], bool], wanted: str) -> None:
    for sent in _requests(play):
        if not fits(sent.meta.get(key)):
            seen = "absent" if key not in sent.meta else f"{sent.meta[key]!r}"
            violated(f"{key} of {show(sent)} is {seen}", wanted, sent.record.exchange)


@rule("client.meta.version")
def meta_version(play: Play) -> None:
    """Expect the version in each `_meta`."""
    _each_has(play, PROTOCOL_VERSION, lambda value: isinstance(value, str), "a version in _meta")


@rule("client.meta.capabilities")
def meta_capabilities(play: Play) -> None:
    """Expect the capabilities in each `_meta`."""
    _each_has(play, CLIENT_CAPABILITIES, lambda value: isinstance(value, Mapping), "an object in _meta")


@rule("client.meta.client-info")
def meta_client_info(play: Play) -> None:
    """Expect the name of the client in each `_meta`."""
    _each_has(play, CLIENT_INFO, lambda value: isinstance(value, Mapping), "name and version in _meta")


# -- input that is asked for ----------------------------------------------------------------------------


def _retries(play: Play) -> list[tuple[Sent, Sent]]:
    """Return the calls that were answered with `input_required`, each with the call that tries it again."""
    calls = play.calls("tools/call")
    found = []
    for asked in calls:
        if (asked.result or {}).get("resultType") != "input_required":
            continue
        for sent in calls:
            same = sent.params.get("name") == asked.params.get("name")
            marked = {"requestState", "inputResponses"} & sent.params.keys()
            if sent.record.at > asked.record.at and same and (marked or play.contract):
                found.append((asked, sent))
                break
    return list(play.need(found, "the client did not try again what needs input"))


@rule("client.mrtr.state")
def state(play: Play) -> None:
    """Compare the state of a call that is tried again with the one that came."""
    for asked, sent in _retries(play):
        given, wanted = sent.params.get("requestState"), (asked.result or {}).get("requestState")
        if wanted is not None and given != wanted:
            violated(f"requestState is {given!r}", f"requestState is {wanted!r}", sent.record.exchange)


@rule("client.mrtr.no-state")
def no_state(play: Play) -> None:
    """Find a state that nobody gave."""
    for asked, sent in _retries(play):
        if "requestState" not in (asked.result or {}) and "requestState" in sent.params:
            violated("requestState was sent, and none came", "no requestState", sent.record.exchange)


@rule("client.mrtr.new-id")
def new_id(play: Play) -> None:
    """Find a call that is tried again with its old id."""
    for asked, sent in _retries(play):
        if sent.message.id == asked.message.id:
            violated(f"the id is {sent.message.id!r} again", "a new id", sent.record.exchange)


@rule("client.mrtr.responses")
def responses(play: Play) -> None:
    """Expect a response for each input that was asked for."""
    judged = False
    for asked, sent in _retries(play):
        wanted = (asked.result or {}).get("inputRequests", {})
        given = sent.params.get("inputResponses", {})
        missing = sorted(set(wanted) - set(given if isinstance(given, dict) else ()))
        judged = judged or bool(wanted)
        if missing:
            violated(
                f"inputResponses lacks {', '.join(missing)}",
                f"inputResponses with {', '.join(sorted(wanted))}",
                sent.record.exchange,
            )
    play.need((True,) if judged else (), "the client declares no capability that input could be asked by")


@rule("client.mrtr.only-retry")
def only_retry(play: Play) -> None:
    """Find state or responses on other requests."""
    names = {asked.params.get("name") for asked, _ in _retries(play)}
    for sent in play.calls():
        extra = {"requestState", "inputResponses"} & sent.params.keys()
        if extra and not (sent.message.method == "tools/call" and sent.params.get("name") in names):
            violated(
                f"{show(sent)} carries {' and '.join(sorted(extra))}",
                "they are sent with the call that is tried again alone",
                sent.record.exchange,
            )


# -- the challenge of a server --------------------------------------------------------------------------

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


@rule("client.auth.challenge-url")
def challenge_url(play: Play) -> None:
    """Find a look at a guessed place for metadata before the place that the challenge names."""
    challenges = [
        re.findall(r'resource_metadata="([^"]*)"', record.exchange.headers.get("www-authenticate") or "")
        for record in play.records
        if record.exchange.status == 401
    ]
    named = {url for urls in challenges for url in urls}
    play.need(named, "no request was challenged")
    for record in play.elsewhere:
        if record.exchange.request.url in named:
            return
        if _WELL_KNOWN in record.exchange.request.url:
            violated(
                f"the client asked {record.exchange.request.url.partition(_WELL_KNOWN)[1]} first",
                "the URL of resource_metadata in the challenge",
                record.exchange,
            )
    raise NotVerified("the client looked for no metadata, so it may know no authorization")
