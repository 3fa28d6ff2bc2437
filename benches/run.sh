#!/bin/sh
# Builds the benchmark into build/bench and runs it: benches/run.sh [--quick] [--only W1..W8|F1|F2] [--rounds N]
set -eu
cd "$(dirname "$0")/.."
out=$PWD/build/bench
mkdir -p "$out"

# Cargo says where it put the library, and the SQLite that is in it.
artifacts=$(cargo build --release --locked --message-format=json-render-diagnostics)
field() { # of cargo's last message that matches: field PATTERN NAME
  printf '%s\n' "$artifacts" | grep "$1" | tail -n 1 | sed "s/.*\"$2\":\"\([^\"]*\)\".*/\1/"
}
library=$(printf '%s\n' "$artifacts" | grep -o '"[^"]*/libsidelite\.so"' | tail -n 1 | tr -d '"')
crate=$(dirname "$(field '"name":"libsqlite3_sys"' manifest_path)")
tuned=$(field 'build-script-executed.*libsqlite3-sys@' out_dir)

# The same SQLite as rusqlite's users get it: without the flags of .cargo/config.toml.
artifacts=$(LIBSQLITE3_FLAGS='' cargo build --release --locked -p libsqlite3-sys --target-dir "$out/bundled" \
  --message-format=json-render-diagnostics)
bundled=$(field 'build-script-executed.*libsqlite3-sys@' out_dir)

compile() {
  ${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wpedantic -Werror "$@"
}
raw() { # the raw side over one build of SQLite, nothing of which is visible outside: raw NAME FOLDER
  compile -shared -fPIC -fvisibility=hidden -I"$crate/sqlite3" benches/raw.c "$2/libsqlite3.a" \
    -Wl,--exclude-libs,ALL -lpthread -lm -ldl -o "$out/raw-$1.so"
}
raw tuned "$tuned"
raw bundled "$bundled"
cp "$library" "$out/$(objdump -p "$library" | sed -n 's/.*SONAME *//p' | grep . || echo libsidelite.so)"
compile -Iinclude benches/bench.c benches/side.c benches/floor.c benches/syscalls.c "$library" \
  -Wl,-rpath,"$out" -lpthread -ldl -o "$out/bench"
${CXX:-c++} -std=c++20 -O2 -g -Wall -Wextra -Wpedantic -Werror -Iinclude -Ibindings/cpp benches/await.cpp "$library" \
  -Wl,-rpath,"$out" -o "$out/await"

trap 'rm -rf "$out/data"' EXIT
cd "$out"
./bench "$@"
case " $* " in
  *' --only '*) ;;
  *' --quick '*) ./await 2000 1 ;;
  *) ./await ;;
esac
