"""The figures out of a real journal: in the terminal, as JSON, as a file, and out of very many episodes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.contracts import AnswerKind, Category, GuildId, Slug
from agent.runtime import Stores, open_stores
from agent.settings import Settings
from bot.figures import statistics_of, words_of
from bot.texts import ENGLISH, SPANISH
from tests.bot.conftest import Command
from tests.bot.stats.turns import an_answer, asked, correction, vote

_LOCAL = GuildId("local")
_NOW = datetime.now(UTC)


async def _seed(stores: Stores) -> None:
    await stores.catalog.put_category(_LOCAL, Category(slug=Slug("pool"), name="The pool"))
    good, wrong = asked("pool", at=_NOW, guild=_LOCAL), asked("pool", at=_NOW, guild=_LOCAL)
    unknown = asked("pool", at=_NOW, guild=_LOCAL, answer=an_answer(AnswerKind.DECLINED))
    old = asked("pool", at=_NOW - timedelta(days=40), guild=_LOCAL)
    elsewhere = asked("pool", at=_NOW)
    await stores.catalog.create_guild(elsewhere.guild)
    for episode in (good, wrong, unknown, old, elsewhere):
        await stores.journal.record(episode)
    for event in (vote(good, 1), vote(good, 1, "ben"), correction(wrong, "car"), vote(elsewhere, -1)):
        await stores.journal.add_feedback(event)


@pytest.fixture
def seeded(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_stores(Settings(data_dir=tmp_path / "data")) as stores:
            await _seed(stores)

    asyncio.run(run())


@pytest.mark.usefixtures("seeded")
def test_the_terminal_says_it_in_words(command: Command) -> None:
    lines = command("stats").lines
    assert lines[1] == "Questions: 3; 2 answered, 1 “I don't know”, 0 failed."
    assert lines[2] == "Satisfaction: 100% of 2 votes say helpful (95 % interval 34% to 100%)."
    assert lines[3].startswith("Routing: right for 1 of 2 questions")
    assert lines[4] == "Unanswered by topic: The pool 1 of 3."
    assert lines[5] == "Time to the answer: 1.0 s for half of them, 1.0 s for 95 of 100."


@pytest.mark.usefixtures("seeded")
def test_scripts_get_the_same_figures_as_json(command: Command) -> None:
    found = command("stats", "--days", "60", "--json").json
    assert (found["total"]["answered"], found["total"]["unanswered"]) == (3, 1)
    assert (found["total"]["routing"]["good"], found["total"]["routing"]["total"]) == (1, 2)
    assert len(found["steps"]) == 60


@pytest.mark.usefixtures("seeded")
def test_a_plot_is_a_picture_in_a_file(command: Command, tmp_path: Path) -> None:
    ran = command("stats", "--plot", str(tmp_path / "stats.png"))
    assert (tmp_path / "stats.png").read_bytes().startswith(b"\x89PNG")
    assert "stats.png" in ran.err


def test_a_guild_of_which_nothing_is_known_is_told_so(tmp_path: Path) -> None:
    async def words() -> tuple[str, str]:
        async with open_stores(Settings(data_dir=tmp_path)) as stores:
            found = await statistics_of(stores, _LOCAL, now=_NOW, days=30)
        return words_of(found, {}, ENGLISH.stats), words_of(found, {}, SPANISH.stats)

    english, spanish = asyncio.run(words())
    assert "nobody has voted" in english
    assert "nadie ha votado" in spanish


async def test_every_page_of_a_long_journal_counts(tmp_path: Path) -> None:
    async with open_stores(Settings(data_dir=tmp_path)) as stores:
        for number in range(450):
            episode = asked("pool", at=_NOW - timedelta(minutes=number), guild=_LOCAL)
            await stores.journal.record(episode)
            if number % 9 == 0:
                await stores.journal.add_feedback(vote(episode, 1))
        total = (await statistics_of(stores, _LOCAL, now=_NOW, days=30)).total
    assert (total.questions, total.satisfaction.total) == (450, 50)
