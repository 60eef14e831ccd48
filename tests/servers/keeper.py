"""Runs one server for a test session and ends it with the session, however that ends.

Between pytest and the server: its standard input is a pipe that only pytest holds, so even `kill -9` of
pytest closes it. What is left of the server's group goes with it: Ollama's runner would outlive Ollama.

Run as `keeper.py LOG USER COMMAND...`; prints the server's process id.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any


def main(log: str, user: str, *command: str) -> int:
    """Return the server's exit code, with 128 added to the number of a signal."""
    with Path(log).open("ab") as output:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            **as_user(user),
        )
    print(server.pid, flush=True)
    threading.Thread(target=_kill_at_end_of_input, args=(server.pid,), daemon=True).start()
    code = server.wait()
    signal_all(server.pid, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def as_user(name: str) -> dict[str, Any]:
    """Return the arguments of `subprocess` that run a program as this user; empty for the same user."""
    if not name:
        return {}
    import pwd

    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": ()}


def children(pid: int) -> list[int]:
    """The processes that it started and that run, where Linux shows them; elsewhere none."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for thread in found for child in thread.read_text().split()]


def signal_all(leader: int, number: int) -> None:
    """Signal the leader's group and its children, which in PostgreSQL lead groups of their own.

    Nothing happens when there is no such process.
    """
    others = children(leader)
    with suppress(ProcessLookupError):
        os.killpg(leader, number)
    for pid in others:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _kill_at_end_of_input(leader: int) -> None:
    sys.stdin.read()
    signal_all(leader, signal.SIGKILL)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
