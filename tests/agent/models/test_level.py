"""Levelled vectors: two languages and two kinds side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agent.models.level import LevelEmbedder
from agent.models.protocol import Embedder, EmbedKind

PUMP = "In May we replaced the pool pump with a quieter one."
ROOF = "El tejado nuevo lo puso una empresa de Toledo en tres días."
QUESTION = "¿Cuándo cambiamos la bomba de la piscina?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("level")


async def test_a_question_finds_what_says_it_in_the_other_language(embedder: Embedder, folder: Path) -> None:
    level = await LevelEmbedder.open(embedder, folder)
    margins = []
    for each in (embedder, level):
        question = (await each.embed([QUESTION], EmbedKind.QUERY))[0]
        pump, roof = await each.embed([PUMP, ROOF], EmbedKind.PASSAGE) @ question
        margins.append(pump - roof)
    assert margins[1] > 0
    assert margins[1] > margins[0]


async def test_rows_have_unit_length_and_no_text_gives_no_row(embedder: Embedder, folder: Path) -> None:
    level = await LevelEmbedder.open(embedder, folder)
    rows = await level.embed([PUMP, ROOF, ""], EmbedKind.PASSAGE)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert (await level.embed([], EmbedKind.QUERY)).shape == (0, level.dimension)


async def test_its_digest_is_its_own_and_the_rest_is_the_others(embedder: Embedder, folder: Path) -> None:
    level = await LevelEmbedder.open(embedder, folder)
    assert level.info.digest != embedder.info.digest
    assert (level.info.name, level.info.engine) == (embedder.info.name, embedder.info.engine)


async def test_the_spaces_are_kept_and_made_again_when_they_are_not_whole(
    embedder: Embedder, folder: Path
) -> None:
    first = await (await LevelEmbedder.open(embedder, folder)).embed([PUMP], EmbedKind.PASSAGE)
    kept = _kept(folder)
    await LevelEmbedder.open(embedder, folder)
    assert _kept(folder) == kept
    _cut_short(folder)
    again = await (await LevelEmbedder.open(embedder, folder)).embed([PUMP], EmbedKind.PASSAGE)
    assert np.allclose(first, again, atol=1e-6)
    assert _kept(folder)[1] == kept[1]


def _kept(folder: Path) -> tuple[int, int]:
    """When the one file was written, and its size."""
    (file,) = folder.glob("level-*.npz")
    return file.stat().st_mtime_ns, file.stat().st_size


def _cut_short(folder: Path) -> None:
    (file,) = folder.glob("level-*.npz")
    file.write_bytes(file.read_bytes()[:100])
