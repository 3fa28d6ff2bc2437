"""The table: times, and ratios within the same round, beside the bars that they are to be under."""

from __future__ import annotations

from statistics import median

PEERS = ["sidelite", "aiosqlite", "sqlite3"]
Place = tuple[str, bool]
Results = dict[tuple[Place, str], dict[str, float]]

# To be under: so much of what aiosqlite takes on the same loop. And what there is no bar for.
LINES = {
    "W1": ("insert, in one call", 0.9),
    "W2": ("insert each, 64 in flight", 0.3),
    "W3": ("read, one in flight", 0.5),
    "W3c": ("the same by a cursor", 0.5),
    "W4": ("read, 64 in flight", 0.3),
    "W4c": ("the same by cursors", 0.3),
    "W5": ("read all as a list", 0.65),
    "W5i": ("read all, row by row", None),
    "W6": ("insert and commit each", None),
    "W7": ("read, 4 connections", None),
    "memory": ("bytes for a row in a list", 1.0),
}


def times(rounds: list[Results], place: Place, peer: str, name: str) -> list[float]:
    return [results[place, peer][name] for results in rounds]


def ratio(rounds: list[Results], place: Place, peer: str, name: str, bar: float | None, is_quick: bool) -> str:
    ours, theirs = times(rounds, place, "sidelite", name), times(rounds, place, peer, name)
    ratios = [own / other for own, other in zip(ours, theirs) if other > 0]
    if not ratios:
        return "-"
    text = f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    if bar is None or is_quick:
        return text
    # As it is printed, so that nobody reads that 1.00 is more than 1.00.
    return f"{text} <= {bar:.2f} {'met' if round(median(ratios), 2) <= bar else 'MISSED'}"


def lines_of(rounds: list[Results], place: Place, is_quick: bool) -> list[list[str]]:
    lines = []
    for name, (words, bar) in LINES.items():
        if name in rounds[0][place, "sidelite"]:
            middles = [f"{median(times(rounds, place, peer, name)):.2f}" for peer in PEERS]
            ratios = [ratio(rounds, place, "aiosqlite", name, bar, is_quick),
                      ratio(rounds, place, "sqlite3", name, None, is_quick)]
            lines.append([f"{name} {words}", *middles, *ratios])
    return lines


def print_table(rounds: list[Results], places: list[Place], is_quick: bool) -> None:
    print("\nMicroseconds for one operation, and the ratio to each peer in the same round: its median, least and most,")
    print(f"of {len(rounds)} round{'s' * (len(rounds) > 1)}")
    for place in places:
        loop, pinned = place
        head = [f"{'uvloop' if loop == 'uvloop' else 'default loop'}, {'one CPU' if pinned else 'any CPU'}", *PEERS,
                "/ aiosqlite", "/ sqlite3"]
        table = [head, *lines_of(rounds, place, is_quick)]
        widths = [max(len(line[column]) for line in table) for column in range(len(head))]
        print()
        for line in table:
            print("  ".join([line[0].ljust(widths[0]), *[cell.rjust(width) for cell,
                                                         width in zip(line[1:], widths[1:])]]))
