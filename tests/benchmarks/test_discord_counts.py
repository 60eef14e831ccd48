"""What the Discord benchmarks count, and what they let go wrong: a loss must not look like a success."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from benchmarks.discord_bot import Replies, first_words_ms, has_buttons, milliseconds
from benchmarks.discord_counts import Outcome, foreign, lost_votes, outcome, unasked_votes
from benchmarks.discord_faults import _OFTEN, _PLAYED, plan
from benchmarks.discord_latency import asked_for
from benchmarks.discord_members import MARKERS, QUESTIONS, askings, people_of, write_sources
from benchmarks.discord_model import Door
from benchmarks.discord_peer import is_whole_embed, llmcord_config
from bot.texts.english import ENGLISH
from tests.discord import messages
from tests.discord.loopback import Loopback
from tests.discord.messages import Changes, Draft
from tests.discord.model import Message


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([("Since May. [1]", True)], Outcome.ANSWERED),
        ([("⚠️ The model is away. Try later. (error 12)", False)], Outcome.TOLD),
        ([(ENGLISH.cooldown.format(at=12), False)], Outcome.TOLD),
        ([(ENGLISH.queue_full, False)], Outcome.TOLD),
        ([], Outcome.LOST),
        ([(ENGLISH.searching, False)], Outcome.LOST),
        ([(ENGLISH.interrupted, False)], Outcome.LOST),
        ([(ENGLISH.queued.format(position=3), False)], Outcome.LOST),
        ([(ENGLISH.answering_late.format(message="Away."), False)], Outcome.LOST),
        ([("Since May. [1]", True), (ENGLISH.searching, False)], Outcome.DOUBLE),
    ],
)
def test_an_outcome_is_what_stands_there(replies: list[tuple[str, bool]], expected: Outcome) -> None:
    assert outcome(replies) is expected


def test_another_guilds_marker_is_foreign_however_it_is_written() -> None:
    assert foreign("ALDERWICK Pools, not birchholm", "Alderwick", MARKERS) == ["Birchholm"]
    assert foreign("Alderwick Pools", "Alderwick", MARKERS) == []


@pytest.mark.parametrize(
    ("standing", "lost", "unasked"),
    [({"1": 1, "2": -1}, [], []), ({"1": 1}, ["2"], []), ({"1": -1, "2": -1, "3": 1}, ["1"], ["3"])],
)
def test_a_vote_is_kept_lost_or_nobodys(
    standing: dict[str, int], lost: list[str], unasked: list[str]
) -> None:
    accepted = {"1": 1, "2": -1}
    assert lost_votes(accepted, standing) == lost
    assert unasked_votes(accepted, standing) == unasked


def test_a_seed_draws_the_same_faults_each_as_often_as_it_should() -> None:
    drawn = plan(7, 300.0)
    assert drawn == plan(7, 300.0) != plan(8, 300.0)
    assert Counter(each.fault for each in drawn) == _OFTEN
    assert [each.second for each in drawn] == sorted(each.second for each in drawn)
    assert _OFTEN.keys() == _PLAYED.keys()


def test_every_member_asks_about_as_often_and_only_at_home() -> None:
    loopback = Loopback()
    towns = people_of(loopback)
    drawn = askings(5, towns, 1000, 300.0)
    asked = Counter((asking.member.guild.id, asking.member.id) for asking in drawn)
    assert len(asked) == 100
    assert set(asked.values()) == {10}
    assert all(asking.channel.guild is asking.member.guild for asking in drawn)
    assert {asking.words for asking in drawn} == set(QUESTIONS)
    voters = {(member.guild.id, member.id) for asking in drawn for member, _, _ in asking.votes}
    assert voters <= asked.keys()


def test_a_guilds_sources_name_its_own_marker_in_every_fact(tmp_path: Path) -> None:
    write_sources(tmp_path / "alder", "Alderwick", 2010)
    facts = [
        line
        for path in (tmp_path / "alder").iterdir()
        for line in path.read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert len(facts) == len(QUESTIONS)
    assert all("Alderwick" in fact and not foreign(fact, "Alderwick", MARKERS) for fact in facts)


async def test_times_are_those_of_what_members_see() -> None:
    loopback = Loopback()
    replies = Replies(loopback)
    question = await loopback.member("ana").asks("general", "when?")
    waiting = asyncio.create_task(replies.first(question, has_buttons, 5.0))
    reply = _reply(loopback, question, ENGLISH.searching)
    loopback.clock.advance(2.0)
    await asyncio.sleep(0)
    assert not waiting.done()
    button = {"type": 1, "components": [{"type": 2, "style": 2, "label": "Helpful", "custom_id": "up"}]}
    messages.edit(loopback.world, reply, loopback.bot, Changes(content="In May.", components=[button]))
    assert await waiting is reply
    assert milliseconds(question, reply) < 1000
    assert 2000 <= first_words_ms(question, reply) < 3000
    assert reply.shown[1] - question.created >= timedelta(seconds=2)


async def test_a_reply_that_never_ends_says_what_stands_there() -> None:
    loopback = Loopback()
    replies = Replies(loopback)
    question = await loopback.member("ana").asks("general", "when?")
    _reply(loopback, question, ENGLISH.searching)
    with pytest.raises(TimeoutError, match="Searching"):
        await replies.first(question, has_buttons, 0.01)


@pytest.mark.parametrize(
    ("embeds", "expected"),
    [([], False), ([{"description": "In M ⚪"}], False), ([{"description": "In May."}], True)],
)
async def test_the_peers_answer_is_whole_when_its_sign_is_gone(
    embeds: list[dict[str, str]], expected: bool
) -> None:
    loopback = Loopback()
    said = await loopback.member("ana").says("general", "text")
    said.embeds = list(embeds)
    assert is_whole_embed(said) is expected


def test_the_peer_is_told_the_model_as_it_reads_it() -> None:
    config = llmcord_config("token", "http://127.0.0.1:1")
    provider, model = next(iter(config["models"])).split("/", 1)
    assert config["providers"][provider]["base_url"] == "http://127.0.0.1:1/v1"
    assert model == "lorekeeper/smollm2:135m"


async def test_the_door_answers_at_once_and_passes_the_rest_on() -> None:
    async def answer(request: web.Request) -> web.Response:
        asked = await request.json() if request.can_read_body else {}
        vectors = [[float(len(text))] for text in asked.get("input", ())]
        return web.json_response({"path": request.path, "embeddings": vectors})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        server = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with Door(server, instant=True).open() as door, ClientSession(door.url) as client:
            assert (await _got(client, "/api/tags", {}))["path"] == "/api/tags"
            chat = {"model": "m", "messages": [{"role": "user", "content": "Question: when?"}]}
            async with client.post("/api/chat", json=chat) as answered:
                parts = [json.loads(line) for line in (await answered.text()).splitlines()]
            assert [part["done"] for part in parts] == [False, True]
            form = {"format": {"required": ["query"]}}
            async with client.post("/api/chat", json=chat | form) as answered:
                first = json.loads((await answered.text()).splitlines()[0])
            assert json.loads(first["message"]["content"]) == {"query": "Question: when?"}
            assert door.first_asked("when?") is not None
            assert door.first_asked("who?") is None
            once = await _got(client, "/api/embed", {"model": "e", "input": ["when? (1)"]})
            again = await _got(client, "/api/embed", {"model": "e", "input": ["when? (22)"]})
            assert once["embeddings"] == again["embeddings"] == [[9.0]]
    finally:
        await runner.cleanup()


def test_the_sample_has_enough_questions_for_all_who_ask_at_once() -> None:
    assert len(set(asked_for())) >= 50


async def _got(client: ClientSession, path: str, body: dict[str, object]) -> dict[str, Any]:
    async with client.post(path, json=body) as answered:
        found: dict[str, Any] = await answered.json()
        return found


def _reply(loopback: Loopback, question: Message, text: str) -> Message:
    draft = Draft(content=text, reply_to=question.id, allowed_mentions={"parse": []})
    return messages.post(loopback.world, question.channel, loopback.bot, draft)
