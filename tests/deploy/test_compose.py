"""`docker compose up`, checked as far as that goes without Docker: against the specification's own schema,
with the loader of Docker Compose itself, and by rules of ours, each of which we see fail on a broken copy.
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from agent.settings import Settings, load_settings, variable
from tests.deploy.files import (
    COMPOSE,
    DOCKERFILE,
    ENV_EXAMPLE,
    GPU,
    NODE,
    NODE_ENV_EXAMPLE,
    ROOT,
    compose,
    documented,
    interpolated,
)
from tests.deploy.rules import compose_faults
from tests.servers import binaries
from tests.servers.fixtures import require

_SECRETS: Final = {"DISCORD_TOKEN": "t0k3n", "WEAVIATE_API_KEY": "k3y", "POSTGRES_PASSWORD": "p4ssw0rd"}

File = dict[str, Any]
Break = Callable[[File], object]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def _schema(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("check-jsonschema")),
        "--builtin-schema",
        "vendor.compose-spec",
    ]
    return subprocess.run([*command, *map(str, paths)], capture_output=True, text=True)


def test_the_files_are_of_the_compose_specification() -> None:
    done = _schema(COMPOSE, GPU, NODE)
    assert done.returncode == 0, done.stdout


def test_the_schema_finds_a_misspelt_key(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE.read_text("utf-8").replace("healthcheck:", "healtcheck:"), "utf-8")
    assert "'healtcheck' was unexpected" in _schema(broken).stdout


def test_no_rule_is_broken() -> None:
    assert _faults(compose()) == []


def test_a_node_of_weaviate_breaks_no_rule_but_that_of_the_network() -> None:
    """Its neighbours reach it at the address that it tells them, which a container's own network is not."""
    faults = compose_faults(compose(NODE), "", documented(NODE_ENV_EXAMPLE))
    assert faults == ["weaviate: shares the machine's network"]


def test_a_node_of_weaviate_is_the_weaviate_of_the_whole_system() -> None:
    alone, node = (compose(path)["services"]["weaviate"] for path in (COMPOSE, NODE))
    assert node["image"] == alone["image"]
    own = {"CLUSTER_HOSTNAME"}
    assert node["environment"].keys() >= alone["environment"].keys()
    for name in alone["environment"].keys() - own:
        assert _without_messages(node["environment"][name]) == _without_messages(alone["environment"][name])


def _without_messages(text: str) -> str:
    return re.sub(r":\?[^}]*", "", text)


def _faults(file: File, dockerfile: str | None = None) -> list[str]:
    text = DOCKERFILE.read_text("utf-8") if dockerfile is None else dockerfile
    return compose_faults(file, text, documented(ENV_EXAMPLE))


def _set(service: str, **values: Any) -> Break:
    return lambda file: file["services"][service].update(values)


def _environment(service: str, **values: str) -> Break:
    return lambda file: file["services"][service]["environment"].update(values)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_set("ollama", image="ollama/ollama"), "ollama: ollama/ollama is not pinned by version"),
        (
            _set("ollama", image="ollama/ollama:latest"),
            "ollama: ollama/ollama:latest is not pinned by version",
        ),
        (_set("ollama", healthcheck={}), "ollama: has no healthcheck"),
        (_set("postgres", ports=["5432:5432"]), "postgres: port 5432:5432 is open to the network"),
        (_set("postgres", ports=["0.0.0.0:1:1"]), "postgres: port 0.0.0.0:1:1 is open to the network"),
        (_set("bot", network_mode="host"), "bot: shares the machine's network"),
        (_set("weaviate", read_only=False), "weaviate: may write to its root file system"),
        (_set("weaviate", cap_add=["SYS_ADMIN"]), "weaviate: has capabilities"),
        (_set("weaviate", cap_drop=[]), "weaviate: has capabilities"),
        (_set("weaviate", security_opt=[]), "weaviate: may gain privileges"),
        (_set("weaviate", privileged=True), "weaviate: may gain privileges"),
        (_set("weaviate", restart="no"), "weaviate: is not started again"),
        (_set("weaviate", logging={"driver": "json-file"}), "weaviate: keeps its log for ever"),
        (lambda file: file["services"]["bot"].pop("stop_grace_period"), "bot: has no time to stop"),
        (_set("bot", depends_on=["postgres"]), "bot: does not wait until postgres is healthy"),
        (
            _set("bot", depends_on={"postgres": {"condition": "service_started"}}),
            "bot: does not wait until postgres is healthy",
        ),
        (
            _environment("postgres", POSTGRES_PASSWORD="lorekeeper"),
            "postgres: POSTGRES_PASSWORD may start without a secret of its own",
        ),
        (
            _environment("postgres", POSTGRES_PASSWORD="${POSTGRES_PASSWORD:-secret}"),
            "postgres: POSTGRES_PASSWORD may start without a secret of its own",
        ),
        (
            _environment(
                "bot", DATABASE_URL="postgresql://lorekeeper:${POSTGRES_PASSWORD}@postgres/lorekeeper"
            ),
            "bot: DATABASE_URL may start without a secret of its own",
        ),
        (_set("ollama", volumes=["models:/root/.ollama"]), "volume models is not declared"),
        (lambda file: file["volumes"].update(more=None), "volume more is not used"),
        (
            _set("grafana", volumes=["./deploy:/etc/grafana"]),
            "grafana: may write to ./deploy of this machine",
        ),
        (_set("grafana", volumes=["./no:/etc/grafana:ro"]), "grafana: mounts ./no, which is not there"),
        (_environment("ollama", OLLAMA_DEBUG="${OLLAMA_DEBUG:-0}"), "OLLAMA_DEBUG is not documented"),
        (_set("grafana", ports=[]), "GRAFANA_PORT is documented and not used"),
    ],
)
def test_each_rule_finds_what_breaks_it(change: Break, fault: str) -> None:
    broken = copy.deepcopy(compose())
    change(broken)
    assert fault in _faults(broken)


def test_a_built_image_without_a_healthcheck_is_found() -> None:
    dockerfile = DOCKERFILE.read_text("utf-8").replace("HEALTHCHECK", "LABEL")
    assert _faults(compose(), dockerfile) == ["bot: has no healthcheck"]


def test_what_is_tested_is_what_is_deployed(pytestconfig: pytest.Config) -> None:
    images = {name: service["image"] for name, service in compose()["services"].items()}
    assert images["weaviate"].endswith(f"/weaviate:{binaries.WEAVIATE}")
    assert images["ollama"] == f"ollama/ollama:{binaries.OLLAMA}"
    require("PostgreSQL", pytestconfig)
    said = subprocess.run([str(binaries.POSTGRES_SERVER), "--version"], capture_output=True, text=True).stdout
    tested, deployed = (re.findall(r"\d+", text) for text in (said, images["postgres"]))
    assert deployed[0] == tested[0]
    assert int(deployed[1]) >= int(tested[1]), "an older patch version than the tested one"


def _bot_environment() -> dict[str, str]:
    environment = compose()["services"]["bot"]["environment"]
    return {name: interpolated(value, _SECRETS) for name, value in environment.items()}


def test_the_bot_is_given_settings_that_exist_and_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    given = _bot_environment()
    assert set(given) <= {variable(field) for field in Settings.model_fields}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(None)
    assert (
        settings.database_url.get_secret_value()
        == "postgresql://lorekeeper:p4ssw0rd@postgres:5432/lorekeeper"
    )
    assert settings.weaviate_api_key.get_secret_value() == _SECRETS["WEAVIATE_API_KEY"]


def test_the_example_with_its_secrets_filled_in_is_an_env_file_of_the_bot(tmp_path: Path) -> None:
    """It reaches the bot whole, where a misspelt setting would stop it."""
    assert load_settings(_filled(tmp_path)).discord_token.get_secret_value() == _SECRETS["DISCORD_TOKEN"]


def test_the_bot_reaches_its_servers_by_their_names() -> None:
    services = compose()["services"]
    given = _bot_environment()
    for name in ("OLLAMA_HOST", "WEAVIATE_URL", "DATABASE_URL"):
        host, port = re.findall(r"(?:@|//)(\w+):(\d+)(?:/|$)", given[name])[0]
        assert services[host]["ports"][0].endswith(f":{port}")
    assert services["weaviate"]["ports"][1].endswith(f":{Settings().weaviate_grpc_port}")


def test_prometheus_reads_the_metrics_where_the_bot_serves_them() -> None:
    (job,) = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    port = compose()["services"]["bot"]["environment"][variable("health_port")]
    assert job["static_configs"] == [{"targets": [f"bot:{port}"]}]


def test_the_bot_has_time_to_finish_what_it_answers() -> None:
    seconds = int(compose()["services"]["bot"]["stop_grace_period"].removesuffix("s"))
    assert seconds > Settings().discord_stop_seconds


@pytest.mark.parametrize("secret", _SECRETS)
def test_docker_compose_refuses_to_start_without_a_secret(
    secret: str, compose_loader: Path, tmp_path: Path
) -> None:
    said = _load(compose_loader, tmp_path, {**_SECRETS, secret: ""})
    assert said.returncode == 1
    assert f"required variable {secret} is missing a value: copy deploy/compose.env.example" in said.stderr


def test_docker_compose_loads_what_we_read(compose_loader: Path, tmp_path: Path) -> None:
    done = _load(compose_loader, tmp_path, _SECRETS)
    assert done.returncode == 0, done.stderr
    project = json.loads(done.stdout)
    assert set(project["services"]) == set(compose()["services"])
    environment = project["services"]["bot"]["environment"]
    assert environment.items() >= _bot_environment().items()
    published = [port for service in project["services"].values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}
    (device,) = project["services"]["ollama"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


def test_docker_compose_finds_a_volume_that_is_not_declared(compose_loader: Path, tmp_path: Path) -> None:
    broken = compose()
    broken["volumes"].pop("bot-data")
    done = _load(compose_loader, tmp_path, _SECRETS, yaml.safe_dump(broken))
    assert 'service "bot" refers to undefined volume bot-data' in done.stderr


def _filled(folder: Path, secrets: dict[str, str] = _SECRETS) -> Path:
    text = ENV_EXAMPLE.read_text("utf-8")
    for name, value in secrets.items():
        text, replaced = re.subn(rf"^{name}=$", f"{name}={value}", text, flags=re.MULTILINE)
        assert replaced == 1
    path = folder / ".env"
    path.write_text(text, "utf-8")
    return path


def _load(
    loader: Path, folder: Path, secrets: dict[str, str], text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Load the project with the GPU override as it stands in a folder with this .env."""
    _filled(folder, secrets)
    (folder / "compose.yaml").write_text(text or COMPOSE.read_text("utf-8"), "utf-8")
    (folder / "compose.gpu.yaml").write_text(GPU.read_text("utf-8"), "utf-8")
    files = ["compose.yaml", "compose.gpu.yaml"]
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run([str(loader), *files], cwd=folder, env=environment, capture_output=True, text=True)
