"""`lorekeeper patterns` over a real journal: the list, one candidate, the picture, and crossing off."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.contracts import Category, FeedbackKind, GuildId, MemberId, Route, RouteDecision, Slug
from agent.runtime import Stores, open_stores
from agent.settings import Settings
from bot.patterns import cleaned, details_of, line_of, names_of, one_of, picture_of
from bot.texts import ENGLISH as IN_ENGLISH
from bot.texts import LANGUAGES, SPANISH
from tests.agent.journal.episodes import NOON, an_episode, an_event
from tests.bot.conftest import Command
from tests.tuning.patterns.guild import DECLINED
from tests.tuning.patterns.test_detecting import a_real_pattern, found, hot_tub
from tuning.patterns.phrases import ENGLISH, said
from tuning.patterns.rules import RuleName
from tuning.pictures import png_of

LOCAL = GuildId("local")
NOW = datetime.now(UTC)
ROUTE = Route(
    scores=(),
    out_of_scope=0.0,
    decision=RouteDecision.SINGLE,
    categories=(Slug("plumbing"),),
    model_asked=False,
    reason="",
)


async def seed(stores: Stores) -> None:
    """12 corrections by 4 members on 4 days, and a question that 3 asked in vain."""
    for slug in ("pool", "plumbing"):
        await stores.catalog.put_category(LOCAL, Category(slug=Slug(slug), name=slug.title()))
    for number in range(12):
        asked_at = NOW - timedelta(days=5 - number // 3, minutes=number)
        member = MemberId(f"member{number % 4}")
        question = f"how warm is the hot tub on day {number}?"
        episode = an_episode(guild=LOCAL, member=member, asked_at=asked_at, question=question, route=ROUTE)
        await stores.journal.record(episode)
        value = {"category": "pool"}
        event = an_event(episode, FeedbackKind.CORRECTION, value, member=member, at=asked_at)
        await stores.journal.add_feedback(event)
    for number in range(3):
        asked_at = NOW - timedelta(days=number + 1)
        question = "what is the password of the wireless network?"
        member = MemberId(f"member{number}")
        await stores.journal.record(
            an_episode(guild=LOCAL, member=member, asked_at=asked_at, question=question, answer=DECLINED)
        )


@pytest.fixture
def patterns(command: Command, tmp_path: Path) -> Command:
    async def run() -> None:
        async with open_stores(Settings(data_dir=tmp_path / "data")) as stores:
            await seed(stores)

    asyncio.run(run())
    return command


def test_a_list_says_what_recurs_and_what_to_do(patterns: Command) -> None:
    ran = patterns("patterns")
    assert ran.code == 0
    assert "12 corrections by 4 members on 4 days: questions about warm hot tub go to plumbing" in ran.out
    assert "→ **somebody should write it down** (asked again and again" in ran.out
    assert ran.out.count("enough labels") == 2


def test_scripts_get_everything_but_who_it_was(patterns: Command) -> None:
    ran = patterns("patterns", "--json")
    first, second = ran.json
    assert (first["target"], first["stable"]) == ("pool", False)
    assert [each["rule"] for each in first["findings"]] == list(RuleName)
    assert second["action"] == "knowledge gap"
    assert "member1" not in ran.out


def test_one_is_shown_whole_and_drawn(patterns: Command, tmp_path: Path) -> None:
    (first, _) = patterns("patterns", "--json").json
    picture = tmp_path / "patterns.png"
    ran = patterns("patterns", "show", first["id"][:6], "--plot", str(picture))
    assert all(f"{finding['words']}" in ran.out for finding in first["findings"])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_gap_is_crossed_off(patterns: Command) -> None:
    gap = patterns("patterns", "--json").json[1]
    assert patterns("patterns", "done", gap["id"]).code == 0
    assert [each["id"] for each in patterns("patterns", "--json").json if each["id"] == gap["id"]] == []


def test_an_id_that_is_none_is_said(patterns: Command) -> None:
    ran = patterns("patterns", "show", "ffff")
    assert ran.code != 0
    assert "There is no one pattern ffff." in ran.err


def test_nothing_recurs_in_an_empty_guild(command: Command) -> None:
    assert command("patterns").lines == ["Nothing recurs that people find wrong."]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_every_phrase(language: str) -> None:
    texts = LANGUAGES[language].patterns
    assert texts.phrases.keys() == ENGLISH.keys()
    assert texts.rules.keys() == set(RuleName)


def test_a_candidate_in_spanish() -> None:
    candidate = hot_tub(found(a_real_pattern()))
    names = {"pool": "Piscina", "plumbing": "Fontanería"}
    line = line_of(candidate, names, SPANISH.patterns)
    assert "12 correcciones de 6 miembros en 4 días" in line
    assert "las preguntas sobre hot tub van a Fontanería en vez de a Piscina" in line
    details = details_of(candidate, names, SPANISH.patterns)
    assert said(candidate.findings[0].phrases, SPANISH.patterns.phrases) in details


def test_reasons_and_topics_are_called_by_their_names() -> None:
    names = names_of([Category(slug=Slug("pool"), name="Piscina")], SPANISH)
    assert (names["pool"], names["too_long"]) == ("Piscina", SPANISH.reasons["too_long"])
    candidate = cleaned(hot_tub(found(a_real_pattern())), lambda text: names.get(text, text))
    assert "6 de 6 dicen Piscina" in details_of(candidate, names, SPANISH.patterns)


def test_the_picture_shows_the_proof_against_its_bound_day_by_day() -> None:
    candidate = hot_tub(found(a_real_pattern()))
    today = (NOON + timedelta(days=10)).date()
    picture = picture_of([candidate], today, IN_ENGLISH.patterns)
    remarks, proof = picture.panels
    assert remarks.days == proof.days
    assert len(remarks.days) == 11
    assert [each.values[-1] for each in remarks.series] == [0.0, 12.0]
    so_far, bound = (each.values for each in proof.series)
    assert so_far[-1] is not None
    assert bound[-1] is not None
    assert so_far[-1] > bound[-1]
    assert png_of(picture).startswith(b"\x89PNG")


def test_what_members_wrote_is_made_harmless_before_it_is_shown() -> None:
    candidate = cleaned(hot_tub(found(a_real_pattern())), str.upper)
    shown = details_of(candidate, {}, IN_ENGLISH.patterns)
    assert "questions about HOT TUB go to" in shown
    assert "- WHO CLEANS OUR HOT TUB?" in shown
    assert "6 of 6 say POOL" in shown


def test_an_id_is_found_by_its_beginning() -> None:
    candidate = hot_tub(found(a_real_pattern()))
    assert one_of([candidate], candidate.id[:4]) == candidate
    assert one_of([candidate, candidate], candidate.id[:4]) is None
    assert one_of([candidate], "x") is None
