import asyncpg

from tests.servers.postgres import PostgresServer


async def test_a_database_keeps_its_rows_over_a_restart(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE TABLE kept (fact text)")
    await connection.execute("INSERT INTO kept VALUES ('the pump is new')")
    await connection.close()

    postgres_server.restart()

    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("SELECT fact FROM kept") == "the pump is new"
    await connection.close()
