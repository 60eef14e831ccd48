"""What every service of compose.yaml and the image must hold to: each rule returns what it finds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, Final

from tests.deploy.files import REFERENCE, ROOT, Service, instructions, stages

_PINNED: Final = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?(@sha256:[0-9a-f]{64})?")
_SECRET: Final = re.compile(r"PASSWORD|TOKEN|SECRET|_KEYS?$")
_IN_URL: Final = re.compile(r"://[^:/@]+:(?P<password>[^@]+)@")
_BUILD_TOOLS: Final = re.compile(r"\b(gcc|g\+\+|make|cmake|git|build-essential|\w+-dev|pip|uv)\b")
_REQUIRED: Final = re.compile(r"\$\{\w+:\?[^}]+\}")


def compose_faults(file: Mapping[str, Any], dockerfile: str, variables: Set[str]) -> list[str]:
    """Return the faults of a Compose file, each with the name of its service.

    `variables` are those that are documented.
    """
    services: Mapping[str, Service] = file["services"]
    faults = [
        f"{name}: {fault}"
        for name, service in services.items()
        for rule in _SERVICE_RULES
        for fault in rule(service)
    ]
    faults += [
        f"{name}: has no healthcheck"
        for name, service in services.items()
        if not _has_healthcheck(service, dockerfile)
    ]
    return faults + list(_volume_faults(file)) + list(_variable_faults(file, variables))


def image_faults(dockerfile: str, dockerignore: str) -> list[str]:
    """Return the faults of a Dockerfile and of what is left out of its context."""
    faults = [fault for rule in _IMAGE_RULES for fault in rule(dockerfile)]
    return faults + list(_context_faults(dockerfile, dockerignore))


def _bases_are_pinned(dockerfile: str) -> Iterator[str]:
    for each in instructions(dockerfile):
        if each.name == "FROM" and not _PINNED.fullmatch(each.value.split()[0]):
            yield f"{each.value}: is not pinned"


def _ends_as_another_user(dockerfile: str) -> Iterator[str]:
    users = [each.value for each in stages(dockerfile)[-1] if each.name == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        yield "does not end as a user other than root, by number"


def _carries_no_build_tools(dockerfile: str) -> Iterator[str]:
    for each in stages(dockerfile)[-1]:
        if each.name == "RUN":
            for tool in _BUILD_TOOLS.findall(each.value):
                yield f"installs with {tool} what the final image does not need"


def _installs_by_hash(dockerfile: str) -> Iterator[str]:
    runs = (each.value for each in instructions(dockerfile) if each.name == "RUN")
    for command in (command for run in runs for command in run.split("&&")):
        if re.search(r"\binstall\b.*-r ", command) and "--require-hashes" not in command:
            yield f"installs without hashes: {command.strip()}"


def copied(dockerfile: str) -> set[str]:
    """Return what is copied out of the build's context."""
    copies = [each.value for each in instructions(dockerfile) if each.name in {"COPY", "ADD"}]
    return {source for copy in copies if "--from=" not in copy for source in copy.split()[:-1]}


def _context_faults(dockerfile: str, dockerignore: str) -> Iterator[str]:
    lines = [line for line in dockerignore.splitlines() if line and not line.startswith("#")]
    if lines[0] != "*":
        yield "the context is not closed: .dockerignore has to begin with *"
    let_in = {path for line in lines if line.startswith("!") for path in _expanded(line[1:])}
    for source in copied(dockerfile):
        if not (ROOT / source).exists():
            yield f"copies {source}, which is not there"
        if source not in let_in:
            yield f"copies {source}, which .dockerignore leaves out"


def _expanded(pattern: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)}


def _pinned(service: Service) -> Iterator[str]:
    if "build" not in service and not _PINNED.fullmatch(service["image"]):
        yield f"{service['image']} is not pinned by version"


def _on_loopback(service: Service) -> Iterator[str]:
    if service.get("network_mode") == "host":
        yield "shares the machine's network"
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"port {port} is open to the network"


def _hardened(service: Service) -> Iterator[str]:
    if not service.get("read_only"):
        yield "may write to its root file system"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
        yield "has capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []) or service.get("privileged"):
        yield "may gain privileges"


def _kept_running(service: Service) -> Iterator[str]:
    if service.get("restart") != "unless-stopped":
        yield "is not started again"
    if "stop_grace_period" not in service:
        yield "has no time to stop"
    if "max-size" not in service.get("logging", {}).get("options", {}):
        yield "keeps its log for ever"


def _waits_for_healthy(service: Service) -> Iterator[str]:
    depends = service.get("depends_on", {})
    for other in depends:
        if not isinstance(depends, Mapping) or depends[other].get("condition") != "service_healthy":
            yield f"does not wait until {other} is healthy"


def _no_secret_inline(service: Service) -> Iterator[str]:
    for name, value in service.get("environment", {}).items():
        in_url = _IN_URL.search(str(value))
        secret = in_url["password"] if in_url else str(value) if _SECRET.search(name) else None
        if secret is not None and not _REQUIRED.fullmatch(secret):
            yield f"{name} may start without a secret of its own"


def _has_healthcheck(service: Service, dockerfile: str) -> bool:
    if "build" in service:
        return any(each.name == "HEALTHCHECK" and "CMD" in each.value for each in stages(dockerfile)[-1])
    return bool(service.get("healthcheck", {}).get("test"))


def _volume_faults(file: Mapping[str, Any]) -> Iterator[str]:
    declared = set(file.get("volumes", {}))
    used: set[str] = set()
    for name, service in file["services"].items():
        for volume in service.get("volumes", []):
            source, _, target = volume.partition(":")
            if not source.startswith("."):
                used.add(source)
            elif not target.endswith(":ro"):
                yield f"{name}: may write to {source} of this machine"
            elif not Path(ROOT, source).is_file():
                yield f"{name}: mounts {source}, which is not there"
    for volume in sorted(used ^ declared):
        yield f"volume {volume} is {'not declared' if volume in used else 'not used'}"


def _variable_faults(file: Mapping[str, Any], documented: Set[str]) -> Iterator[str]:
    used = {match["name"] for match in REFERENCE.finditer(str(file))}
    for name in sorted(used ^ documented):
        yield f"{name} is {'not documented' if name in used else 'documented and not used'}"


_IMAGE_RULES: Final = (_bases_are_pinned, _ends_as_another_user, _carries_no_build_tools, _installs_by_hash)
_SERVICE_RULES: Final = (
    _pinned,
    _on_loopback,
    _hardened,
    _kept_running,
    _waits_for_healthy,
    _no_secret_inline,
)
