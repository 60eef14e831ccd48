"""`lorekeeper health`: whether the bot that runs here is ready; the healthcheck of its container."""

from __future__ import annotations

import typer

from bot.output import JsonOption, print_json

_SECONDS = 8.0
"""Longer than the bot gives its parts, shorter than the container gives this command."""


def health(as_json: JsonOption = False) -> None:
    """Ask the running bot whether it and its servers are ready; exits with 1 when not."""
    import httpx

    from agent.errors import ConfigurationError, LorekeeperError
    from agent.settings import load_settings

    settings = load_settings()
    if not settings.health_port:
        raise ConfigurationError(
            "The bot serves no health endpoints.", "Set LOREKEEPER_HEALTH_PORT to a free port, such as 9464."
        )
    url = f"http://{_reachable(settings.health_host)}:{settings.health_port}/readyz"
    try:
        # A proxy of the environment must never see a call to this machine.
        with httpx.Client(trust_env=False, timeout=_SECONDS) as client:
            found = client.get(url).json()
        parts = found["parts"]
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        raise LorekeeperError(
            f"No bot answers at {url}.", "Start it with `lorekeeper run`, with the same settings."
        ) from error
    if as_json:
        print_json(found)
    else:
        for name, part in parts.items():
            print(f"{'ok     ' if part['ready'] else 'PROBLEM'}  {name:<14} {part['said']}".rstrip())
            if part["todo"]:
                print(f"         {'':<14} {part['todo']}")
    if not found["ready"]:
        raise typer.Exit(1)


def _reachable(host: str) -> str:
    """The address to ask at, of one to serve at: every address includes the loopback one."""
    bare = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{bare}]" if ":" in bare else bare
