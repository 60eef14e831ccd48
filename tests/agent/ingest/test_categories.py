from pathlib import Path

import pytest

from agent.contracts import Category, CategoryScore, Route, RouteDecision, Slug
from agent.errors import IngestError, UnknownCategoryError
from agent.ingest.categories import (
    chosen_by_person,
    chosen_by_router,
    known_category,
    new_categories,
    required_category,
)
from agent.ingest.documents import BlockKind, Context, Document, DocumentBuilder
from agent.ingest.report import ChosenBy

POOL = Category(slug=Slug("pool"), name="Swimming pool")
CAR = Category(slug=Slug("car"), name="Car")
BOTH = (POOL, CAR)


def document(category: str = "", *rows: str) -> Document:
    builder = DocumentBuilder()
    for row in rows:
        builder.add(BlockKind.ROW, "text", Context(category=row, location=row))
    return builder.build(Document(text="", blocks=(), category=category))


@pytest.mark.parametrize("name", ["pool", "POOL", "Swimming Pool", " swimming pool ", "Pool!"])
def test_a_category_is_known_by_slug_or_name(name: str) -> None:
    assert known_category(name, BOTH) == "pool"


@pytest.mark.parametrize("name", ["", "!", "garden", "日本"])
def test_other_names_are_not_known(name: str) -> None:
    assert known_category(name, BOTH) is None


def test_an_unknown_category_of_a_command_names_the_nearest() -> None:
    with pytest.raises(UnknownCategoryError) as error:
        required_category("pol", BOTH)
    assert "pool" in error.value.hint


@pytest.mark.parametrize(
    ("command", "category", "path", "by", "expected"),
    [
        ("car", "pool", "/home/pool/a.md", ChosenBy.COMMAND, "car"),
        (None, "car", "/home/pool/a.md", ChosenBy.DOCUMENT, "car"),
        (None, "", "/home/pool/a.md", ChosenBy.FOLDER, "pool"),
        (None, "", "/home/Swimming Pool/2024/a.md", ChosenBy.FOLDER, "pool"),
        (None, "", "/car/pool/a.md", ChosenBy.FOLDER, "pool"),
    ],
)
def test_the_first_choice_of_a_person_counts(
    command: str | None, category: str, path: str, by: ChosenBy, expected: str
) -> None:
    slug = Slug(command) if command else None
    choice = chosen_by_person(slug, document(category), Path(path), None, BOTH)
    assert choice is not None
    assert (choice.by, choice.category, choice.probability) == (by, expected, 1.0)


@pytest.mark.parametrize("path", ["/pool/a/b/c/x.md", "/home/pool.md", None])
def test_a_folder_far_above_a_file_name_and_a_page_choose_nothing(path: str | None) -> None:
    assert chosen_by_person(None, document(), Path(path) if path else None, None, BOTH) is None


@pytest.mark.parametrize(
    ("decision", "probability", "category", "by"),
    [
        (RouteDecision.SINGLE, 0.9, "pool", ChosenBy.ROUTER),
        (RouteDecision.UNION, 0.5, "pool", ChosenBy.ROUTER),
        (RouteDecision.UNFILTERED, 0.3, None, ChosenBy.NOBODY),
        (RouteDecision.OUT_OF_SCOPE, 0.1, None, ChosenBy.NOBODY),
    ],
)
def test_the_router_chooses_with_its_probability(
    decision: RouteDecision, probability: float, category: str | None, by: ChosenBy
) -> None:
    score = CategoryScore(category=Slug("pool"), probability=probability, contributions={})
    route = Route(
        scores=(score,), out_of_scope=0.1, decision=decision, categories=(), model_asked=False, reason=""
    )
    choice = chosen_by_router(route)
    assert (choice.category, choice.probability, choice.by) == (category, probability, by)


def test_what_a_file_names_and_the_guild_has_not_is_new() -> None:
    new = new_categories(document("Garden", "pool", "Casa & Jardín", "garden", "!"), BOTH)
    assert [(each.slug, each.name) for each in new] == [
        ("garden", "Garden"),
        ("casa-jardin", "Casa & Jardín"),
    ]


def test_a_column_that_is_no_category_is_refused() -> None:
    with pytest.raises(IngestError, match="too many categories that do not exist: 30"):
        new_categories(document("", *(f"value {number}" for number in range(30))), BOTH)
