"""The server of examples/python, by its requests."""

from __future__ import annotations

import asyncio
import csv
import math
import re
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from example.server import EXAMPLE, Server, until

sys.path.insert(0, str(EXAMPLE))
from cities import DATA, open_cities


def names(cities: list[dict[str, object]]) -> list[object]:
    return [city["name"] for city in cities]


# ---- Answers ----


async def test_pages_are_served(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        for address, kind in (("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript")):
            answer = await server.fetch(address)
            assert (answer.status, answer.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
            assert answer.text


async def test_a_search_finds_what_begins_so(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        assert await server.json("search?q=franc+san+mac") == [
            {"name": "San Francisco de Macorís", "country": "Dominican Republic", "population": 124763}
        ]
        found = await server.json("search?q=san+franc")
        assert found[0] == {"name": "San Francisco", "country": "United States", "population": 827526}
        assert await server.json("search?q=qqqq") == []


async def test_a_search_folds_accents_and_case(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        first, *others = [
            await server.json(f"search?q={text}") for text in ("%C3%96rebro", "orebro", "OREB", "O%CC%88rebro")
        ]
        assert first[0]["name"] == "Örebro"
        assert others == [first] * 3
        largest = await server.json("search?q=s")
        assert len(largest) == 8
        assert largest == sorted(largest, key=lambda city: city["population"], reverse=True)


async def test_a_search_for_what_full_text_search_would_read_as_its_own(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        for text in ('"', "'", "*", "NOT", "AND OR", "name:x", "^a", "(", 'a" OR "b', "\0", "💚", " ", "_"):
            answer = await server.fetch(f"search?q={quote(text)}")
            assert (answer.status, type(answer.value)) == (200, list), text
        for text in ("%ED%A0%80", "%FF", "%"):
            assert (await server.fetch(f"search?q={text}")).status == 200, text
        assert await server.json("search?q=%22") == []
        assert await server.json("search?q=san%22%20%22fr") == await server.json("search?q=san+fr") != []
        assert await server.json("search?q=a%22%20OR%20%22b") == await server.json("search?q=a+or+b")


async def test_a_city_at_random(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        cities = await asyncio.gather(*[server.json("random") for _ in range(50)])
        assert all(list(city) == ["name", "country", "population"] for city in cities)
        assert len(set(names(cities))) > 10


def loneliest(people: int) -> tuple[int, list[tuple[str, str, str]]]:
    """As it is computed from the file, in another way."""
    with open(DATA / "cities.csv", newline="", encoding="utf-8") as file:
        large = [city for city in csv.DictReader(file) if int(city["population"]) >= people]
    points = [
        (one["name"], math.radians(float(one["latitude"])), math.radians(float(one["longitude"]))) for one in large
    ]

    def haversine(angle: float) -> float:
        return math.sin(angle / 2) ** 2

    def kilometres(one: tuple[str, float, float], other: tuple[str, float, float]) -> float:
        (_, phi, along), (_, phi2, along2) = one, other
        half = haversine(phi - phi2) + math.cos(phi) * math.cos(phi2) * haversine(along - along2)
        return 2 * 6371 * math.asin(math.sqrt(half))

    pairs = []
    for one in points:
        km, name = min((kilometres(one, other), other[0]) for other in points if other is not one)
        pairs.append((km, one[0], name))
    return len(points), [(name, other, f"{km:.3f}") for km, name, other in sorted(pairs, reverse=True)[:12]]


async def test_a_report_is_right(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        lines = await server.report(1_000_000)
        total, expected = loneliest(1_000_000)
        assert [line["done"] for line in lines] == [*range(100, total, 100), total]
        assert all(line["total"] == total and isinstance(line["longestPause"], float) for line in lines)
        assert [(city["name"], city["neighbour"], f"{city['km']:.3f}") for city in lines[-1]["loneliest"]] == expected


# ---- What cannot be answered ----

PEOPLE = ("", "x", "1", "14999", "1000001", "1e5", "-100000", "100000.5", "1_0", "%00", "%D9%A1%D9%A1", "9" * 25)
REFUSED = {
    400: ["search", "search?q=", f"search?q={'a' * 101}", "search?q=a&q=b", "search?Q=a", "report"],
    404: ["nothing", "page", "page/page.js", "..%2fserver.js", "__init__", "search/", "%00"],
}
REFUSED[400] += [f"report?people={people}" for people in PEOPLE]


async def test_bad_input_is_refused_with_a_reason(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        for status, addresses in REFUSED.items():
            for address in addresses:
                answer = await server.fetch(address)
                assert (answer.status, answer.headers["Content-Type"]) == (status, "application/json"), address
                assert isinstance(answer.value["error"], str)
        for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            answer = await server.fetch("search?q=a", method, data=b"x" * 1_000_000 if method == "POST" else None)
            assert (answer.status, answer.headers["Allow"]) == (405, "GET"), method
        assert (await server.fetch("random")).status == 200
        await server.stops_by(signal.SIGTERM)


async def said(port: int, text: bytes) -> bytes:
    """What the server has to say to this."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(text)
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_what_is_no_http_does_not_harm(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        for text in (b"nonsense\r\n\r\n", b"GET \0 HTTP/1.1\r\n\r\n", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n"):
            heard = await said(server.port, text)
            assert re.match(rb"HTTP/1\.[01] 4|$", heard), heard
        assert (await server.fetch("random")).status == 200
        await server.stops_by(signal.SIGTERM)


# ---- The loop goes on ----


async def test_small_requests_are_answered_while_a_report_runs(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        report = asyncio.ensure_future(server.report(200_000))
        await server.has_reports(1)
        answered = 0
        while not report.done():
            city, found = await asyncio.gather(server.json("random"), server.json("search?q=new+y"))
            assert isinstance(city["name"], str) and names(found)[0] == "New York City"
            answered += 2
        assert answered > 20
        last = (await report)[-1]
        assert last["done"] == last["total"]
        print(f"measured: {answered} answers, the loop's longest pause was {last['longestPause']:.1f} ms")


async def test_a_dropped_report_is_cancelled_and_its_neighbour_is_not(tmp_path: Path) -> None:
    """The report that is dropped would take minutes."""
    async with Server.started(tmp_path) as server:
        neighbour = asyncio.ensure_future(server.report(200_000))
        dropped = asyncio.ensure_future(server.report(15_000))
        await server.has_reports(2)
        dropped.cancel()
        last = (await neighbour)[-1]
        assert last["done"] == last["total"]
        await server.has_reports(0)
        await server.stops_by(signal.SIGTERM)


async def test_a_task_cancels_a_search_and_no_other() -> None:
    async with open_cities() as cities:
        before = [asyncio.ensure_future(cities.search("s")) for _ in range(50)]
        dropped = asyncio.ensure_future(cities.search("s"))
        after = asyncio.ensure_future(cities.random())
        await asyncio.sleep(0)
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped
        assert {len(found) for found in await asyncio.gather(*before)} == {8}
        assert isinstance((await after)["name"], str)


async def test_dropped_searches_leave_the_others_alone(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        searches = [asyncio.ensure_future(server.json("search?q=s")) for _ in range(200)]
        await searches[0]
        for search in searches[1::2]:
            search.cancel()
        assert {len(found) for found in await asyncio.gather(*searches[::2])} == {8}
        await until(lambda: server.has_out(small=0))
        await server.stops_by(signal.SIGTERM)


async def test_too_many_reports_are_refused(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        running = [asyncio.ensure_future(server.report(15_000)) for _ in range(4)]
        await server.has_reports(4)
        refused = await server.fetch("report?people=15000")
        assert (refused.status, refused.value) == (503, {"error": "too much is being asked: come again"})
        running[0].cancel()
        await server.has_reports(3)
        running[0] = asyncio.ensure_future(server.report(15_000))
        await server.has_reports(4)
        await server.stops_by(signal.SIGTERM)
        # A part of a report does not look like the whole.
        ends = await asyncio.gather(*running, return_exceptions=True)
        assert all(isinstance(end, aiohttp.ClientError) for end in ends), ends


# ---- The end ----


async def test_it_ends_while_all_is_at_work(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        broken = await server.begin(100_000)
        sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
        # The last one asks for a report, and reads nothing of it.
        report = b"GET /report?people=15000 HTTP/1.1\r\nHost: a\r\n\r\n"
        for client, text in zip(sockets, (b"", b"GET /rand", b"GET /random HTTP/1.1\r\nHost: a\r\n\r\n", report)):
            client.sendall(text)
        await server.has_reports(2)
        small = asyncio.gather(*[server.json("random") for _ in range(20)], return_exceptions=True)
        await server.stops_by(signal.SIGTERM)
        with pytest.raises(aiohttp.ClientError):
            await broken.read()
        assert all(isinstance(one, (dict, aiohttp.ClientError)) for one in await small)
        for client in sockets:
            client.close()


async def test_it_ends_by_the_keyboard(tmp_path: Path) -> None:
    async with Server.started(tmp_path) as server:
        await server.json("random")
        await server.stops_by(signal.SIGINT)


async def test_it_says_why_it_cannot_begin(tmp_path: Path) -> None:
    async with Server.started(tmp_path / "first") as first:
        refused = {str(first.port): "address already in use", "x": "usage", "65536": "usage", "-1": "usage"}
        for argument, reason in refused.items():
            async with Server.started(tmp_path / "second", argument) as server:
                _, errors = await server.process.communicate()
                assert (server.process.returncode, server.url) == (1, "")
                assert errors.startswith(b"server: ") and reason in errors.decode() and errors.count(b"\n") == 1
                assert list(server.folder.iterdir()) == []
