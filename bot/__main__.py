"""The command `lorekeeper`, also `python -m bot`: one clear line and an exit code for every mistake."""

from __future__ import annotations

import io
import sys

from agent.errors import LorekeeperError
from bot.cli import app
from bot.reports import exit_code, print_error


def main() -> None:
    """Run the command line and exit with 0, 1 (failed) or 2 (wrong use)."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding shows a sign it lacks as "?", and loses no answer over it.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="lorekeeper")
    except LorekeeperError as error:
        print_error(error)
        sys.exit(exit_code(error))


if __name__ == "__main__":
    main()
