"""The errors that a user can do something about, and their exit codes.

::

    WeighlockError                  2   bad configuration, bad input or missing evidence
    ├── ConfigError                     a key of params.yaml, schema.yaml or libraries.yaml
    ├── DataError                       rows, columns or files of the user's data
    ├── SourceError                     where data come from does not answer
    ├── EvidenceError                   a file that should be there is missing, torn or of another model
    │   └── NothingToWeigh              challenger and champion are the same; 0 for a retraining without new rows
    ├── ModelError                      a model that cannot be trained, exported or trusted
    ├── RepositoryError                 a branch, index, working tree or remote that is not as a commit needs it
    ├── StorageError                    a disk or remote that cannot be written
    ├── TrackingError                   MLflow does not answer, or refuses
    └── GitHubError                     GitHub does not answer, or refuses

Anything else that is raised is a defect of ours: it keeps its traceback and exits with 1.
A message says what happened (naming the file, key, column or row), why, and what to do next.
"""

from __future__ import annotations


class WeighlockError(Exception):
    """Something that the user can mend; `main` prints it without a traceback."""

    exit_code = 2


class ConfigError(WeighlockError):
    """A key of a configuration file is unknown, missing or wrong."""


class DataError(WeighlockError):
    """Rows, columns or files of the user's data are not what they should be."""


class SourceError(WeighlockError):
    """Where the data come from raised or did not answer."""


class EvidenceError(WeighlockError):
    """A file that should prove something is missing, torn or of another model."""


class NothingToWeigh(EvidenceError):  # noqa: N818  (a finding as much as an error)
    """Challenger and champion are one model.

    Attributes:
        nothing_new: the champion is a revision or release with this very model and holdout: a retraining without new
            rows, which is no mistake of anyone's, so that it exits with 0.
    """

    def __init__(self, message: str, *, nothing_new: bool = False) -> None:
        super().__init__(message)
        self.nothing_new = nothing_new
        self.exit_code = 0 if nothing_new else 2


class ModelError(WeighlockError):
    """A model cannot be trained, exported or trusted."""


class RepositoryError(WeighlockError):
    """Git's branch, index, working tree or remote is not as a commit needs it; none of them was changed."""


class StorageError(WeighlockError):
    """A file cannot be written; nothing was changed."""


class TrackingError(WeighlockError):
    """MLflow, where results are tracked, does not answer or refuses; nothing but it is touched."""


class GitHubError(WeighlockError):
    """GitHub does not answer, or refuses.

    Attributes:
        status: of its answer; None where there was none.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
