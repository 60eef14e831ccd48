from collections.abc import Sequence
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from agent.database import engine as engine_module
from agent.database import schema
from agent.database.engine import Database, open_database
from agent.database.schema import HEAD, MIGRATIONS
from agent.database.tables import key_of, metadata
from agent.errors import StoreError
from tests.agent.database.processes import finish, start

_OPEN_TOGETHER = """
import asyncio, sys
from agent.database.engine import open_database

async def main() -> None:
    database = await open_database(sys.argv[1])
    await database.close()

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main())
"""

_MODULES_OF_A_SECOND_START = """
import asyncio, sys
from agent.database.engine import open_database

async def main() -> None:
    database = await open_database(sys.argv[1])
    await database.close()

asyncio.run(main())
print("alembic" in sys.modules)
"""


def _driver_url(address: str) -> str:
    if "://" in address:
        return address.replace("postgresql://", "postgresql+asyncpg://")
    return f"sqlite+aiosqlite:///{address}"


async def _run(address: str, *statements: str) -> list[Sequence[object]]:
    """Run SQL outside of our own code; return the rows of the last statement."""
    engine = create_async_engine(_driver_url(address))
    rows: list[Sequence[object]] = []
    async with engine.begin() as connection:
        for statement in statements:
            result = await connection.exec_driver_sql(statement)
            rows = [tuple(row) for row in result] if result.returns_rows else []
    await engine.dispose()
    return rows


async def test_migrations_and_tables_agree(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


def test_migrations_and_tables_agree_on_what_alembic_does_not_compare(tmp_path: Path) -> None:
    """Keys, and what foreign keys do ON UPDATE and ON DELETE."""

    def shape(path: Path) -> dict[str, object]:
        engine = create_engine(f"sqlite:///{path}")
        if not path.exists():
            metadata.create_all(engine)
        found = inspect(engine)
        tables = {
            name: (
                found.get_pk_constraint(name),
                sorted(found.get_foreign_keys(name), key=str),
                [(column["name"], column["nullable"]) for column in found.get_columns(name)],
            )
            for name in metadata.tables
        }
        engine.dispose()
        return tables

    finish(start(_MODULES_OF_A_SECOND_START, tmp_path / "migrated.db"))

    assert shape(tmp_path / "migrated.db") == shape(tmp_path / "made.db")


def test_head_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_processes_that_start_at_once_upgrade_once(database_address: str) -> None:
    processes = [start(_OPEN_TOGETHER, database_address) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    for process in processes:
        finish(process)
    assert await _run(database_address, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_start_with_nothing_to_upgrade_does_not_import_alembic(database_address: str) -> None:
    assert finish(start(_MODULES_OF_A_SECOND_START, database_address)) == "True\n"
    assert finish(start(_MODULES_OF_A_SECOND_START, database_address)) == "False\n"


async def test_what_the_first_schema_kept_stays_in_its_order(
    database_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "HEAD", "0001")
        patch.setattr(engine_module, "HEAD", "0001")
        await (await open_database(database_address)).close()
    episode = "INSERT INTO episodes VALUES ('home', '{}', 'ana', '2026-11-22 12:00:00', 'ask', '', '{{}}')"
    vote = "INSERT INTO feedback VALUES ('home', '{}', 'e1', 'ana', '2026-11-22 12:0{}:00', 'vote', '{{}}')"
    await _run(
        database_address,
        *(episode.format(id_) for id_ in ("e2", "e1")),
        *(vote.format(id_, minute) for id_, minute in (("f1", 2), ("f2", 1), ("f3", 3))),
    )

    await (await open_database(database_address)).close()

    order = "SELECT id, position FROM {} ORDER BY position"
    assert await _run(database_address, order.format("episodes")) == [("e1", 1), ("e2", 2)]
    assert await _run(database_address, order.format("feedback")) == [("f2", 1), ("f1", 2), ("f3", 3)]
    assert await _run(database_address, "SELECT * FROM journal_positions") == [("home", 3)]
    with pytest.raises(DBAPIError, match="append-only"):
        await _run(database_address, "UPDATE feedback SET value = ''")


async def test_examples_learnt_before_are_traced_to_their_members(
    database_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for module in (schema, engine_module):
            patch.setattr(module, "HEAD", "0003")
        await (await open_database(database_address)).close()
    example = "INSERT INTO examples VALUES ('home', '{}', '{}', 'pool', '{}')"
    keys = {text: key_of(text) for text in ("the pump?", "the filter?", "imported?")}
    await _run(
        database_address,
        "INSERT INTO guilds VALUES ('home', 1)",
        "INSERT INTO categories VALUES ('home', 'pool', 'Pool', '')",
        "INSERT INTO episodes VALUES ('home', 'e1', 'ana', '2026-11-22 12:00:00', 'ask', '', "
        """'{"question": "the  pump?"}', 1)""",
        *(
            f"INSERT INTO feedback VALUES ('home', '{id_}', 'e1', '{member}', '2026-11-22 12:00:00', "
            f"""'correction', '{{"{field}": "pool"}}', {position})"""
            for id_, member, field, position in (
                ("f1", "ben", "category", 2),
                ("f2", "cleo", "category", 3),
                ("f3", "dan", "answer", 4),
            )
        ),
        *(
            example.format(keys[text], text, origin)
            for text, origin in (
                ("the pump?", "correction"),
                ("the filter?", "correction"),
                ("imported?", "import"),
            )
        ),
    )

    await (await open_database(database_address)).close()

    found = await _run(database_address, "SELECT question, asker, teacher FROM examples ORDER BY question")
    assert found == [("imported?", None, None), ("the filter?", None, None), ("the pump?", "ana", "cleo")]
    assert await _run(database_address, "SELECT DISTINCT role FROM feedback") == [("member",)]
    with pytest.raises(DBAPIError, match="append-only"):
        await _run(database_address, "UPDATE feedback SET role = 'admin'")


async def test_what_served_before_categories_did_serves_all_questions(
    database_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for module in (schema, engine_module):
            patch.setattr(module, "HEAD", "0011")
        await (await open_database(database_address)).close()
    await _run(
        database_address,
        "INSERT INTO guilds VALUES ('home', 1)",
        "INSERT INTO serving VALUES ('home', 'answer', '{}')",
    )

    await (await open_database(database_address)).close()

    found = await _run(database_address, "SELECT guild, task, category, body FROM serving")
    assert found == [("home", "answer", "", "{}")]
    await _run(database_address, "INSERT INTO serving VALUES ('home', 'answer', 'pool', '{}')")
    with pytest.raises(DBAPIError):
        await _run(database_address, "INSERT INTO serving VALUES ('home', 'answer', 'pool', '{}')")


async def test_a_newer_database_is_refused_and_left_alone(database_address: str) -> None:
    await (await open_database(database_address)).close()
    await _run(database_address, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreError, match="newer Lorekeeper") as refused:
        await open_database(database_address)

    assert "Update Lorekeeper" in refused.value.hint
    assert await _run(database_address, "SELECT version_num FROM alembic_version") == [("9999",)]


async def test_an_upgrade_that_fails_leaves_nothing_behind(database_address: str) -> None:
    await _run(database_address, "CREATE TABLE feedback (of_another_program TEXT)")

    with pytest.raises(StoreError, match=r'feedback"? already exists'):
        await open_database(database_address)

    engine = create_async_engine(_driver_url(database_address))
    async with engine.connect() as connection:
        assert await connection.run_sync(lambda one: inspect(one).get_table_names()) == ["feedback"]
    await engine.dispose()
