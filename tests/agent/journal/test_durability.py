"""What was accepted is kept: against kill -9, other processes, a limit on the file, our own statements."""

import json
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from agent.contracts import FeedbackKind
from agent.database.engine import Database, open_database
from agent.database.tables import episodes, feedback
from agent.errors import StoreError
from agent.journal.protocol import Journal
from agent.journal.sql import SqlJournal
from tests.agent.database.processes import finish, start
from tests.agent.journal.episodes import HOME, NOON, an_episode, an_event

_RECORD = """
import asyncio, sys
from agent.database.engine import open_database
from agent.journal.sql import SqlJournal
from tests.agent.journal.episodes import an_episode

async def record(journal: SqlJournal, count: int) -> None:
    for _ in range(count):
        episode = an_episode(question="x" * 5000)
        await journal.record(episode)
        print(episode.id, flush=True)

async def main(path: str, tasks: int, count: int) -> None:
    database = await open_database(path)
    await asyncio.gather(*(record(SqlJournal(database), count) for _ in range(tasks)))
    await database.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""

_RECORD_UNTIL_REFUSED = """
import asyncio, json, resource, sys
from pathlib import Path
from agent.database.engine import open_database
from agent.errors import StoreError
from agent.journal.sql import SqlJournal
from tests.agent.journal.episodes import an_episode

async def main(path: str) -> None:
    journal = SqlJournal(await open_database(path))
    limit = max(file.stat().st_size for file in Path(path).parent.iterdir()) + 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    recorded = []
    try:
        while len(recorded) < 1000:
            episode = an_episode(question="x" * 5000)
            await journal.record(episode)
            recorded.append(episode.id)
    except StoreError as error:
        print(json.dumps({"recorded": recorded, "message": str(error), "hint": error.hint}))

asyncio.run(main(sys.argv[1]))
"""


async def _recorded(address: str | Path) -> set[str]:
    database = await open_database(address)
    found = await SqlJournal(database).episodes(HOME, limit=10_000)
    await database.close()
    return {episode.id for episode in found}


async def test_what_was_recorded_survives_kill_9(database_address: str) -> None:
    process = start(_RECORD, database_address, "3", "100000")
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(50)]
    process.kill()
    rest, _errors = process.communicate(timeout=60)
    said += [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]

    recorded = await _recorded(database_address)
    assert {line.strip() for line in said} <= recorded
    assert len(recorded) <= len(said) + 3


async def test_processes_that_record_at_once_lose_nothing(database_address: str) -> None:
    processes = [start(_RECORD, database_address, "4", "15") for _ in range(3)]
    said = [line for process in processes for line in finish(process).split()]

    assert len(said) == 3 * 4 * 15
    assert await _recorded(database_address) == set(said)


async def test_a_disk_that_refuses_more_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lorekeeper.db"
    told = json.loads(finish(start(_RECORD_UNTIL_REFUSED, path)))

    assert told["recorded"]
    assert "lorekeeper.db" in told["message"]
    assert "space" in told["hint"]
    assert await _recorded(path) == set(told["recorded"])


@pytest.mark.parametrize("table", [episodes, feedback], ids=str)
async def test_what_happened_cannot_be_rewritten(database: Database, journal: Journal, table: object) -> None:
    episode = an_episode()
    event = an_event(episode, FeedbackKind.VOTE, {"vote": 1})
    await journal.record(episode)
    await journal.add_feedback(event)

    async def rewrite() -> None:
        async with database.write() as connection:
            await connection.execute(update(table).values(member="mallory"))

    with pytest.raises(StoreError, match=f"{table} is append-only"):
        await rewrite()
    assert await journal.episodes(HOME) == (episode,)
    assert await journal.feedback(HOME) == (event,)


async def test_a_document_that_no_contract_allows_is_named(database: Database, journal: Journal) -> None:
    row = {"guild": HOME, "id": "e1", "member": "ana", "asked_at": NOON, "intent": "ask", "error_id": ""}
    async with database.write() as connection:
        await connection.execute(insert(episodes).values(row | {"position": 1, "body": {"question": 7}}))

    with pytest.raises(StoreError, match="Episode e1 cannot be read"):
        await journal.episodes(HOME)
