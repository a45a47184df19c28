from __future__ import annotations

import gc
import json
import threading

import pytest

from pytest_mcp_http import _target
from pytest_mcp_http._discover import Facts
from pytest_mcp_http._login import Login
from pytest_mcp_http._oauth import LoggedIn
from pytest_mcp_http._options import Settings
from pytest_mcp_http._target import RunningTarget, Target, open_target
from pytest_mcp_http.errors import TargetError
from pytest_mcp_http.wire.http import Limits

SECRET = "tok-5up3r-s3cr3t"
FACTS = Facts(
    "small", "1", ("2025-03-26", "2025-11-25", "2026-07-28"), {"2025-03-26": True, "2025-11-25": False}
)


def mcp_server(connection):
    """Speak every revision, without sessions."""
    while request := connection.read_request():
        message = json.loads(request.partition(b"\r\n\r\n")[2])
        answer = {"error": {"code": -32601, "message": "Method not found"}}
        if message["method"] == "initialize":
            version = message["params"]["protocolVersion"]
            answer = {
                "result": {"protocolVersion": version, "capabilities": {}, "serverInfo": {"name": "small"}}
            }
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}).encode()
        connection.reply(body, b"Content-Type: application/json")


class TestJudged:
    @pytest.mark.parametrize(
        ("setting", "judged"),
        [
            ("auto", ("2025-11-25", "2026-07-28")),
            ("all", ("2025-03-26", "2025-11-25", "2026-07-28")),
            (("2026-07-28",), ("2026-07-28",)),
            (("2025-03-26",), ("2025-03-26",)),
            (("2025-11-25", "2025-03-26"), ("2025-03-26", "2025-11-25")),
        ],
    )
    def test_revisions(self, setting, judged):
        assert Target("http://h/", FACTS).judged(setting) == judged

    @pytest.mark.parametrize("setting", [("2025-06-18",), ("2025-06-18", "2025-11-25")])
    def test_a_revision_that_is_not_spoken(self, setting):
        with pytest.raises(TargetError) as caught:
            Target(f"http://h/?t={SECRET}", FACTS).judged(setting)
        assert f"does not speak {setting[0]}" in str(caught.value)
        assert "2025-03-26, 2025-11-25, 2026-07-28" in str(caught.value)
        assert SECRET not in str(caught.value)


class TestValue:
    def test_json_for_workers_keeps_all(self):
        target = Target(
            url="https://h/mcp?t=1",
            facts=FACTS,
            headers=(("Authorization", SECRET),),
            limits=Limits(connect=1, first_byte=2, total=3, body=4096),
            ca="/x.pem",
            insecure=False,
            second_headers=(("authorization", "other"),),
            tokens={"expired": "old"},
            login=LoggedIn(Login("client-credentials", "me", SECRET), "r", "e", None, SECRET, 60.0, 1.0),
            concurrency=3,
            flood=5,
            browser="https://app.example.com",
            process=7,
        )
        assert Target.from_json(json.loads(json.dumps(target.to_json()))) == target

    def test_the_second_user_has_the_other_headers_of_the_first(self):
        shared = (("Authorization", "a"), ("X", "1"))
        assert Target("http://h/", FACTS, shared).headers_of_second == ()
        both = Target(
            "http://h/", FACTS, shared, second_headers=(("authorization", "b"),), tokens={"expired": "c"}
        )
        assert both.headers_of_second == (("X", "1"), ("authorization", "b"))
        assert {value for _, value in both.secret_lines} == {"a", "b", "1", "Bearer c"}
        assert both.others == {
            ("authorization", "b"): "second user",
            ("authorization", "Bearer c"): "expired",
        }

    def test_what_the_first_user_sends_is_nobody_elses(self):
        lines = (("Authorization", "Bearer a"), ("X", "1"))
        same = {"second_headers": (("authorization", "Bearer a"),), "tokens": {"in-query": "a"}}
        assert Target("http://h/", FACTS, lines, **same).others == {}

    def test_the_repr_has_no_secret(self):
        lines, login = (("A", SECRET),), Login("refresh-token", "me", SECRET, SECRET)
        logged_in = LoggedIn(login, "r", "e", None, SECRET, None, 1.0)
        given = {"second_headers": lines, "tokens": {"expired": SECRET}, "login": logged_in}
        assert SECRET not in repr(Target(f"http://h/?t={SECRET}", FACTS, lines, **given))
        assert SECRET not in repr(logged_in)

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("https://h:81/mcp", "https://h:81/mcp"),
            (f"https://u:{SECRET}@h/mcp?a={SECRET}&b&c=", "https://h/mcp?a=***&***&c=***"),
            (f"http://{SECRET}@[::1]/", "http://[::1]/"),
            (f"http://h/a@b?u=x@{SECRET}", "http://h/a@b?u=***"),
        ],
    )
    def test_the_url_as_it_is_shown(self, url, shown):
        assert Target(url, FACTS).display_url == shown

    @pytest.mark.parametrize(
        ("host", "loopback"),
        [
            ("127.0.0.1", True),
            ("127.9.9.9:80", True),
            ("[::1]:80", True),
            ("localhost", True),
            ("LOCALHOST.", True),
            ("a.localhost", True),
            ("10.0.0.1", False),
            ("localhost.example", False),
            ("[::2]", False),
        ],
    )
    def test_loopback(self, host, loopback):
        assert Target(f"http://{host}/mcp", FACTS).loopback is loopback


class TestOpen:
    def test_a_running_server(self, serve):
        url = serve(mcp_server).url
        with open_target(Settings(url=url, max_body=2048, timeout=9.0)) as running:
            assert running.target.url == url
            assert running.target.facts.server_name == "small"
            assert (running.target.limits.body, running.target.limits.total) == (2048, 9.0)
            assert running.log() == ""
        gc.collect()

    def test_its_wire_has_its_limits(self, serve):
        target = open_target(Settings(url=serve(mcp_server).url, max_body=2048)).target
        with target.open_wire() as wire:
            assert wire.limits == target.limits

    def test_a_listed_revision_is_checked_at_once(self, serve):
        def old(connection):
            connection.peer.requests.clear()
            while request := connection.read_request():
                body = b'{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26","capabilities":{}}}'
                assert request
                connection.reply(body, b"Content-Type: application/json")

        with pytest.raises(TargetError, match="does not speak 2025-11-25"):
            open_target(Settings(url=serve(old).url, revision=("2025-11-25",)))

    def test_no_target(self):
        with pytest.raises(TargetError, match="--mcp-url"):
            open_target(Settings(suite=True))

    @pytest.mark.parametrize("url", ["http://h/\u00fc", "h/mcp", f"http://u:{SECRET}@h/"])
    def test_a_url_that_no_option_has_checked(self, url):
        with pytest.raises(TargetError, match="The URL of the MCP server: ") as caught:
            open_target(Settings(url=url))
        assert SECRET not in str(caught.value)

    def test_a_server_that_cannot_be_examined_is_ended(self, monkeypatch):
        closed = threading.Event()

        class Started:
            description = "it"

            def ended(self, wait):
                return "exit status 1"

            def log(self):
                return "boom"

            def close(self):
                closed.set()

        monkeypatch.setattr(_target, "start", lambda settings: Started())
        with pytest.raises(TargetError, match=r"(?s)ended before it answered.*exit status 1.*\| boom"):
            open_target(Settings(command="x {port}"))
        assert closed.is_set()

    def test_close_reaches_the_server_behind_it(self):
        calls = []

        class Started:
            def log(self, since=0):
                return "said"

            def close(self):
                calls.append("close")

        running = RunningTarget(Target("http://h/", FACTS), Started())  # type: ignore[arg-type]
        assert running.log() == "said"
        with running:
            pass
        running.close()
        assert calls == ["close", "close"]


class TestOtherAddresses:
    def test_survive_the_way_to_a_worker(self):
        target = Target(
            "http://h/",
            FACTS,
            replicas=("http://a/",),
            direct="http://b/",
            idle_budget=3.0,
            command=_target.Command("serve {port}", "/mcp", 20.0),
        )
        assert Target.from_json(json.loads(json.dumps(target.to_json()))) == target

    def test_each_is_asked(self, serve):
        url, other = serve(mcp_server).url, serve(mcp_server).url
        with open_target(Settings(url=url, replicas=(other,), direct=other)) as running:
            assert running.target.url == url
            assert running.target.replicas == (other,)
            assert running.target.direct == other

    def test_one_that_is_dead_is_named(self, serve, monkeypatch):
        url = serve(mcp_server).url
        dead = "http://127.0.0.1:9/mcp?key=s3cr3t-key"
        with pytest.raises(TargetError, match=r"--mcp-replica http://127\.0\.0\.1:9/mcp") as caught:
            open_target(Settings(url=url, replicas=(dead,)))
        assert "s3cr3t-key" not in str(caught.value)
