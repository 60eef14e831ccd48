"""The command `lorekeeper`, also `python -m bot`: one clear line and an exit code for every mistake."""

from __future__ import annotations

import sys

from agent.errors import ConfigurationError, LorekeeperError, UsageError

FAILED, WRONG_USE = 1, 2


def main() -> None:
    """Run the command line and exit with 0, 1 (failed) or 2 (wrong use)."""
    from bot.cli import app

    try:
        app()
    except (UsageError, ConfigurationError) as error:
        _explain(error)
        sys.exit(WRONG_USE)
    except LorekeeperError as error:
        _explain(error)
        sys.exit(FAILED)
    except BrokenPipeError:
        # The reader (`head`, `jq`) has what it wanted; the interpreter must not flush into the void.
        sys.stdout = None
        sys.exit(FAILED)


def _explain(error: LorekeeperError) -> None:
    print(f"lorekeeper: {error}", file=sys.stderr)
    if error.hint:
        print(f"  {error.hint}", file=sys.stderr)


if __name__ == "__main__":
    main()
