"""One SQL database for catalog and journal: engine, tables, migrations."""
