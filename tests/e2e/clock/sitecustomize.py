"""On a service's path, its prediction log believes that it is so many seconds later as the file STORY_CLOCK says."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

if "STORY_CLOCK" in os.environ:
    from weighlock.monitoring import log_record

    def _later() -> str:
        seconds = float(Path(os.environ["STORY_CLOCK"]).read_text())
        return log_record.stamp(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds))

    log_record.now = _later
