"""One peer in one round, in a process of its own: runs the workloads that it is told, and writes what they took."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from typing import Any

from peers import connect_of
from workloads import INSERT, SCHEMA, WORKLOADS, Setting, rows

# So much of a workload runs first, untimed.
WARM_UP = 20


async def fill(setting: Setting) -> None:
    db = await setting.open(setting.read)
    await db.execute(SCHEMA)
    await db.executemany(INSERT, rows(setting.stored))
    await db.commit()
    await db.close()


async def measure(setting: Setting, counts: dict[str, int]) -> dict[str, float]:
    """Microseconds for one operation of each workload."""
    results = {}
    for name, count in counts.items():
        await WORKLOADS[name](setting, max(1, count // WARM_UP))
        results[name] = await WORKLOADS[name](setting, count) / count * 1e6
    return results


async def memory(setting: Setting, count: int) -> dict[str, float]:
    """Bytes for a row: by how much the process has grown at its largest, with all rows of a table in a list."""
    db = await setting.open(setting.read)
    await db.execute_fetchall("SELECT 1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = await db.execute_fetchall(f"SELECT id, name, score, payload FROM t LIMIT {count}")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(read) == count
    await db.close()
    return {"memory": (after - before) * 1024 / count}


async def run(task: dict[str, Any]) -> dict[str, float]:
    setting = Setting(connect_of(task["peer"]), task["written"], task["read"], task["stored"])
    if task["what"] == "fill":
        await fill(setting)
        return {}
    if task["what"] == "memory":
        return await memory(setting, task["stored"])
    return await measure(setting, task["counts"])


def main() -> None:
    task = json.loads(sys.argv[1])
    if task["pinned"]:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if task["loop"] == "uvloop":
        import uvloop

        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    print(json.dumps(loop.run_until_complete(run(task))))
    loop.close()


main()
