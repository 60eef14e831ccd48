"""The HTTP listener that xllamacpp's Server opens on loopback, whether it is used or not.

A Server that goes before its listener accepts waits for ever for the end of a thread that was never told to
stop (on one busy core, within twenty openings; xllamacpp 2026.10). So a server is only handed out once its
listener has answered.
"""

from __future__ import annotations

import time
from typing import Final

import httpx
import xllamacpp

from agent.errors import ModelBrokenError

_SECONDS: Final = 30.0
_PAUSE: Final = 0.01


def listening(server: xllamacpp.Server) -> xllamacpp.Server:
    """Return the server once its listener answers anything at all. Blocks; raises `ModelBrokenError`."""
    until = time.monotonic() + _SECONDS
    # A proxy of the environment must never see a call to this machine.
    with httpx.Client(trust_env=False, timeout=_SECONDS) as client:
        while True:
            try:
                client.get(f"{server.listening_address}/health")
            except httpx.TransportError as error:
                if time.monotonic() > until:
                    raise ModelBrokenError("llama.cpp's listener on this machine does not answer.") from error
                time.sleep(_PAUSE)
            else:
                return server
