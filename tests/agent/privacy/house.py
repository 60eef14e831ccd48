"""An installation in which a member left something in every place, all of it with one word in it."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
from pydantic import SecretStr
from sqlalchemy import insert, select

from agent.contracts import (
    Answer,
    AnswerKind,
    Category,
    Example,
    FeedbackKind,
    GuildId,
    MemberId,
    Passage,
    PassageId,
    Quote,
    Route,
    RouteDecision,
    Slug,
    Source,
    SourceId,
    SourceKind,
)
from agent.database import tables
from agent.ids import new_id
from agent.journal.positions import next_position
from agent.privacy.consents import Consents
from agent.routing.memory import MEMORY_FILE, RoutingMemory
from agent.runtime import Stores, open_stores
from agent.serving.served import Task
from agent.settings import Settings
from tests.agent.journal.episodes import an_episode, an_event
from tests.agent.knowledge.passages import HOME, NEW_SPEC, SPEC, WORK, a_vector
from tests.servers.weaviate import WeaviateServer
from tuning.datasets.store import DatasetStore
from tuning.datasets.version import build
from tuning.labels.label import Label, Polarity
from tuning.registry.events import Act, write_event

WORD: Final = "zqxsecret"
"""In everything that the member said; also in their id and in the vectors of routing."""
MEMBER: Final = MemberId(f"{WORD}-id")
ENTRY: Final = f"{WORD}-entry"
OTHER: Final = MemberId("other")
POOL: Final = Slug("pool")
NOON: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
Kind = FeedbackKind


def settings_over(folder: Path, **changes: Any) -> Settings:
    if "database_url" in changes:
        changes["database_url"] = SecretStr(changes["database_url"])
    return Settings(data_dir=folder, threads=1, log_text=True).model_copy(update=changes)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Stores]:
    async with open_stores(settings) as stores:
        yield stores


async def plant(stores: Stores, guild: GuildId = HOME, member: MemberId = MEMBER, word: str = WORD) -> None:
    """Leave something of `member`, with `word` in it, wherever something of members is kept."""
    await stores.catalog.create_guild(guild)
    await stores.catalog.put_category(guild, Category(slug=POOL, name="Pool"))
    await _plant_knowledge(stores, guild, member, word)
    await _plant_journal(stores, guild, member, word)
    asked = Example(question=f"own {word}?", category=POOL, origin="correction", asker=member, teacher=OTHER)
    taught = Example(question="whose label?", category=POOL, origin="correction", asker=OTHER, teacher=member)
    kept = Example(question="kept?", category=POOL)
    await stores.catalog.put_examples(guild, [asked, taught, kept])
    await Consents(stores.database, stores.settings).set(guild, member, False, NOON)
    await _plant_decisions(stores, guild, member, word)
    await _plant_tuning(stores, guild, member, word)
    await _plant_bot(stores, guild, member, word)
    await _plant_history(stores, guild, member, word)
    memory = RoutingMemory(stores.settings.data_dir / MEMORY_FILE)
    vectors = {asked.question: _marked(word), kept.question: np.ones(4, np.float32)}
    memory.remember(guild, "maker", vectors)
    logs = stores.settings.data_dir / "logs"
    logs.mkdir(exist_ok=True)
    for name in ("lorekeeper.log", "lorekeeper.log.1"):
        (logs / name).write_text(f"somebody asked {word}\n")


def _marked(word: str) -> Any:
    return np.frombuffer(word.encode().ljust(16), np.float32)


def a_source(guild: GuildId, id_: str, **changes: Any) -> Source:
    values: dict[str, Any] = {
        "id": SourceId(id_),
        "guild": guild,
        "uri": f"entry:{id_}",
        "kind": SourceKind.ENTRY,
        "title": id_,
        "content_hash": "0" * 64,
        "category": POOL,
        "added_at": NOON,
    }
    return Source(**values | changes)


async def put(stores: Stores, source: Source, text: str, *passages: Passage) -> None:
    """Passages first, as an ingest does it, in both indexes."""
    for spec in (SPEC, NEW_SPEC):
        version = (await stores.store.open_index(spec)).name
        vectors = {passage.id: a_vector(passage.text) for passage in passages}
        await stores.store.put_source(source.guild, source.id, passages, vectors, version=version)
    await stores.catalog.put_source(source, text)


def a_passage(source: Source, ordinal: int, text: str, start: int = 0, **changes: Any) -> Passage:
    passage = Passage(
        id=PassageId(f"{source.id}/{ordinal}"),
        guild=source.guild,
        source=source.id,
        ordinal=ordinal,
        title=source.title,
        location="",
        text=text,
        start=start,
        end=start + len(text),
        kind=source.kind,
        category=source.category,
        visibility=source.visibility,
        author=source.author,
        author_name=source.author_name,
    )
    return replace(passage, **changes)


async def _plant_knowledge(stores: Stores, guild: GuildId, member: MemberId, word: str) -> None:
    entry = a_source(guild, ENTRY, title=f"{word} title", author=member, author_name=f"{word} name")
    await put(stores, entry, f"{word} told", a_passage(entry, 0, f"{word} told"))
    manual = a_source(guild, "manual", kind=SourceKind.FILE, uri="/manual.md", author=member)
    await put(stores, manual, "press twice", a_passage(manual, 0, "press twice"))
    private = a_source(guild, "private", visibility=f"member:{member}")
    await put(stores, private, f"{word} alone", a_passage(private, 0, f"{word} alone"))
    talk = a_source(guild, "talk", kind=SourceKind.CHANNEL)
    text = f"before\n{word} said\nafter"
    theirs = {"author": member, "author_name": f"{word} name"}
    await put(
        stores,
        talk,
        text,
        a_passage(talk, 0, "before", 0),
        a_passage(talk, 1, f"{word} said", 7, **theirs),
        a_passage(talk, 2, "after", text.index("after")),
    )
    # Folded into the same files as what goes.
    await stores.store.optimize()


def a_quote(source: str, passage: str, text: str, author_name: str = "") -> Quote:
    return Quote(
        text=text,
        number=1,
        passage=PassageId(passage),
        source=SourceId(source),
        title="",
        location="",
        start=0,
        end=len(text),
        author_name=author_name,
    )


def a_route(*examples: Example) -> Route:
    return Route(
        scores=(),
        out_of_scope=0.0,
        decision=RouteDecision.UNFILTERED,
        categories=(),
        model_asked=False,
        reason="",
        examples=examples,
    )


async def _plant_journal(stores: Stores, guild: GuildId, member: MemberId, word: str) -> None:
    said = Answer(text=f"“{word} told” [1]", kind=AnswerKind.EXTRACTIVE)
    own = an_episode(guild=guild, member=member, question=f"own {word}?", answer=said)
    quoting = an_episode(
        guild=guild,
        member=OTHER,
        question="what was told?",
        evidence=((PassageId(f"{ENTRY}/0"), 0.9), (PassageId("talk/0"), 0.1)),
        route=a_route(
            Example(question=f"own {word}?", category=POOL), Example(question="kept?", category=POOL)
        ),
        answer=replace(
            said, quotes=(a_quote(ENTRY, f"{ENTRY}/0", f"{word} told"), a_quote("talk", "talk/0", "before"))
        ),
    )
    summary = Answer(
        text=f"“{word} aloud”",
        kind=AnswerKind.SUMMARY,
        quotes=(a_quote("", "turn:0", f"{word} aloud", f"{word} name"),),
    )
    summed_up = an_episode(guild=guild, member=OTHER, question="sum it up", evidence=(), answer=summary)
    apart = an_episode(guild=guild, member=OTHER, question="something else?")
    for episode in (own, quoting, summed_up, apart):
        await stores.journal.record(episode)
    for event in (
        an_event(own, Kind.COMMENT, {"text": f"about {word}"}, member=OTHER),
        an_event(quoting, Kind.VOTE, {"vote": 1}, member=OTHER),
        an_event(quoting, Kind.COMMENT, {"text": f"{word} comments"}, member=member),
        an_event(apart, Kind.CORRECTION, {"answer": f"{word} knows"}, member=member),
    ):
        await stores.journal.add_feedback(event)


async def _plant_decisions(stores: Stores, guild: GuildId, member: MemberId, word: str) -> None:
    """By the member, of their question, and with their words as evidence; and one that stays."""
    (own,) = (each for each in await stores.journal.episodes(guild) if each.member == member)
    quoting = {"passage": f"{ENTRY}/0", "source": ENTRY, "sha256": "0"}
    planted = (
        (member, None, {"answer": word, "seen": [OTHER], "evidence": []}),
        (OTHER, own.id, {"answer": f"about {word}", "evidence": []}),
        (OTHER, None, {"answer": f"{word} told", "evidence": [quoting]}),
        (OTHER, None, {"answer": "kept", "evidence": []}),
    )
    async with stores.database.write() as connection:
        for by, episode, body in planted:
            row = {"guild": guild, "id": new_id(), "item": "i", "episode": episode, "member": by, "at": NOON}
            row |= {"act": "correct", "body": body}
            row["position"] = await next_position(stores.database, connection, guild)
            await connection.execute(insert(tables.decisions), row)


async def _plant_tuning(stores: Stores, guild: GuildId, member: MemberId, word: str) -> None:
    """A version with the member's question, one that their words answer, and one that stays; an adapter,
    which they promoted, and the rows that it was trained on.
    """
    told = {"task": Task.ANSWER, "category": None, "answer": f"{word} told"}
    labels = (
        a_label(guild, f"own {word}?", member),
        replace(a_label(guild, "what was told?", OTHER), **told, evidence=(PassageId(f"{ENTRY}/0"),)),
        a_label(guild, "kept?", OTHER),
    )
    for task in Task:
        version = build(labels, task, threads={}, before={}, salt=guild)
        await DatasetStore(stores.database).save(guild, version, at=NOON)
    adapter = new_id()
    row = {"guild": guild, "id": adapter, "task": "answer", "made_at": NOON, "body": {"dataset": version.id}}
    async with stores.database.write() as connection:
        await connection.execute(insert(tables.adapters), row)
        await write_event(connection, guild, adapter, Act.PROMOTED, at=NOON, member=member)
        about = {"asked": member}
        await write_event(connection, guild, adapter, Act.REFUSED, at=NOON, member=OTHER, detail=about)
    run = stores.settings.data_dir / "tuning" / guild / "runs" / "r"
    run.mkdir(parents=True, exist_ok=True)
    (run / "train.jsonl").write_text(f'{{"question": "own {word}?"}}\n')
    (run / "metrics.jsonl").write_text('{"loss": 1.0}\n')


def a_label(guild: GuildId, question: str, member: MemberId) -> Label:
    return Label(
        guild=guild,
        task=Task.ROUTE,
        group=question,
        question=question,
        language="en",
        category=POOL,
        polarity=Polarity.POSITIVE,
        weight=1.0,
        rule="",
        rule_version=1,
        episodes=(),
        events=(),
        members=(member,),
    )


async def _plant_bot(stores: Stores, guild: GuildId, member: MemberId, word: str) -> None:
    base = 1000 if guild == HOME else 2000
    entry = {"guild": guild, "message": base + 3, "entry": ENTRY}
    answer = {"guild": guild, "message": base, "channel": 1, "question": 2, "episode": "e", "member": member}
    question = {
        "guild": guild,
        "question": base + 1,
        "channel": 1,
        "member": member,
        "placeholder": None,
        "asked_at": NOON,
        "done": False,
    }
    command = {
        "guild": guild,
        "interaction": base + 1,
        "channel": 1,
        "member": member,
        "token": "t",
        "private": True,
        "placeholder": None,
        "text": f"{word} what nobody answered yet",
        "category": None,
        "intent": None,
        "locale": "en",
    }
    audit = {"guild": guild, "at": NOON, "action": "role give"}
    own = audit | {"id": new_id(), "member": member, "detail": {"role": 7}}
    about = audit | {"id": new_id(), "member": OTHER, "detail": {"to": [member]}}
    async with stores.database.write() as connection:
        await connection.execute(insert(tables.bot_entries), entry)
        await connection.execute(insert(tables.bot_answers), answer)
        await connection.execute(insert(tables.bot_questions), question)
        await connection.execute(insert(tables.bot_commands), command)
        await connection.execute(insert(tables.bot_audit), [own, about])
        await connection.execute(stores.database.upsert(tables.bot_homes), {"member": member, "guild": guild})


async def _plant_history(stores: Stores, guild: GuildId, member: MemberId, word: str) -> None:
    """A conversation that the member opened, another's answer in it, and a thread that they named."""
    base = 3000 if guild == HOME else 4000
    opened = a_source(guild, f"chat-{guild}", kind=SourceKind.CHANNEL, title=f"{word} asks")
    answer = a_passage(opened, 0, "the answer", author=OTHER, author_name="other")
    await put(stores, opened, "the answer", answer)
    place = {
        "guild": guild,
        "channel": base,
        "visibility": "channel:1",
        "location": "#pool",
        "category": None,
        "run": "",
        "done": True,
        "floor": 0,
        "read_to": base,
        "checked": 0,
        "check_to": 0,
    }
    channel = place | {"place": base, "thread": False, "title": "", "member": None}
    thread = place | {"place": base + 1, "thread": True, "title": f"{word} post", "member": member}
    talk = {"guild": guild, "place": base, "source": opened.id, "last": base + 3, "stale": 0}
    said = {"guild": guild, "place": base, "conversation": base + 2}
    asks = said | {"message": base + 2, "member": member, "name": f"{word} name", "words": f"{word} asks"}
    answers = said | {"message": base + 3, "member": OTHER, "name": "other", "words": "the answer"}
    async with stores.database.write() as connection:
        # Who comes back finds what the others said, and the places.
        upsert = stores.database.upsert
        await connection.execute(upsert(tables.bot_places, ("title", "member")), [channel, thread])
        await connection.execute(upsert(tables.bot_conversations), talk | {"conversation": base + 2})
        await connection.execute(upsert(tables.bot_messages), [asks, answers])


async def rows_with(stores: Stores, word: str) -> dict[str, list[str]]:
    """Every row of every table in which the word stands, compressed or not."""
    found: dict[str, list[str]] = {}
    async with stores.database.read() as connection:
        for table in tables.metadata.sorted_tables:
            for row in (await connection.execute(select(table))).mappings():
                text = json.dumps({name: _readable(value) for name, value in row.items()}, default=str)
                if word in text:
                    found.setdefault(table.name, []).append(text)
    return found


def _readable(value: Any) -> Any:
    return zlib.decompress(value).decode() if isinstance(value, bytes) else value


async def passages_with(stores: Stores, guild: GuildId, word: str) -> set[str]:
    """Passages of any index in which the word stands, looked for by every way that the store has."""
    found: set[str] = set()
    for version in await stores.store.versions():
        for source in (ENTRY, "manual", "private", "talk", f"chat-{guild}"):
            passages = await stores.store.passages_of(guild, SourceId(source), version=version.name)
            found |= {passage.id for passage in passages if word in repr(passage)}
    names = await stores.store.author_names(guild, frozenset({"guild", f"member:{MEMBER}"}))
    return found | {name for name in names if word in name}


def files_with(folder: Path, word: str) -> list[Path]:
    """Files whose bytes hold the word, in the encoding of the database or of its JSON."""
    return [path for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


ALL_GUILDS: Final = (HOME, WORK)


def objects_with(server: WeaviateServer, alias: str, word: str) -> list[str]:
    """Objects of a Weaviate under an alias, asked for without our own code, whether a search finds them."""
    found: list[str] = []
    with httpx.Client(base_url=f"{server.url}/v1", trust_env=False) as client:
        classes = [one["class"] for one in client.get("/schema").json()["classes"]]
        for name in (each for each in classes if each.startswith(alias)):
            for tenant in client.get(f"/schema/{name}/tenants").json():
                query = {"class": name, "tenant": tenant["name"], "limit": 100}
                objects = client.get("/objects", params=query).json()["objects"]
                found += [str(one) for one in objects if word in str(one)]
    return found
