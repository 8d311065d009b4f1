"""How MLflow is reached: quietly, without minutes of retries, and with a message where it cannot be."""

from __future__ import annotations

import os
import re
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from weighlock.errors import TrackingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "MLFLOW_TRACKING_URI"
DEFAULT = "sqlite:///mlflow.db"
DATABASES = {"sqlite", "postgresql", "mysql", "mssql"}
CONNECT_SECONDS = 4
# How each driver is told to give up; others keep their own default.
_TIMEOUTS = {"postgresql": "connect_timeout", "mysql": "connect_timeout"}
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# MLflow's own defaults are seven retries of two minutes each. Whoever answers at all gets time to store a model.
_AT_THE_DOOR = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": str(CONNECT_SECONDS)}
_INSIDE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}


def tracking_uri(environ: Mapping[str, str]) -> str:
    """Where to track: `MLFLOW_TRACKING_URI`, or SQLite in the current folder."""
    return environ.get(VARIABLE, "").strip() or DEFAULT


def masked(text: str) -> str:
    """`text` without what may be a secret in an address: user and password, and the query."""
    return re.sub(r"\?\S+", "?***", re.sub(r"://\S*@", "://***@", text))


@contextmanager
def connected(uri: str) -> Iterator[Any]:
    """An `MlflowClient` of a server or database that has answered; MLflow is quiet for as long as it is used.

    What the user has set in the environment (retries, timeouts, log level) stays as it is.

    Raises:
        TrackingError: it does not answer, or refuses something; no message holds a password.
    """
    with warnings.catch_warnings(), _unless_set(_QUIET):
        warnings.simplefilter("ignore")  # they are for MLflow's developers
        import mlflow
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with _unless_set(_AT_THE_DOOR):
                if urlsplit(uri).scheme.split("+")[0] in DATABASES:
                    _knock(uri)
                mlflow.set_tracking_uri(uri)
                client = mlflow.MlflowClient(uri)
                client.search_experiments(max_results=1)
            with _unless_set(_INSIDE):
                yield client
        except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
            raise TrackingError(
                f"MLflow at `{masked(uri)}` cannot be used: {_reason(error)}. Nothing else was changed. Start it, "
                f"or mend `{VARIABLE}` (unset: SQLite in this folder); then run `weighlock track` again."
            ) from error


def _knock(uri: str) -> None:
    """Connect to a database once: MLflow would try ten times, in two minutes."""
    import sqlalchemy as sa

    url = sa.make_url(uri)
    backend = url.get_backend_name()
    if backend == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    options = {_TIMEOUTS[backend]: CONNECT_SECONDS} if backend in _TIMEOUTS else {}
    sa.inspect(sa.create_engine(url, poolclass=sa.NullPool, connect_args=options)).get_table_names()


def _reason(error: Exception) -> str:
    """The shortest true sentence about an error: that of the system, where there is one."""
    text = masked(str(getattr(error, "orig", None) or error))
    if system := re.search(r"\[Errno -?\d+\] ([\w ,]+)|Read (timed out)|(connection timeout|timed out)", text):
        return str(next(filter(None, system.groups())))
    return (text.splitlines() or [type(error).__name__])[0].strip(" .")


@contextmanager
def _unless_set(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for a while, where the user has set none."""
    missing = {k: v for k, v in values.items() if k not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for key in missing:
            os.environ.pop(key, None)
