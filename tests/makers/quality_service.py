# SPDX-License-Identifier: GPL-2.0-or-later
"""Services of pair quality with values that can be told in advance, from the day alone."""

from __future__ import annotations

from datetime import date, timedelta

from insarhub_qgis.sandbox.server import Answer, Service

#: Days of the standard product of fires.
STANDARD_FROM, STANDARD_UNTIL = date(2012, 1, 20), date(2018, 6, 30)


def rain_mm(day: date) -> float:
    return float(day.toordinal() % 7)


def air_c(day: date, hour: int) -> float:
    return day.toordinal() % 5 - 2.0 + hour / 10.0


def ndvi_raw(day: date) -> int:
    return 2000 + day.timetuple().tm_yday * 10


class PredictableService(Service):
    """Weather, vegetation and fire.

    Attributes
    ----------
    archive_until
        Later days are null in the archive.
    today
        Of the forecast.
    fires
        Rows (day, latitude, longitude, confidence).
    """

    def __init__(self, archive_until: date = date(2030, 1, 1), today: date = date(2030, 1, 1)) -> None:
        self.archive_until = archive_until
        self.today = today
        self.fires: list[tuple[date, float, float, str]] = []

    def routes(self):
        return (
            ("GET", "/v1/archive", self.archive),
            ("GET", "/v1/forecast", self.forecast),
            ("GET", "/rst/api/v1/MOD13Q1/subset", self.vegetation),
            ("GET", r"/api/data_availability/csv/([^/]+)/([^/]+)", self.availability),
            ("GET", r"/api/area/csv/([^/]+)/([^/]+)/([^/]+)/(\d+)/([^/]+)", self.fire),
        )

    def archive(self, request):
        query = dict(request.query)
        first, last = (date.fromisoformat(query[name]) for name in ("start_date", "end_date"))
        return self._weather(query, first, last, self.archive_until)

    def forecast(self, request):
        query = dict(request.query)
        first = self.today - timedelta(days=int(query["past_days"]))
        return self._weather(query, first, self.today, self.today)

    def _weather(self, query, first, last, until):
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        hours = [(day, hour) for day in days for hour in range(24)]
        answer = {
            "daily": {
                "time": [day.isoformat() for day in days],
                "precipitation_sum": [rain_mm(day) if day <= until else None for day in days],
            },
            "hourly": {
                "time": [f"{day.isoformat()}T{hour:02d}:00" for day, hour in hours],
                "temperature_2m": [air_c(*moment) if moment[0] <= until else None for moment in hours],
                "soil_temperature_0_to_7cm": [5.0 if day <= until else None for day, _ in hours],
                "snow_depth": [0.0 if day <= until else None for day, _ in hours],
            },
        }
        count = len(query["latitude"].split(","))
        return Answer.of_json([answer] * count if count > 1 else answer)

    def vegetation(self, request):
        query = dict(request.query)
        first, last = (
            date(int(query[name][1:5]), 1, 1) + timedelta(days=int(query[name][5:]) - 1)
            for name in ("startDate", "endDate")
        )
        starts = [
            date(year, 1, 1) + timedelta(days=offset)
            for year in range(first.year, last.year + 1)
            for offset in range(0, 365, 16)
        ]
        days = [day for day in starts if first <= day <= last]
        assert len(days) <= 10, "the service refuses longer lists"
        rows = [{"modis_date": f"A{day:%Y%j}", "data": [ndvi_raw(day)]} for day in days]
        return Answer.of_json({"subset": rows})

    def availability(self, request):
        line = f"{request.match.group(2)},{STANDARD_FROM},{STANDARD_UNTIL}"
        return Answer.of_text(f"data_id,min_date,max_date\n{line}\n")

    def fire(self, request):
        _, product, area, count, start = request.match.groups()
        west, south, east, north = (float(value) for value in area.split(","))
        assert int(count) <= 5
        first = date.fromisoformat(start)
        last = first + timedelta(days=int(count) - 1)
        if product.endswith("_SP"):
            last = min(last, STANDARD_UNTIL)
        rows = [
            f"{y},{x},{day},{confidence}"
            for day, y, x, confidence in self.fires
            if first <= day <= last and west <= x <= east and south <= y <= north
        ]
        return Answer.of_text("\n".join(["latitude,longitude,acq_date,confidence", *rows]) + "\n")
