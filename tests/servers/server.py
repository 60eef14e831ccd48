"""A real server in a test: started on free loopback ports with temporary data, and stopped for sure."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx

from tests.servers import keeper

_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.05


class ServerError(Exception):
    """A server did not start or stop; names its log."""


class Server(ABC):
    """One server process with its data folder, which outlives a restart.

    The methods block until they are done: an async test that goes on meanwhile calls them in a thread.
    """

    name: str
    stop_signal = signal.SIGTERM
    user = ""
    """Whom it runs as; empty for the user of the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self._keeper: subprocess.Popen[str] | None = None
        self._pid = 0

    @abstractmethod
    def command(self) -> Sequence[str]: ...

    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """Everything that the server finds in its environment besides PATH."""
        ...

    @abstractmethod
    def ready(self) -> bool:
        """Ask the server itself; False while it starts."""
        ...

    @property
    def pid(self) -> int:
        """Of the server, which leads its process group."""
        return self._pid

    def start(self) -> None:
        """Start and wait until it answers. Raises `ServerError`."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting."""
        self._keeper = subprocess.Popen(
            [sys.executable, keeper.__file__, str(self.log), self.user, *self.command()],
            env={"PATH": os.environ["PATH"], **self.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert self._keeper.stdout is not None
        self._pid = int(self._keeper.stdout.readline())

    def wait_ready(self) -> None:
        """Raises `ServerError` when it ends, or does not answer in time."""
        self.wait_for(self.ready)

    def wait_for(self, condition: Callable[[], bool], seconds: float = _READY_SECONDS) -> None:
        """Wait until the condition holds, which is asked again and again. Raises `ServerError`."""
        deadline = time.monotonic() + seconds
        while not condition():
            if not self.running():
                raise ServerError(f"{self.name} ended while starting; its log is {self.log}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} was not ready in {seconds:.0f} s; its log is {self.log}")
            time.sleep(_POLL_SECONDS)

    def running(self) -> bool:
        """True from start to end, paused or not."""
        return self._keeper is not None and self._keeper.poll() is None

    def stop(self) -> None:
        """Ask it to end and wait; kill it when it does not. Nothing happens when it does not run."""
        self.resume()
        if self.running():
            os.kill(self._pid, self.stop_signal)
        try:
            self._wait()
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise ServerError(f"{self.name} did not stop and was killed; its log is {self.log}") from error

    def kill(self) -> None:
        """As `kill -9` of the server and its children."""
        self._signal(signal.SIGKILL)
        self._wait()

    def discard(self) -> None:
        """Stop it at once and remove what it keeps outside of `folder`."""
        self.kill()

    def restart(self) -> None:
        """On the same ports, with the same data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Stop every process of it in its tracks: ports stay open, nothing answers."""
        self._signal(signal.SIGSTOP)
        # On a busy machine a thread of it may still answer for a moment.
        self.wait_for(lambda: not self.ready())

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self.running():
            keeper.signal_all(self._pid, number)

    def _wait(self) -> None:
        if self._keeper is not None:
            self._keeper.wait(timeout=_STOP_SECONDS)
            for pipe in (self._keeper.stdin, self._keeper.stdout):
                assert pipe is not None
                pipe.close()
            self._keeper = None


def answers(url: str) -> bool:
    """True when GET of the URL is 200."""
    try:
        return httpx.get(url, timeout=1.0, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def listens(port: int) -> bool:
    """True when something accepts connections on this port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nothing listens on, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def free_pair() -> tuple[int, int]:
    """Return two free ports of which the second follows the first."""
    while True:
        (first,) = free_ports(1)
        with socket.socket() as following:
            try:
                following.bind(("127.0.0.1", first + 1))
            except (OSError, OverflowError):
                continue
        return first, first + 1
