"""The database: 34,006 cities, imported into a temporary file, and what is asked of them."""

from __future__ import annotations

import csv
import random
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sidelite

DATA = Path(__file__).parent.parent / "data"
FOUND_MAX = 8
LONELIEST_MAX = 12
LINE_CITIES = 100  # between two lines of a report

# What may be out at a time. More is refused, which is better than a queue that only grows.
REQUESTS_MAX = 1000
REPORTS_MAX = 4
TIMEOUT_S = 5
REPORT_TIMEOUT_S = 600  # also of a client that reads nothing of it

SCHEMA = """
    PRAGMA journal_mode = wal;
    PRAGMA synchronous = normal;
    CREATE TABLE country(code TEXT PRIMARY KEY, name TEXT, continent TEXT, capital TEXT, population INTEGER,
        currency TEXT, languages TEXT) STRICT;
    CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT, latitude REAL, longitude REAL,
        country TEXT REFERENCES country, admin1 TEXT, population INTEGER, timezone TEXT) STRICT;
    CREATE VIRTUAL TABLE city_search USING fts5(name, content = 'city', content_rowid = 'id', prefix = '1 2 3',
        tokenize = 'unicode61 remove_diacritics 2');
"""

RANDOM = """
    SELECT city.name, country.name AS country, city.population FROM city JOIN country ON country.code = city.country
    WHERE city.id >= ? * (SELECT max(id) FROM city) ORDER BY city.id LIMIT 1
"""

SEARCH = f"""
    SELECT city.name, country.name AS country, city.population
    FROM city_search(?) AS hit JOIN city ON city.id = hit.rowid JOIN country ON country.code = city.country
    ORDER BY city.population DESC LIMIT {FOUND_MAX}
"""

# Each city of a size with the next one of that size. Points on a sphere of radius 1 are the nearer, the larger their
# scalar product is: no index helps, and every pair is compared.
NEIGHBOURS = """
    WITH large AS MATERIALIZED (
        SELECT id, name, country, population, sin(radians(latitude)) AS z,
            cos(radians(latitude)) * cos(radians(longitude)) AS x, cos(radians(latitude)) * sin(radians(longitude)) AS y
        FROM city WHERE population >= ?
    ), pair AS (
        SELECT id, (SELECT id FROM large AS other WHERE other.id <> one.id
                    ORDER BY one.x * other.x + one.y * other.y + one.z * other.z DESC LIMIT 1) AS next
        FROM large AS one
    )
    SELECT one.name, country.name AS country, one.population, other.name AS neighbour,
        6371 * acos(min(1, one.x * other.x + one.y * other.y + one.z * other.z)) AS km,
        (SELECT count(*) FROM large) AS total
    FROM pair JOIN large AS one ON one.id = pair.id JOIN large AS other ON other.id = pair.next
        JOIN country ON country.code = one.country
"""


def records(name: str) -> list[list[str | None]]:
    """The records of a CSV file, below the names of the columns. An empty field is NULL."""
    with open(DATA / name, newline="", encoding="utf-8") as file:
        return [[field or None for field in record] for record in csv.reader(file)][1:]


def prefixes(text: str) -> str:
    """What full-text search wants: each word may be the beginning of one."""
    words = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text).split()
    return " ".join(f'"{word}"*' for word in words)


class TooMuchError(Exception):
    """More is being asked than can be out."""


def check_room(db: sidelite.Connection, most: int) -> None:
    if db.statistics().outstanding >= most:
        raise TooMuchError("too much is being asked: come again")


class Cities:
    """A task that is cancelled in one of the calls cancels the query of this call, and no other."""

    def __init__(self, db: sidelite.Connection, reports: sidelite.Connection) -> None:
        self._db = db
        self._reports = reports

    async def random(self) -> dict[str, Any]:
        check_room(self._db, REQUESTS_MAX)
        (city,) = await self._db.execute_fetchall(RANDOM, (random.random(),), timeout=TIMEOUT_S)
        return dict(city)

    async def search(self, text: str) -> list[dict[str, Any]]:
        wanted = prefixes(text)
        if not wanted:
            return []
        check_room(self._db, REQUESTS_MAX)
        return list(map(dict, await self._db.execute_fetchall(SEARCH, (wanted,), timeout=TIMEOUT_S)))

    async def report(self, people: int) -> AsyncGenerator[dict[str, Any], None]:
        """
        The cities that are farthest from the next one of at least `people` inhabitants: again and again the report so
        far. The query goes on as its rows are taken, and ends when the generator is closed.
        """
        check_room(self._reports, REPORTS_MAX)
        done = 0
        loneliest: list[dict[str, Any]] = []
        async with self._reports.execute(NEIGHBOURS, (people,), timeout=REPORT_TIMEOUT_S) as cursor:
            async for row in cursor:
                city = dict(row)
                total = city.pop("total")
                done += 1
                loneliest = sorted([*loneliest, city], key=itemgetter("km"), reverse=True)[:LONELIEST_MAX]
                if done % LINE_CITIES == 0 or done == total:
                    yield {"done": done, "total": total, "loneliest": loneliest}

    @property
    def outstanding(self) -> dict[str, int]:
        """Requests that are out."""
        return {"small": self._db.statistics().outstanding, "reports": self._reports.statistics().outstanding}


async def fill(db: sidelite.Connection) -> None:
    await db.executescript(SCHEMA)
    async with db.transaction("immediate"):
        for table, file in (("country", "countries.csv"), ("city", "cities.csv")):
            rows = records(file)
            # All values go in as text: the columns make numbers of them, and STRICT refuses what is none.
            await db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' for _ in rows[0])})", rows)
        await db.execute("INSERT INTO city_search(city_search) VALUES ('rebuild')")


@asynccontextmanager
async def open_cities() -> AsyncIterator[Cities]:
    """
    Two connections, as each has one thread, which the requests of that connection share: a search would wait while the
    report looks for its next rows. The write-ahead log lets both read at the same time.
    """
    with TemporaryDirectory(prefix="sidelite-cities-") as folder:
        path = Path(folder, "cities.db")
        async with sidelite.connect(path, isolation_level=None) as db:
            db.row_factory = sidelite.Row
            await fill(db)
            uri = f"{path.as_uri()}?mode=ro"
            async with sidelite.connect(uri, uri=True) as reports:
                reports.row_factory = sidelite.Row
                yield Cities(db, reports)
