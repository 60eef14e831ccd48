"""What the words of the command mean."""

from pathlib import Path

import pytest

from agent.errors import UsageError
from agent.moving.ends import Part, place_of, without_password
from agent.moving.plan import env_lines, places, planned
from agent.settings import Settings
from tests.agent.moving.house import settings_over

POSTGRES = "postgresql://lore:s:e/c@ret@db.example:5432/lore?sslmode=require"
HIDDEN = "postgresql://lore:***@db.example:5432/lore?sslmode=require"
WEAVIATE = "http://localhost:8080"

EMBEDDED = settings_over(Path("/data"))
SERVED = settings_over(Path("/data"), database_url=POSTGRES, weaviate_url=WEAVIATE)


@pytest.mark.parametrize(
    ("settings", "to", "urls", "key", "lines"),
    [
        (EMBEDDED, ["weaviate"], [WEAVIATE], "", [f"WEAVIATE_URL={WEAVIATE}"]),
        (EMBEDDED, ["weaviate"], [WEAVIATE], "k", [f"WEAVIATE_URL={WEAVIATE}", "WEAVIATE_API_KEY=***"]),
        (EMBEDDED, ["postgresql"], [POSTGRES], "", [f"DATABASE_URL={HIDDEN}"]),
        (
            EMBEDDED,
            ["postgresql", "weaviate"],
            [WEAVIATE, "postgresql:///lore"],
            "",
            [f"WEAVIATE_URL={WEAVIATE}", "DATABASE_URL=postgresql:///lore"],
        ),
        (SERVED, ["lancedb"], [], "", ["WEAVIATE_URL="]),
        (SERVED, ["sqlite"], [], "", ["DATABASE_URL="]),
        (SERVED, ["sqlite", "lancedb"], [], "", ["WEAVIATE_URL=", "DATABASE_URL="]),
        (SERVED, ["weaviate"], ["http://new:8080"], "", ["WEAVIATE_URL=http://new:8080"]),
    ],
)
def test_a_move_ends_with_the_lines_for_env(
    settings: Settings, to: list[str], urls: list[str], key: str, lines: list[str]
) -> None:
    ends = planned(settings, places(to), urls, key)
    assert ends.source is settings
    assert list(env_lines(ends)) == lines
    assert len(ends.parts) == len(to)


@pytest.mark.parametrize(
    ("settings", "to", "urls", "said"),
    [
        (EMBEDDED, ["postgres"], [], "There is no postgres to move to."),
        (EMBEDDED, ["weaviate"], [], "Where is weaviate?"),
        (EMBEDDED, ["weaviate"], [POSTGRES], "an address of postgresql"),
        (EMBEDDED, ["weaviate"], [WEAVIATE, WEAVIATE], "an address of weaviate"),
        (EMBEDDED, ["weaviate", "lancedb"], [WEAVIATE], "weaviate and lancedb keep the same"),
        (EMBEDDED, ["weaviate", "weaviate"], [WEAVIATE], "keep the same"),
        (EMBEDDED, ["sqlite"], [], "The settings use /data/lorekeeper.db already"),
        (EMBEDDED, ["lancedb"], [], "The settings use /data/knowledge already"),
        (SERVED, ["weaviate"], [WEAVIATE], f"The settings use {WEAVIATE} (Lorekeeper) already"),
        (SERVED, ["postgresql"], [POSTGRES], f"The settings use {HIDDEN} already"),
    ],
)
def test_what_makes_no_sense_is_told(settings: Settings, to: list[str], urls: list[str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        planned(settings, places(to), urls, "")
    assert said in str(raised.value)
    assert raised.value.hint


def test_the_key_of_one_server_is_never_sent_to_another() -> None:
    keyed = SERVED.model_copy(update={"weaviate_api_key": Settings(weaviate_api_key="old").weaviate_api_key})
    ends = planned(keyed, places(["weaviate"]), ["http://new:8080"], "")
    assert ends.target.weaviate_api_key.get_secret_value() == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (POSTGRES, HIDDEN),
        ("postgresql://lore@db/lore", "postgresql://lore@db/lore"),
        ("postgresql://db:5432/lore", "postgresql://db:5432/lore"),
        ("postgresql://:secret@/lore?host=/run", "postgresql://:***@/lore?host=/run"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
    assert place_of(Part.DATABASE, settings_over(Path("/data"), database_url=url)) == shown
