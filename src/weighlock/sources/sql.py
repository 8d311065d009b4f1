"""A source that is a query; the database's address comes from the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pandas as pd

from weighlock.errors import SourceError

if TYPE_CHECKING:
    import datetime as dt

    from weighlock.params import Sql

# How each driver is told to give up; others keep their own default.
_TIMEOUTS = {"postgresql": "connect_timeout", "mysql": "connect_timeout", "mariadb": "connect_timeout"}


def load_sql(sql: Sql, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
    """The rows of the query; `:start` and `:end` in it are bound to the window's days.

    Raises:
        SourceError: the address is not set or not valid, the database does not answer, or the query fails.
            No message holds the password.
    """
    import sqlalchemy as sa

    address = os.environ.get(sql.url_env)
    if not address:
        raise SourceError(f"the environment variable `{sql.url_env}` (`data.source.sql.url_env`) is not set.")
    try:
        url = sa.make_url(address)
    except sa.exc.ArgumentError:
        raise SourceError(f"`{sql.url_env}` is not a SQLAlchemy URL such as postgresql+psycopg://…") from None
    where = url.render_as_string(hide_password=True)
    options: dict[str, Any] = {}
    if option := _TIMEOUTS.get(url.get_backend_name()):
        options["connect_args"] = {option: sql.timeout_seconds}
    query = sa.text(sql.query)
    wanted = query.compile().params
    binds = {name: value for name, value in (("start", start), ("end", end)) if name in wanted}
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool, **options)
        with engine.connect() as connection:
            result = connection.execute(query, binds)
            return pd.DataFrame(result.fetchall(), columns=list(result.keys()))
    except (sa.exc.SQLAlchemyError, ImportError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        if url.password:
            reason = reason.replace(str(url.password), "***")
        raise SourceError(
            f"the database `{where}` gave no rows: {reason}. "
            f"Check `{sql.url_env}` and `data.source.sql`, then try again."
        ) from error
