"""
A web server over 34,006 cities. It has one thread of Python, and goes on answering while a report runs for seconds; its
page, which is that of the server for Node, shows that.

    pip install ./bindings/python -r examples/python/requirements.txt
    python examples/python/server.py [PORT]      8080; 0 is any that is free

It is aiohttp's, which runs each request in a task and can cancel that when the client is gone: no more is needed here
for the query to be cancelled.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import sidelite
from aiohttp import web
from cities import Cities, TooMuchError, open_cities

PAGE = Path(__file__).parent.parent / "node" / "page"
PAGES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
RESOLUTION_S = 0.002
GRACE_S = 1
NO_STORE = {"Cache-Control": "no-store"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LoopWatch:
    """The longest pause of the loop, which is seen as a timer that comes late."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._longest = 0.0
        self._set()

    def _set(self) -> None:
        self._due = self._loop.time() + RESOLUTION_S
        self._timer = self._loop.call_at(self._due, self._ring)

    def _ring(self) -> None:
        self._longest = max(self._longest, self._loop.time() - self._due)
        self._set()

    @property
    def longest_ms(self) -> float:
        return self._longest * 1000

    def __enter__(self) -> LoopWatch:
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()


# ---- Parameters ----


def text(request: web.Request, name: str, most: int) -> str:
    values = request.query.getall(name, [])
    if len(values) == 1 and 0 < len(values[0]) <= most:
        return values[0]
    raise web.HTTPBadRequest(reason=f"{name}: once, from 1 to {most} characters")


def number(request: web.Request, name: str, least: int, most: int) -> int:
    value = text(request, name, 20)
    if value.isascii() and value.isdigit() and least <= int(value) <= most:
        return int(value)
    raise web.HTTPBadRequest(reason=f"{name}: a whole number from {least} to {most}")


# ---- Answers ----


def answer(value: Any, status: int = 200, **headers: str) -> web.Response:
    body = json.dumps(value).encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=NO_STORE | headers)


def refusal(error: Exception) -> web.Response:
    """What is no defect of the server has a reason."""
    status, reason, headers = 500, "a defect of the server", {}
    if isinstance(error, web.HTTPException):
        status, reason = error.status, error.reason
        headers = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    elif isinstance(error, asyncio.TimeoutError):
        status, reason = 504, "it takes too long"
    elif isinstance(error, TooMuchError):
        status, reason = 503, str(error)
    else:
        traceback.print_exception(error)
    return answer({"error": reason}, status, **headers)


@web.middleware
async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Exception as error:
        return refusal(error)


async def answer_lines(request: web.Request, lines: AsyncIterator[Any]) -> web.StreamResponse:
    """One value in each line, no faster than the client takes them. What fails at first still has a status."""
    response = web.StreamResponse(headers=NO_STORE | {"Content-Type": "application/x-ndjson"})
    try:
        async for line in lines:
            if not response.prepared:
                await response.prepare(request)
            await response.write(json.dumps(line).encode() + b"\n")
    except BaseException:
        # A report that breaks off is no whole one, and does not end as one.
        if response.prepared and request.transport:
            request.transport.abort()
        raise
    return response


# ---- What is served ----


def page(name: str, kind: str) -> Handler:
    body = (PAGE / name).read_bytes()

    async def page(request: web.Request) -> web.Response:
        return web.Response(body=body, headers=NO_STORE | {"Content-Type": f"{kind}; charset=utf-8"})

    return page


class Service:
    def __init__(self, cities: Cities, watch: LoopWatch) -> None:
        self._cities = cities
        self._watch = watch
        self._reports: set[asyncio.Task[Any]] = set()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[refuse])
        for path in ("random", "search", "report", "status"):
            application.router.add_get(f"/{path}", getattr(self, path), allow_head=False)
        for path, (name, kind) in PAGES.items():
            application.router.add_get(path, page(name, kind), allow_head=False)
        application.on_shutdown.append(self._end_reports)
        return application

    async def random(self, request: web.Request) -> web.Response:
        return answer(await self._cities.random())

    async def search(self, request: web.Request) -> web.Response:
        return answer(await self._cities.search(text(request, "q", 100)))

    async def status(self, request: web.Request) -> web.Response:
        return answer({"longestPause": self._watch.longest_ms, "outstanding": self._cities.outstanding})

    async def report(self, request: web.Request) -> web.StreamResponse:
        people = number(request, "people", 15_000, 1_000_000)
        task = asyncio.current_task()
        assert task
        self._reports.add(task)
        try:
            with LoopWatch() as watch:
                async with aclosing(self._cities.report(people)) as lines:
                    measured = (line | {"longestPause": watch.longest_ms} async for line in lines)
                    return await answer_lines(request, measured)
        finally:
            self._reports.discard(task)

    async def _end_reports(self, application: web.Application) -> None:
        for task in self._reports:
            task.cancel()


# ---- Its life ----


@asynccontextmanager
async def running(application: web.Application, port: int) -> AsyncIterator[str]:
    """A server, at its address. At the end it answers what was asked before."""
    runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=GRACE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield "http://{}:{}/".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


async def serve(port: int) -> None:
    # What a stranger sends that is no HTTP is no error of this program; its own are printed by `refusal`.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_cities() as cities:
        with LoopWatch() as watch:
            async with running(Service(cities, watch).application(), port) as address:
                print(address, flush=True)
                await stop.wait()


def main(port: str = "8080") -> None:
    try:
        if not port.isascii() or not port.isdigit() or int(port) > 65_535:
            raise ValueError("usage: python server.py [PORT]")
        asyncio.run(serve(int(port)))
    except (OSError, ValueError, sidelite.Error) as error:
        sys.exit(f"server: {error}")


main(*sys.argv[1:2])
