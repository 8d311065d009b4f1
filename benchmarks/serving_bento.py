"""The same ONNX file behind plain `@bentoml.api`, for `bentoml serve benchmarks.serving_bento:Bento`."""

import os
from pathlib import Path
from typing import Any

import bentoml

from benchmarks.serving_rivals import MODEL, Plain

FOLDER = Path(os.environ[MODEL])
Row: Any = Plain(FOLDER).row_type()


@bentoml.service(workers=1)
class Bento:
    """One worker, whatever the machine has."""

    def __init__(self) -> None:
        self.plain = Plain(FOLDER)

    @bentoml.api  # type: ignore[untyped-decorator]
    async def predict(self, rows: list[Row]) -> list[float]:
        """Scores."""
        return self.plain.score([row.__dict__ for row in rows])
