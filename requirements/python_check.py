"""Stop with one clear line when this Python cannot hold Lorekeeper; runs on any Python 3."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "Lorekeeper needs Python 3.11 or newer; this is %d.%d. Try: make chat PYTHON=python3.12"
        % sys.version_info[:2]
    )
try:
    import ensurepip  # noqa: F401
    import venv  # noqa: F401
except ImportError:
    sys.exit("This Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv")
