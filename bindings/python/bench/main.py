"""Rounds of all peers in turn, each in a process of its own, and the table of what they took."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from table import PEERS, Place, Results, print_table
from workloads import COUNTS

HERE = Path(__file__).parent
QUICK = 100


class Bench:
    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.scale = QUICK if options.quick else 1
        self.rounds = options.rounds or (1 if options.quick else 5)
        self.names = options.only.split(",")
        self.loops = options.loops.split(",")

    def child(self, peer: str, what: str, place: Place = ("default", False), **more: Any) -> dict[str, float]:
        loop, pinned = place
        task = {"peer": peer, "what": what, "loop": loop, "pinned": pinned, "stored": COUNTS["W5"] // self.scale,
                **more}
        task |= {"written": str(self.folder / "written.db"), "read": str(self.folder / "read.db")}
        command = [sys.executable, str(HERE / "child.py"), json.dumps(task)]
        result: dict[str, float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        return result

    def places(self) -> list[Place]:
        return [(loop, pinned) for loop in self.loops for pinned in (False, True)]

    def measure(self, number: int) -> Results:
        """One round. The peer that begins is another each time: what else the machine does hits not always the same."""
        counts = {name: COUNTS[name] // self.scale for name in self.names}
        results: Results = {}
        for place in self.places():
            for peer in PEERS[number % len(PEERS) :] + PEERS[: number % len(PEERS)]:
                print(f"round {number + 1} of {self.rounds}: {peer}, {place[0]}{', pinned' * place[1]}",
                      file=sys.stderr)
                results[place, peer] = self.child(peer, "measure", place, counts=counts)
        for peer in PEERS:
            results[(self.loops[0], False), peer] |= self.child(peer, "memory")
        return results

    def run(self) -> None:
        self.child("sqlite3", "fill")
        print_table([self.measure(number) for number in range(self.rounds)], self.places(), self.scale > 1)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the work, and one round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", default=",".join(COUNTS))
    parser.add_argument("--loops", default="default,uvloop")
    options = parser.parse_args()
    for name in options.only.split(","):
        if name not in COUNTS:
            parser.error(f"no workload '{name}': {', '.join(COUNTS)}")
    return options


def main() -> None:
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        Bench(options.folder, options).run()
    finally:
        shutil.rmtree(options.folder)


main()
