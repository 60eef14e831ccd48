"""The agent from question to answer, on real parts and the sample household."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest

from agent.contracts import (
    LOCAL_GUILD,
    Answered,
    AnswerKind,
    Asker,
    EpisodeId,
    EvidenceFound,
    Failed,
    Intent,
    Question,
    RouteDecided,
    Slug,
    SourceId,
    Token,
    Turn,
)
from agent.errors import StoreError
from agent.runtime import Installation
from tests.agent.graph.asking import (
    ASKED_AT,
    TroubledJournal,
    agent_with,
    answered,
    events_of,
    failed,
    keep,
    new_guild,
    stands_in_source,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUMP = "When did we replace our pool pump?"


async def test_the_newest_entry_answers_verbatim(household: Installation) -> None:
    ended = await answered(household.agent, PUMP)
    quote = ended.answer.quotes[0]
    assert quote.text.startswith("On 18 May 2024 Tom Petrakis replaced the pool pump again")
    assert (quote.date, quote.category, quote.author_name) == (date(2024, 5, 18), "pool", "Daniel")
    assert quote.text in ended.answer.text
    assert ended.answer.kind is AnswerKind.EXTRACTIVE
    for each in ended.answer.quotes:
        assert await stands_in_source(household, LOCAL_GUILD, each)


async def test_a_spanish_question_finds_english_evidence_and_is_answered_in_spanish(
    household: Installation,
) -> None:
    ended = await answered(household.agent, "¿Cuánto costó la célula de sal en 2025?")
    assert any("$415" in quote.text for quote in ended.answer.quotes)
    assert ended.answer.language == "es"
    assert "«" in ended.answer.text


async def test_what_nobody_wrote_about_is_declined(household: Installation) -> None:
    ended = await answered(household.agent, "Who won the world cup in 1998?")
    assert ended.answer.declined


async def test_a_spanish_refusal_is_in_spanish(household: Installation) -> None:
    ended = await answered(household.agent, "¿Cuál es la capital de Mongolia?")
    assert ended.answer.text.startswith("No lo sé")


async def test_a_declined_question_names_what_was_searched(household: Installation) -> None:
    strict = agent_with(household, settings={"answer_threshold": 1.0})
    ended = await answered(strict, "What is the capital of Mongolia?", category=Slug("pool"))
    assert ended.answer.declined
    assert ended.answer.quotes == ()
    assert ended.answer.text.startswith("I don't know")
    assert "Searched:" in ended.answer.text
    assert "*Pool*" in ended.answer.text
    assert ended.episode.searched is not None
    assert ended.episode.searched.categories == ("pool",)


async def test_a_question_limited_to_a_time_is_searched_within_it(household: Installation) -> None:
    ended = await answered(household.agent, "What did we do to the pool in 2023?")
    assert ended.evidence is not None
    dates = {item.passage.date for item in ended.evidence.items}
    assert dates
    assert all(day is not None and day.year == 2023 for day in dates)


async def test_a_follow_up_is_understood_from_the_conversation(household: Installation) -> None:
    conversation = (
        Turn(text=PUMP, author_name="you"),
        Turn(text="On 18 May 2024.", author_name="Lorekeeper", from_bot=True),
    )
    ended = await answered(household.agent, "And how much did it cost?", conversation=conversation)
    assert any("$1,140" in quote.text for quote in ended.answer.quotes)


@pytest.mark.parametrize(
    ("text", "details"),
    [
        (PUMP, {}),
        ("What is the capital of Mongolia?", {}),
        ("hello", {}),
        ("Summarize Cuidados de Pimiento", {}),
        ("Summarize this", {"conversation": (Turn(text="We ordered pizza.", author_name="Ana"),)}),
        ("Summarize this", {}),
        ("How do I clean the filter?", {"intent": Intent.SUGGEST}),
        ("", {}),
        ("x", {"guild": "nowhere"}),
        ("x", {"category": "nothing"}),
    ],
)
async def test_every_stream_ends_once_and_its_episode_is_kept(
    household: Installation, text: str, details: dict[str, object]
) -> None:
    events = await events_of(household.agent, text, **details)
    ends = [event for event in events if isinstance(event, Answered | Failed)]
    assert ends == [events[-1]]
    last = ends[0]
    if isinstance(last, Answered):
        shown = "".join(event.text for event in events if isinstance(event, Token))
        assert shown == last.answer.text
        kept = await household.stores.journal.episode(last.episode.guild, last.episode.id)
        assert kept is not None
        assert kept.answer == last.answer


async def test_what_was_decided_and_found_is_told_on_the_way(household: Installation) -> None:
    events = await events_of(household.agent, PUMP)
    kinds = [type(event) for event in events]
    assert kinds.index(RouteDecided) < kinds.index(EvidenceFound) < kinds.index(Token)
    ended = events[-1]
    assert isinstance(ended, Answered)
    assert ended.episode.evidence
    assert {"understand", "route", "retrieve", "judge", "model", "own", "total"} <= set(ended.episode.timings)
    assert ended.episode.models[0].digest


async def test_nothing_of_an_answer_is_shown_before_its_episode_is_durable(household: Installation) -> None:
    journal = TroubledJournal(household.stores.journal)
    agent = agent_with(household, journal=journal)
    shown: list[object] = []

    async def ask() -> None:
        async for event in agent.ask(Question(text=PUMP, asked_at=ASKED_AT)):
            shown.append(event)

    asking = asyncio.create_task(ask())
    await asyncio.wait([asking], timeout=3)
    assert not asking.done()
    assert any(isinstance(event, EvidenceFound) for event in shown)
    assert not any(isinstance(event, Token | Answered) for event in shown)
    journal.let.set()
    await asking
    assert isinstance(shown[-1], Answered)


async def test_an_answer_that_cannot_be_recorded_is_not_shown(household: Installation) -> None:
    journal = TroubledJournal(household.stores.journal, StoreError("The journal is gone.", "Look."))
    events = await events_of(agent_with(household, journal=journal), PUMP)
    assert isinstance(events[-1], Failed)
    assert events[-1].message == "The journal is gone."
    assert not any(isinstance(event, Token | Answered) for event in events)


async def test_what_is_remembered_is_found_at_once_and_gone_when_taken_back(household: Installation) -> None:
    guild, agent = await new_guild(household, "memories"), household.agent
    ana = Asker(name="Ana")
    remember = {"guild": guild, "asker": ana, "intent": Intent.REMEMBER}
    await answered(agent, "The boat trailer weighs 640 kilos.", **remember)
    told = await answered(agent, "Yesterday we sold the canoe to Priya for $120", **remember)
    assert told.answer.kind is AnswerKind.REMEMBERED
    assert told.answer.entry is not None
    assert "21 November 2026" in told.answer.text

    found = await answered(agent, "Who did we sell the canoe to?", guild=guild)
    quote = found.answer.quotes[0]
    assert "Priya" in quote.text
    assert (quote.date, quote.author_name) == (date(2026, 11, 21), "Ana")

    assert await agent.forget_entry(guild, told.answer.entry)
    assert not await agent.forget_entry(guild, told.answer.entry)
    gone = await answered(agent, "Who did we sell the canoe to?", guild=guild)
    assert gone.answer.declined
    assert gone.evidence is not None
    assert ["canoe" in item.passage.text for item in gone.evidence.items] == [False]


async def test_a_correction_routes_the_next_question_and_can_be_taken_back(household: Installation) -> None:
    guild = await new_guild(household, "corrected", "attic", "cellar")
    text = "Where is the box with the old photographs?"
    asked = await answered(household.agent, text, guild=guild)
    episode: EpisodeId = asked.episode.id
    correction = await household.agent.correct_category(guild, episode, asked.episode.member, Slug("attic"))
    again = await answered(household.agent, text, guild=guild)
    assert again.route is not None
    assert again.route.scores[0].category == "attic"
    assert again.route.examples[0].question == text
    await household.agent.retract_correction(correction)
    assert await household.stores.catalog.examples(guild) == ()


async def test_no_categories_yet_searches_everything(household: Installation, tmp_path: Path) -> None:
    guild = await new_guild(household, "uncategorised")
    await keep(household, guild, tmp_path / "boat.md", "The boat trailer weighs 640 kilos.\n")
    ended = await answered(household.agent, "How much does the boat trailer weigh?", guild=guild)
    assert "640 kilos" in ended.answer.text
    assert ended.route is not None
    assert ended.route.categories == ()


async def test_no_sources_yet_is_an_honest_refusal(household: Installation) -> None:
    guild = await new_guild(household, "empty", "pool")
    ended = await answered(household.agent, PUMP, guild=guild)
    assert ended.answer.declined
    assert "I don't know" in ended.answer.text


async def test_a_source_that_is_not_there_cannot_be_summarized(household: Installation) -> None:
    ended = await failed(household.agent, "Summarize it", intent=Intent.SUMMARIZE, source=SourceId("none"))
    assert ended.misuse


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The question is empty."),
        (" \n\t ", "The question is empty."),
        ("\x00\x07\x1b\u200b", "The question holds only characters that cannot be seen."),
        ("😀🎉", 'There is no question in "😀🎉".'),
        ("pump " * 20_000, "The question is 99,999 characters long; at most 4,000 are allowed."),
    ],
)
async def test_what_is_no_question_is_told_so_in_one_line(
    household: Installation, text: str, said: str
) -> None:
    ended = await failed(household.agent, text)
    assert ended.message == said
    assert ended.hint
    assert ended.misuse
    assert not ended.retryable


@pytest.mark.parametrize(
    "text",
    [
        "When did\x1b we replace\x07 our pool\x00 pump?",
        "\u202eWhen did we replace our pool pump?\u202c",
        "😀 When did we replace our pool pump? 🎉",
        "When did we replace our pool pump?\ud800",
    ],
)
async def test_signs_that_cannot_be_seen_do_not_stand_between_question_and_answer(
    household: Installation, text: str
) -> None:
    ended = await answered(household.agent, text)
    assert "18 May 2024" in ended.answer.text
    assert "\x1b" not in ended.episode.question


@pytest.mark.parametrize("text", ["متى استبدلنا مضخة المسبح؟", "מתי החלפנו את משאבת הבריכה?"])
async def test_a_right_to_left_question_gets_a_reply_and_keeps_its_words(
    household: Installation, text: str
) -> None:
    ended = await answered(household.agent, text)
    assert ended.episode.question == text
    assert ended.answer.text


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"guild": "nowhere"}, "There is no guild 'nowhere' here."),
        ({"category": "poool"}, "There is no category poool."),
    ],
)
async def test_an_unknown_guild_or_category_is_named(
    household: Installation, details: dict[str, str], said: str
) -> None:
    ended = await failed(household.agent, PUMP, **details)
    assert ended.message == said
    assert ended.misuse
