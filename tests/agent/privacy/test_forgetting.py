"""A member who left something everywhere: all of it is shown to them, and none of it is left."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.contracts import Answer, AnswerKind, MemberId
from agent.database import tables
from agent.errors import UnknownGuildError
from agent.privacy.privacy import ACTION
from agent.privacy.protocol import FORGOTTEN
from agent.privacy.redact import REASON
from agent.runtime import Stores, drop_guild
from agent.settings import Settings
from tests.agent.journal.episodes import an_episode
from tests.agent.knowledge.passages import HOME, WORK
from tests.agent.privacy.house import (
    ALL_GUILDS,
    MEMBER,
    OTHER,
    WORD,
    a_passage,
    a_quote,
    a_source,
    files_with,
    objects_with,
    opened,
    passages_with,
    plant,
    put,
    rows_with,
)
from tuning.privacy import privacy_of

SECTIONS = {
    "episodes": 1,
    "feedback": 2,
    "quoted": 2,
    "sources": 2,
    "brought": 1,
    "passages": 1,
    "messages": 1,
    "threads": 1,
    "examples": 2,
    "learnt": 2,
    "adapters": 2,
    "decisions": 1,
    "consents": 1,
    "answers": 1,
    "questions": 1,
    "commands": 1,
    "home": 1,
    "entries": 1,
    "changes": 2,
}
"""How many records of each kind `plant` makes."""


async def test_everything_is_exported(stores: Stores) -> None:
    await plant(stores)

    document = await privacy_of(stores).export(HOME, MEMBER)

    assert {name: len(records) for name, records in document.items() if isinstance(records, list)} == SECTIONS
    assert json.loads(json.dumps(document)) == document
    for section in SECTIONS.keys() - {
        "brought",
        "adapters",
        "consents",
        "answers",
        "questions",
        "home",
        "entries",
        "changes",
    }:
        assert WORD in json.dumps(document[section]), section
    for section in ("quoted", "examples", "learnt", "adapters", "changes"):
        assert f'"{OTHER}"' not in json.dumps(document[section]), "who the others are is not theirs to know"


def test_every_section_of_the_export_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "privacy.md").read_text("utf-8")
    table = text.partition("| section |")[2]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(SECTIONS)


async def test_the_export_of_a_stranger_is_empty_and_that_of_no_guild_refused(stores: Stores) -> None:
    await plant(stores)

    document = await privacy_of(stores).export(HOME, MemberId("stranger"))

    assert {name: records for name, records in document.items() if isinstance(records, list)} == {
        section: [] for section in SECTIONS
    }
    with pytest.raises(UnknownGuildError):
        await privacy_of(stores).export(WORK, MEMBER)


async def test_nothing_is_left_anywhere(anywhere: Settings, request: pytest.FixtureRequest) -> None:
    def objects() -> list[str]:
        server = request.getfixturevalue("weaviate_server") if anywhere.weaviate_url else None
        return objects_with(server, anywhere.weaviate_collection, WORD) if server else []

    async with opened(anywhere) as stores:
        await plant(stores)
        assert set(await rows_with(stores, WORD)) == privacy_of(stores).held_tables - {"forgettings"}
        assert len(await passages_with(stores, HOME, WORD)) >= 3
        assert bool(objects()) is bool(anywhere.weaviate_url)

        report = await privacy_of(stores).forget(HOME, MEMBER)

        assert await rows_with(stores, WORD) == {}
        assert await passages_with(stores, HOME, WORD) == set()
        assert objects() == []
        assert report.removed["episodes"] == 1
        assert report.removed["feedback"] == 3
        assert report.removed["episodes of others redacted"] == 2
        assert report.removed["sources"] == 2
        assert report.removed["sources made nobody's"] == 1
        assert report.removed["passages"] == 6, "three in each of two indexes"
        assert report.removed["examples"] == 2
        assert report.removed["decisions"] == 3
        assert report.removed["items of dataset versions"] == 2
        assert report.removed["adapters that learnt from it"] == 1
        assert report.removed["acts on adapters made nobody's"] == 2
        assert report.removed["log files emptied"] == 2
        # Not only after everything is closed.
        assert files_with(anywhere.data_dir, WORD) == []
    assert files_with(anywhere.data_dir, WORD) == []


async def test_the_files_held_it_before(embedded: Settings) -> None:
    """Else the test above would prove nothing."""
    async with opened(embedded) as stores:
        await plant(stores)
        found = {path.name for path in files_with(embedded.data_dir, WORD)}

    assert {"routing.db", "lorekeeper.log", "lorekeeper.log.1"} <= found
    assert any(name.startswith("lorekeeper.db") for name in found)
    assert any(name.endswith(".lance") for name in found)


async def test_what_others_said_stays(stores: Stores) -> None:
    await plant(stores)

    await privacy_of(stores).forget(HOME, MEMBER)

    quoting, summed_up, apart = await stores.journal.episodes(HOME)
    assert (quoting.question, summed_up.question, apart.question) == (
        "what was told?",
        "sum it up",
        "something else?",
    )
    assert quoting.answer is not None
    assert quoting.route is not None
    assert apart.answer is not None
    assert (quoting.answer.text, quoting.answer.reason) == ("", REASON)
    assert [quote.text for quote in quoting.answer.quotes] == ["before"]
    assert [example.question for example in quoting.route.examples] == ["kept?"]
    assert apart.answer.kind is AnswerKind.EXTRACTIVE
    assert apart.answer.text
    assert await stores.journal.votes(HOME, quoting.id) == {OTHER: 1}
    assert [each.question for each in await stores.catalog.examples(HOME)] == ["kept?"]
    manual, talk = sorted(await stores.catalog.sources(HOME), key=lambda source: source.id)
    assert (manual.id, manual.author) == ("manual", None)
    assert [each.text for each in await stores.store.passages_of(HOME, manual.id)] == ["press twice"]
    text = await stores.catalog.source_text(HOME, talk.id)
    passages = await stores.store.passages_of(HOME, talk.id)
    assert [text[each.start : each.end] for each in passages] == ["before", "after"]


async def test_another_guild_is_left_alone_until_it_is_asked_for(stores: Stores) -> None:
    for guild in ALL_GUILDS:
        await plant(stores, guild)
    before = await privacy_of(stores).export(WORK, MEMBER)

    await privacy_of(stores).forget(HOME, MEMBER)

    after = await privacy_of(stores).export(WORK, MEMBER)
    assert after | {"made_at": None} == before | {"made_at": None}

    reports = await privacy_of(stores).forget_everywhere(MEMBER)

    assert {report.guild for report in reports} == {*ALL_GUILDS, "local"}
    assert await rows_with(stores, WORD) == {}


async def test_the_journal_of_a_guild_that_was_removed_is_looked_through_too(stores: Stores) -> None:
    await plant(stores)
    await drop_guild(stores, HOME)
    assert len(await stores.journal.feedback(HOME, member=MEMBER)) == 2

    await privacy_of(stores).forget_everywhere(MEMBER)

    assert await stores.journal.feedback(HOME, member=MEMBER) == ()
    assert MEMBER not in {episode.member for episode in await stores.journal.episodes(HOME)}


async def test_somebody_else_s_name_is_no_trace_of_the_member(stores: Stores) -> None:
    """A source that only the member may see can be another's words."""
    await plant(stores)
    whispered = a_source(HOME, "whispered", author=OTHER, author_name="Zoe", visibility=f"member:{MEMBER}")
    await put(stores, whispered, "psst", a_passage(whispered, 0, "psst"))
    summary = Answer(text="“a”", kind=AnswerKind.SUMMARY, quotes=(a_quote("", "turn:0", "a", "Zoe"),))
    await stores.journal.record(said := an_episode(member=OTHER, answer=summary))

    await privacy_of(stores).forget(HOME, MEMBER)

    assert await stores.journal.episode(HOME, said.id) == said
    assert await stores.catalog.source(HOME, whispered.id) is None


async def test_one_line_is_left_that_says_when_and_how_much(stores: Stores) -> None:
    await plant(stores)
    report = await privacy_of(stores).forget(HOME, MEMBER)

    async with stores.database.read() as connection:
        lines = (await connection.execute(select(tables.bot_audit))).mappings().all()

    told = [line for line in lines if line["action"] == ACTION]
    assert [(line["guild"], line["member"], line["detail"]) for line in told] == [
        (HOME, FORGOTTEN, dict(report.removed))
    ]
    others = [(line["member"], line["detail"]) for line in lines if line["action"] != ACTION]
    assert others == [(FORGOTTEN, {"role": 7}), (OTHER, {"to": [FORGOTTEN]})]


async def test_asking_again_finds_nothing(stores: Stores) -> None:
    await plant(stores)
    privacy = privacy_of(stores)
    await privacy.forget(HOME, MEMBER)

    again = await privacy.forget(HOME, MEMBER)

    assert {name: count for name, count in again.removed.items() if count} == {}
    assert await _lines_told(stores) == 1


async def test_who_comes_back_begins_anew(stores: Stores) -> None:
    await plant(stores)
    await privacy_of(stores).forget(HOME, MEMBER)

    await plant(stores)

    document = await privacy_of(stores).export(HOME, MEMBER)
    assert {name: len(records) for name, records in document.items() if isinstance(records, list)} == SECTIONS


async def test_two_that_forget_the_same_member_at_once_leave_one_line(stores: Stores) -> None:
    await plant(stores)

    await asyncio.gather(*(privacy_of(stores).forget(HOME, MEMBER) for _ in range(2)))

    assert await rows_with(stores, WORD) == {}
    assert await _lines_told(stores) == 1


async def _lines_told(stores: Stores) -> int:
    async with stores.database.read() as connection:
        actions = (await connection.scalars(select(tables.bot_audit.c.action))).all()
    return actions.count(ACTION)
