"""Real processes that share a database with the test."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def start(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Run Python code with `sys.argv[1:]` set; standard input and output are pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a process that must succeed; return what it printed."""
    output, errors = process.communicate(input="\n", timeout=60)
    assert process.returncode == 0, errors
    return output
