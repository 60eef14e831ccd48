"""Passages are verbatim slices, whole where that fits, and keep their ids while their text stands."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contracts import GuildId, Slug, Source, SourceId, SourceKind
from agent.ingest.chunking import LONGEST, TARGET, cut, embedding_text, entry_passage, passages, recut
from agent.ingest.documents import BlockKind, Context, Document, DocumentBuilder
from agent.ingest.markdown import document_from_markdown

SOURCE = Source(
    id=SourceId("s"),
    guild=GuildId("g"),
    uri="/log.md",
    kind=SourceKind.FILE,
    title="House log",
    content_hash="",
    category=Slug("home"),
    author_name="Ana",
    date=date(2023, 1, 2),
    added_at=datetime(2024, 6, 1, tzinfo=UTC),
)
SENTENCE = "The pump was replaced because its bearing had worn out over the winter. "

_text = st.text(st.sampled_from("ab .\n|-#\t1ñ🏊") | st.characters(), max_size=400)
_blocks = st.lists(
    st.tuples(st.sampled_from(list(BlockKind)), st.integers(1, 6), _text, st.integers(1, 30)), max_size=12
)


def documents() -> st.SearchStrategy[Document]:
    def build(drawn: list[tuple[BlockKind, int, str, int]]) -> Document:
        builder = DocumentBuilder()
        for number, (kind, level, text, times) in enumerate(drawn):
            if kind is BlockKind.HEADING:
                builder.heading(level, text)
            else:
                place = Context(location=f"row {number}") if kind is BlockKind.ROW else None
                builder.add(kind, text * times, place)
        return builder.build()

    return _blocks.map(build)


@given(documents())
def test_every_passage_is_a_verbatim_slice_of_one_place(document: Document) -> None:
    made = passages(document, SOURCE, {})
    assert [passage.ordinal for passage in made] == list(range(len(made)))
    assert len({passage.id for passage in made}) == len(made)
    for passage in made:
        assert passage.text == document.text[passage.start : passage.end]
        assert passage.text.strip()
        assert len(passage.text) <= LONGEST
    for before, after in pairwise(made):
        assert before.end <= after.start


@given(documents())
def test_nothing_but_lone_headings_is_lost(document: Document) -> None:
    kept = [False] * len(document.text)
    for piece in cut(document):
        kept[piece.start : piece.end] = [True] * (piece.end - piece.start)
    for block in document.blocks:
        if block.kind is not BlockKind.HEADING:
            lost = [
                c for i, c in enumerate(document.text[block.start : block.end], block.start) if not kept[i]
            ]
            assert not "".join(lost).strip(" \t\n|-_=*~`")


@given(documents())
def test_cutting_anew_from_the_kept_text_stays_verbatim(document: Document) -> None:
    stored = passages(document, SOURCE, {})
    again = recut(document.text, SOURCE, stored)
    for passage in again:
        assert passage.text == document.text[passage.start : passage.end]
    assert len({passage.id for passage in again}) == len(again)


def markdown(text: str) -> list[str]:
    document = document_from_markdown(text)
    return [document.text[piece.start : piece.end] for piece in cut(document)]


def test_paragraphs_are_merged_up_to_the_target() -> None:
    paragraph = (SENTENCE * 4).strip()
    cut_up = markdown("\n\n".join([paragraph] * 6))
    assert [text.count(paragraph) for text in cut_up] == [2, 2, 2]
    assert all(len(text) <= TARGET for text in cut_up)


@pytest.mark.parametrize(
    "block",
    [
        "| part | number |\n|---|---|\n" + "| a seal of rubber | A-12 |\n" * 40,
        "\n".join(f"- item {number} of the list" for number in range(50)),
        "```\n" + "print('a line of code')\n\n" * 40 + "```",
    ],
)
def test_tables_lists_and_code_stay_whole_where_they_fit(block: str) -> None:
    made = markdown(f"{SENTENCE * 8}\n\n{block}\n\n{SENTENCE * 8}")
    assert len(made) == 3
    assert TARGET < len(made[1]) <= LONGEST


def test_a_long_table_is_split_between_its_rows() -> None:
    made = markdown("| a | b |\n|---|---|\n" + "| left cell | right cell |\n" * 100)
    assert len(made) > 1
    for text in made:
        assert all(line.startswith("| ") and line.endswith(" |") for line in text.split("\n"))


def test_a_long_paragraph_is_split_between_sentences() -> None:
    made = markdown(SENTENCE * 40)
    assert len(made) > 1
    assert all(text.startswith("The pump") and text.endswith("winter.") for text in made)


def test_only_a_sentence_that_alone_is_too_long_is_split() -> None:
    made = markdown("word " * 600)
    assert len(made) == 3
    assert all(set(text.split()) == {"word"} for text in made)
    assert [len(text) for text in markdown("x" * 3000)] == [LONGEST, LONGEST, 200]


def test_a_heading_opens_its_passage_and_a_lone_one_is_none() -> None:
    assert markdown("# Pool\n\n## Pump\n\nLoud.\n\n## Empty\n\n# Car\n\nRed.") == [
        "Pump\n\nLoud.",
        "Car\n\nRed.",
    ]
    assert markdown("# Only\n\n## Headings") == ["Only", "Headings"]


def test_a_passage_carries_title_place_date_and_author() -> None:
    document = document_from_markdown("# Log\n\n## 2024-05-12 Pump\n\nNew.\n\n## Other\n\nOld.")
    new, old = passages(document, SOURCE, {})
    assert (new.title, new.location, new.date) == ("House log", "Log › 2024-05-12 Pump", date(2024, 5, 12))
    assert (old.date, old.author_name, old.category) == (date(2023, 1, 2), "Ana", "home")


def test_a_row_overrides_what_its_source_says() -> None:
    builder = DocumentBuilder()
    row = Context(
        location="row 1", author="Luis", category="Pool", date=date(2020, 2, 3), link="https://a.org"
    )
    builder.add(BlockKind.ROW, "New pump", row)
    builder.add(BlockKind.ROW, "Nothing said", Context(location="row 2"))
    first, second = passages(builder.build(), SOURCE, {"Pool": Slug("pool")})
    assert (first.author_name, first.category, first.link) == ("Luis", "pool", "https://a.org")
    assert (second.author_name, second.category, second.link) == ("Ana", "home", "")


def test_unchanged_passages_keep_their_id_when_others_move() -> None:
    before = passages(document_from_markdown("# A\n\nOne.\n\n# B\n\nTwo.\n\n# B\n\nTwo."), SOURCE, {})
    after = passages(document_from_markdown("# New\n\nZero.\n\n# A\n\nOne.\n\n# B\n\nTwo."), SOURCE, {})
    assert [passage.id for passage in after[1:]] == [passage.id for passage in before[:2]]
    assert len({passage.id for passage in before}) == 3


def test_only_a_heading_above_all_others_is_the_title() -> None:
    assert document_from_markdown("# Log\n\n## A\n\nOne.\n\n## B\n\nTwo.").title == "Log"
    assert document_from_markdown("# A\n\nOne.\n\n# B\n\nTwo.").title == ""
    assert document_from_markdown("Intro.\n\n# A\n\nOne.").title == ""


def test_ids_differ_between_guilds_and_sources() -> None:
    document = document_from_markdown("One.")
    sources = [SOURCE, replace(SOURCE, guild=GuildId("h")), replace(SOURCE, id=SourceId("t"))]
    assert len({passages(document, source, {})[0].id for source in sources}) == 3


def test_what_is_embedded_names_the_place_once() -> None:
    document = document_from_markdown("# Pool\n\n## Pump\n\nLoud.\n\nStill loud.")
    (passage,) = passages(document, SOURCE, {})
    assert embedding_text(passage) == "House log\nPool › Pump\nPump\n\nLoud.\n\nStill loud."
    assert embedding_text(replace(passage, location="page 3")) == f"House log\n{passage.text}"
    assert embedding_text(replace(passage, title="Pool")) == f"Pool › Pump\n{passage.text}"


def test_an_entry_is_one_passage_however_long() -> None:
    text = SENTENCE * 60
    entry = entry_passage(replace(SOURCE, kind=SourceKind.ENTRY), text)
    assert (entry.start, entry.end, entry.text) == (0, len(text), text)
    assert embedding_text(entry) == text


def test_cutting_anew_keeps_places_and_dates() -> None:
    document = document_from_markdown(f"# Log\n\n## 2024-05-12 Pump\n\n{SENTENCE * 20}\n\n## Other\n\nOld.")
    stored = passages(document, SOURCE, {})
    again = recut(document.text, SOURCE, stored)
    assert {(p.location, p.date) for p in again} == {(p.location, p.date) for p in stored}
    words = [" ".join(passage.text for passage in each).split() for each in (again, stored)]
    assert words[0] == words[1]
