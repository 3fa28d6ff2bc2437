"""The server of examples/python, started as a user starts it, and what is asked of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

EXAMPLE = Path(__file__).parents[4] / "examples" / "python"


class Answer(NamedTuple):
    status: int
    headers: Any
    text: str

    @property
    def value(self) -> Any:
        return json.loads(self.text)


class Server:
    """Its temporary files are below `folder`."""

    url: str
    _session: aiohttp.ClientSession

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder

    @classmethod
    @asynccontextmanager
    async def started(cls, folder: Path, port: str = "0") -> AsyncIterator[Server]:
        folder.mkdir(exist_ok=True)
        environment = {**os.environ, "TMPDIR": str(folder)}
        # The development mode is the tests' own: aiohttp warns of itself in it.
        environment.pop("PYTHONDEVMODE", None)
        command = (sys.executable, str(EXAMPLE / "server.py"), port)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)
        server = cls(process, folder)
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as server._session:
                assert server.process.stdout is not None
                server.url = (await server.process.stdout.readline()).decode().strip()
                yield server
        finally:
            if server.process.returncode is None:
                server.process.kill()
                await server.process.communicate()

    def request(self, method: str, address: str, **options: Any) -> Any:
        return self._session.request(method, URL(self.url + address, encoded=True), **options)

    async def fetch(self, address: str, method: str = "GET", **options: Any) -> Answer:
        async with self.request(method, address, **options) as response:
            return Answer(response.status, response.headers, await response.text())

    async def json(self, address: str) -> Any:
        return (await self.fetch(address)).value

    @property
    def port(self) -> int:
        return URL(self.url).port or 0

    async def has_out(self, **counts: int) -> bool:
        """Whether so many requests are out."""
        outstanding: dict[str, int] = (await self.json("status"))["outstanding"]
        return outstanding | counts == outstanding

    async def has_reports(self, count: int) -> None:
        await until(lambda: self.has_out(reports=count))

    async def report(self, people: int) -> list[dict[str, Any]]:
        """All lines of a report."""
        return list(map(json.loads, (await self.fetch(f"report?people={people}")).text.splitlines()))

    async def begin(self, people: int) -> aiohttp.ClientResponse:
        """A report of which the first piece has come: it runs. Its client is gone with `close`."""
        response: aiohttp.ClientResponse = await self.request("GET", f"report?people={people}")
        assert response.status == 200
        assert await response.content.readany()
        return response

    async def stops_by(self, number: signal.Signals) -> None:
        """That it ends in order: with 0, without a word, and leaving nothing behind."""
        self.process.send_signal(number)
        output, errors = await self.process.communicate()
        assert (self.process.returncode, output, errors.decode()) == (0, b"", "")
        assert list(self.folder.iterdir()) == []


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """The test's own time ends it."""
    while not await condition():
        await asyncio.sleep(0.02)
