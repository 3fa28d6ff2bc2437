#!/usr/bin/env bash
# Measures this driver and the native interface against mattn/go-sqlite3 and modernc.org/sqlite, and prints a table of
# ratios: bindings/go/bench/run.sh [--quick] [ROUNDS] [FLAGS OF THE BENCHMARKS, such as -test.bench=W5]
#
# All contenders run in every round, one after the other, since the speed of a machine drifts. --quick runs one round
# of smaller workloads.
set -euo pipefail
cd "$(dirname "$0")"
quick=()
rounds=5
if [[ ${1-} == --quick ]]; then
  quick=(-quick)
  rounds=1
  shift
fi
if [[ ${1-} =~ ^[0-9]+$ ]]; then
  rounds=$1
  shift
fi
make -s -C ../../.. go
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
# mattn/go-sqlite3 compiles SQLite, which takes a minute once.
go test -tags sidelite_static -c -o "$results/bench" .
for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds" >&2
  "$results/bench" -test.bench=. -test.benchmem -test.benchtime=1x -test.timeout=1h "${quick[@]}" "$@" >"$results/$round.txt"
done
go run ./table "$results"/*.txt
if ((rounds > 1)); then
  echo
  go tool benchstat -col /driver -row '.name /store' "$results"/*.txt
fi
