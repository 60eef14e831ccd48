from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import StoreError
from agent.knowledge._manifest import Manifest, read_manifest, write_manifest
from tests.agent.knowledge.passages import NEW_SPEC, SPEC

ONE = Manifest().with_version(SPEC)
TWO = ONE.with_version(NEW_SPEC)


def test_the_first_version_is_active_and_the_next_is_not() -> None:
    assert (ONE.active, dict(ONE.specs)) == ("v1", {"v1": SPEC})
    assert (TWO.active, dict(TWO.specs)) == ("v1", {"v1": SPEC, "v2": NEW_SPEC})


def test_the_same_spec_is_the_same_version() -> None:
    """Two processes may ask for it at once; the second finds it made when its turn comes."""
    assert TWO.with_version(SPEC) == TWO


def test_a_name_is_not_used_twice() -> None:
    again = TWO.without("v2").with_version(NEW_SPEC)
    assert list(again.specs) == ["v1", "v3"]


@pytest.mark.parametrize("name", ["v3", "", "v1 "])
def test_unknown_names_are_errors(name: str) -> None:
    for change in (TWO.with_active, TWO.without, TWO.require):
        with pytest.raises(StoreError, match="No index version"):
            change(name)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "versions.json"
    assert read_manifest(path) == Manifest()
    for manifest in (TWO, TWO.with_active("v2"), replace(TWO.with_active("v2").without("v1"), created=9)):
        write_manifest(path, manifest)
        assert read_manifest(path) == manifest
    assert [file.name for file in tmp_path.iterdir()] == ["versions.json"]
