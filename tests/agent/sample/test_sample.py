"""The sample household is what it says it is: every label is true of the files, and the splits never share.

Each file is read with the simplest library call for its format, not with the ingestion under test, so that
a label cannot be true only because the reader that it measures made it so.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import docx
import pypdfium2
import pytest
import yaml
from docx.table import Table
from selectolax.lexbor import LexborHTMLParser

_HOUSEHOLD = Path(__file__).parents[3] / "examples" / "household"
_SPLITS = ("tune", "test")
_MOVED_IN = date(2019, 6, 1)
_TODAY = date(2026, 11, 22)
"""The day on which the questions are asked."""

_QUESTION_FIELDS = {"id", "question", "language", "category", "source", "answer", "answerable", "kind"}
_ENTRY_FIELDS = {"text", "date", "author", "category"}
_ANSWERABLE_KINDS = {"fact", "when", "how", "list", "latest", "cross-lingual"}
_UNANSWERABLE_KINDS = {"unanswerable", "out-of-scope"}
_FAMILY = {"Marta", "Daniel", "Pilar", "Nora", "Leo"}
_NEAR_DUPLICATE = 0.6
"""Token-set (Jaccard) similarity from which two questions count as the same one."""


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@cache
def _categories() -> dict[str, dict[str, str]]:
    text = (_HOUSEHOLD / "categories.yaml").read_text("utf-8")
    return {category["slug"]: category for category in yaml.safe_load(text)}


@cache
def _questions(split: str) -> list[dict[str, Any]]:
    return _rows(_HOUSEHOLD / "questions" / f"{split}.jsonl")


def _all_questions() -> list[dict[str, Any]]:
    return [question for split in _SPLITS for question in _questions(split)]


@cache
def _entries() -> list[tuple[Path, dict[str, Any]]]:
    return [(path, row) for path in sorted((_HOUSEHOLD / "entries").glob("*.jsonl")) for row in _rows(path)]


@cache
def _documents() -> list[Path]:
    return sorted(path for path in (_HOUSEHOLD / "documents").rglob("*") if path.is_file())


def _table_lines(table: Table) -> list[str]:
    return [" | ".join(cell.text for cell in row.cells) for row in table.rows]


def _docx_lines(path: Path) -> list[str]:
    document = docx.Document(str(path))
    return [paragraph.text for paragraph in document.paragraphs] + [
        line for table in document.tables for line in _table_lines(table)
    ]


def _pdf_lines(path: Path) -> list[str]:
    with pypdfium2.PdfDocument(path) as document:
        return [line for page in document for line in page.get_textpage().get_text_range().splitlines()]


def _html_lines(path: Path) -> list[str]:
    nodes = LexborHTMLParser(path.read_text("utf-8")).css("main h1, main h2, main p, main tr")
    return [node.text(separator=" | ", strip=True) for node in nodes]


def _csv_lines(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [" | ".join(row) for row in csv.reader(file)]


@cache
def _lines(path: Path) -> tuple[str, ...]:
    """Return the file's smallest pieces: a paragraph, a row or a printed line each."""
    match path.suffix:
        case ".docx":
            return tuple(_docx_lines(path))
        case ".pdf":
            return tuple(_pdf_lines(path))
        case ".html":
            return tuple(_html_lines(path))
        case ".csv":
            return tuple(_csv_lines(path))
        case ".jsonl":
            return tuple(row["text"] for row in _rows(path))
        case _:
            return tuple(path.read_text("utf-8").splitlines())


def _evidence(question: dict[str, Any]) -> list[str]:
    pattern = re.compile(rf"(?<!\w){re.escape(question['answer'])}(?!\w)")
    return [line for line in _lines(_HOUSEHOLD / question["source"]) if pattern.search(line)]


def _answerable(split: str) -> Iterator[dict[str, Any]]:
    return (question for question in _questions(split) if question["answerable"])


def _tokens(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _similarity(one: str, other: str) -> float:
    return len(_tokens(one) & _tokens(other)) / len(_tokens(one) | _tokens(other))


def _by_id(question: dict[str, Any]) -> str:
    return str(question["id"])


def test_there_are_enough_categories_each_described() -> None:
    assert len(_categories()) >= 9
    for slug, category in _categories().items():
        assert re.fullmatch(r"[a-z][a-z-]*", slug)
        assert category["name"]
        assert category["name_es"]
        assert len(category["description"]) > 60


def test_every_category_has_documents_and_entries() -> None:
    assert {path.parent.name for path in _documents()} == set(_categories())
    assert {path.stem for path, _ in _entries()} == set(_categories())


def test_there_are_enough_documents_of_enough_formats() -> None:
    assert len(_documents()) >= 12
    formats = Counter(path.suffix for path in _documents())
    assert set(formats) >= {".md", ".txt", ".html", ".pdf", ".docx", ".csv", ".jsonl"}
    assert formats[".pdf"] == formats[".docx"] == 2


def test_there_are_enough_entries_and_no_two_alike() -> None:
    texts = [row["text"] for _, row in _entries()]
    assert len(texts) >= 140
    assert len(set(texts)) == len(texts)


def test_entries_are_rows_of_the_family_in_the_order_of_their_dates() -> None:
    for path, row in _entries():
        assert set(row) == _ENTRY_FIELDS
        assert row["category"] == path.stem
        assert row["author"] in _FAMILY
        assert 30 <= len(row["text"]) <= 300
    for slug in _categories():
        dates = [row["date"] for path, row in _entries() if path.stem == slug]
        assert dates == sorted(dates)


def test_every_entry_was_written_in_the_house_and_pilars_after_she_moved_in() -> None:
    pilar_moved_in = date(2021, 9, 11)
    for _, row in _entries():
        day = date.fromisoformat(row["date"])
        assert _MOVED_IN <= day <= _TODAY
        assert row["author"] != "Pilar" or day >= pilar_moved_in


def test_dates_in_document_rows_are_sane() -> None:
    for path in _documents():
        for found in re.findall(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)", "\n".join(_lines(path))):
            assert date(2019, 1, 1) <= date.fromisoformat(found) <= date(2031, 1, 1)


def test_the_whole_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in _HOUSEHOLD.rglob("*") if path.is_file()) < 400_000


def test_nothing_in_it_could_reach_a_real_person() -> None:
    files = [*_documents(), *sorted((_HOUSEHOLD / "entries").glob("*.jsonl"))]
    text = "\n".join(line for path in files for line in _lines(path))
    phones = re.findall(r"(?<!\d)(?:\(?\d{3}\)?[-. ])?\d{3}[-.]\d{4}(?!\d)", text)
    assert phones, "the sample has made-up phone numbers; the pattern found none"
    assert all(re.fullmatch(r"555-01\d\d", phone) for phone in phones)
    assert not re.findall(r"\S+@\S+\.\w+|https?://|\b\d{3}-\d{2}-\d{4}\b", text)


def test_each_split_has_a_hundred_questions_twenty_of_them_without_answer() -> None:
    for split in _SPLITS:
        kinds = Counter(question["kind"] for question in _questions(split))
        assert kinds.total() == 100
        assert kinds["unanswerable"] == kinds["out-of-scope"] == 10
        assert set(kinds) == _ANSWERABLE_KINDS | _UNANSWERABLE_KINDS
        assert kinds["cross-lingual"] >= 15


def test_about_a_third_of_the_questions_is_spanish() -> None:
    for split in _SPLITS:
        languages = Counter(question["language"] for question in _questions(split))
        assert set(languages) == {"en", "es"}
        assert 25 <= languages["es"] <= 35


def test_every_category_has_enough_questions_for_the_router_to_start_with() -> None:
    for split in _SPLITS:
        counts = Counter(question["category"] for question in _questions(split))
        assert all(counts[slug] >= 8 for slug in _categories())


def test_question_ids_are_unique_and_name_their_split() -> None:
    assert len({question["id"] for question in _all_questions()}) == 200
    assert all(question["id"].startswith(f"{split}-") for split in _SPLITS for question in _questions(split))


@pytest.mark.parametrize("question", _all_questions(), ids=_by_id)
def test_question_is_labelled_consistently(question: dict[str, Any]) -> None:
    assert set(question) == _QUESTION_FIELDS
    assert question["answerable"] == (question["kind"] in _ANSWERABLE_KINDS)
    assert (question["category"] is None) == (question["kind"] == "out-of-scope")
    assert question["category"] is None or question["category"] in _categories()
    if not question["answerable"]:
        assert question["source"] is None
        assert question["answer"] is None


@pytest.mark.parametrize("question", [*_answerable("tune"), *_answerable("test")], ids=_by_id)
def test_answer_stands_verbatim_in_its_source(question: dict[str, Any]) -> None:
    source = _HOUSEHOLD / question["source"]
    assert source.is_file()
    assert question["category"] in {source.stem, source.parent.name}
    assert _evidence(question)


@pytest.mark.parametrize(
    "question", [q for q in _all_questions() if q["kind"] in {"latest", "when"}], ids=_by_id
)
def test_a_time_has_one_place_that_answers_it(question: dict[str, Any]) -> None:
    assert len(_evidence(question)) == 1


def test_the_pool_pump_was_replaced_last_in_may_2024() -> None:
    replaced = re.compile(r"replaced the (old \w+ )?pool pump")
    replacements = [row for _, row in _entries() if replaced.search(row["text"])]
    assert [row["date"] for row in replacements] == ["2021-04-17", "2024-05-18"]
    asked = next(q for q in _questions("tune") if q["question"] == "When did we replace our pool pump?")
    assert _evidence(asked) == [replacements[-1]["text"]]


def test_the_splits_share_no_question() -> None:
    alike = [
        (one["id"], other["id"])
        for one, other in product(_questions("tune"), _questions("test"))
        if _similarity(one["question"], other["question"]) >= _NEAR_DUPLICATE
    ]
    assert alike == []


def test_the_splits_share_no_answer() -> None:
    tune, test = ({(q["source"], q["answer"]) for q in _answerable(split)} for split in _SPLITS)
    assert tune & test == set()


def test_the_splits_share_no_line_of_evidence() -> None:
    tune, test = (
        {(q["source"], line) for q in _answerable(split) for line in _evidence(q)} for split in _SPLITS
    )
    assert tune & test == set()
