"""A query on a real PostgreSQL as the source, and what is said when it does not answer."""

from __future__ import annotations

from conftest import Project, small_table
from sqlalchemy import create_engine

QUERY = "SELECT * FROM parts WHERE made::date BETWEEN :start AND :end"


def test_a_query_is_the_source(small: Project, postgres: str) -> None:
    small.run("weighlock", "stage", "ingest")
    from_file = {p.name: p.read_bytes() for p in (small.path / "data/raw").iterdir()}
    url = postgres.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    small_table()[::-1].to_sql("parts", engine, index=False)  # a database promises no order
    engine.dispose()
    params = small.path / "params.yaml"
    source = f'{{sql: {{url_env: PARTS_URL, query: "{QUERY}", timeout_seconds: 5}}}}'
    params.write_text(params.read_text().replace("{files: mine.csv}", source))

    small.run("weighlock", "stage", "ingest", PARTS_URL=url)
    refused = small.run("weighlock", "stage", "ingest", code=2, PARTS_URL=url.replace("weighlock:", "nobody:", 1))

    assert {p.name: p.read_bytes() for p in (small.path / "data/raw").iterdir()} == from_file
    assert "gave no rows: " in refused.stderr
    assert "password authentication failed" in refused.stderr
    assert "s3cret" not in refused.stderr
