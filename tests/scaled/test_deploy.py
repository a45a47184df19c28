"""The examples in deploy/: they parse, and say what the server and its command line say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from reference_server import create_app
from reference_server.__main__ import _parser
from reference_server.nginx import MAX_BODY, Proxy
from reference_server.serving import GRACEFUL_SECONDS

yaml = pytest.importorskip("yaml", reason="pyyaml is not installed")
pytestmark = pytest.mark.needs_nothing

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def kubernetes() -> dict[tuple[str, str], Any]:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def entrypoint() -> list[str]:
    """Return the arguments of the image, without those that start the module."""
    [line] = [
        line
        for line in (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if "ENTRYPOINT" in line
    ]
    found: list[str] = yaml.safe_load(line.removeprefix("ENTRYPOINT "))
    assert found[:3] == ["python", "-m", "reference_server"]
    return found[3:]


def test_nginx_conf_is_what_the_tests_run(compose: dict[str, Any]) -> None:
    spec = importlib.util.spec_from_file_location("render_nginx", ROOT / "scripts" / "render_nginx.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    current = module.FILE.read_text(encoding="utf-8") == module.text()
    assert current, "run: python scripts/render_nginx.py"
    port = _parser().parse_args(entrypoint()).port
    replicas = [name for name in compose["services"] if name.startswith("replica-")]
    assert [address for _, address in module.REPLICAS] == [f"{name}:{port}" for name in replicas]
    [published] = compose["services"]["proxy"]["ports"]
    assert published == f"127.0.0.1:8080:{module.LISTEN}"


def test_the_replicas_of_compose_can_start(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("redis")
    for name, service in compose["services"].items():
        if name.startswith("replica-"):
            options = _parser().parse_args([*entrypoint(), *service["command"]])
            for variable, value in service["environment"].items():
                monkeypatch.setenv(variable, value)
            create_app(mode=options.mode, store=options.store)
            assert int(service["stop_grace_period"].removesuffix("s")) > GRACEFUL_SECONDS
            assert set(service["depends_on"]) <= set(compose["services"])


def test_kubernetes_says_the_same(
    kubernetes: dict[tuple[str, str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("redis")
    pod = kubernetes["Deployment", "mcp-reference"]["spec"]["template"]["spec"]
    [server] = pod["containers"]
    options = _parser().parse_args([*entrypoint(), *server["args"]])
    secret = kubernetes["Secret", "mcp-reference"]["stringData"]
    for variable in server["env"]:
        key = variable.get("valueFrom", {}).get("secretKeyRef", {}).get("key")
        monkeypatch.setenv(variable["name"], secret[key] if key else variable["value"])
    create_app(mode=options.mode, store=options.store, state_key=options.state_key)
    [port] = server["ports"]
    assert port["containerPort"] == options.port
    for probe in ("readinessProbe", "livenessProbe"):
        assert server[probe]["tcpSocket"]["port"] == port["name"]
    [*_, pause] = server["lifecycle"]["preStop"]["exec"]["command"]
    assert pod["terminationGracePeriodSeconds"] > int(pause) + GRACEFUL_SECONDS

    service = kubernetes["Service", "mcp-reference"]["spec"]
    assert service["ports"][0]["targetPort"] == port["name"]
    labels = kubernetes["Deployment", "mcp-reference"]["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    store = kubernetes["Service", "mcp-store"]["spec"]
    assert f"//mcp-store:{store['ports'][0]['port']}/" in secret["store"]

    ingress = kubernetes["Ingress", "mcp-reference"]
    [path] = ingress["spec"]["rules"][0]["http"]["paths"]
    assert path["path"] == options.path
    assert path["backend"]["service"] == {"name": "mcp-reference", "port": {"name": "http"}}
    said = {
        name.removeprefix("nginx.ingress.kubernetes.io/"): value
        for name, value in ingress["metadata"]["annotations"].items()
    }
    proxy = Proxy("8080")
    assert said["proxy-read-timeout"] == said["proxy-send-timeout"] == str(proxy.idle_limit)
    assert said["proxy-buffering"] == proxy.buffering
    assert said["proxy-body-size"] == MAX_BODY
    conf = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert f"proxy_http_version {said['proxy-http-version']};" in conf
    assert f"proxy_next_upstream {said['proxy-next-upstream']};" in conf


def test_every_file_is_named_in_the_readme() -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for file in DEPLOY.iterdir():
        assert file.name == "README.md" or f"`{file.name}`" in text
