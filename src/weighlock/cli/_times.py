"""Times that options name."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from weighlock.errors import ConfigError


def present(text: str | None, timezone: str = "UTC") -> dt.datetime:
    """What `--at` calls the present; where it is not given, the clock does.

    Raises:
        ConfigError: it is no time.
    """
    return time_of(text, "--at", timezone) if text else dt.datetime.now(dt.UTC)


def time_of(text: str, option: str, timezone: str = "UTC") -> dt.datetime:
    """A time with its zone.

    Args:
        text: in ISO 8601.
        option: that names it, for the message.
        timezone: of one that says none.

    Raises:
        ConfigError: it is none.
    """
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"`{option} {text}` is no time such as 2026-01-31 or 2026-01-31T05:15Z.") from None
    return time if time.tzinfo else time.replace(tzinfo=ZoneInfo(timezone))
