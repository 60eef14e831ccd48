"""One SQL database for catalog and journal: engine, tables, migrations.

Importing `agent.database.engine` imports SQLAlchemy (about half a second): a program that may end without
a database imports it late. Alembic is imported only when a schema has to be brought up to date.
"""
