# `make help` lists what there is. Each target sets up what it needs; CI calls `make test` alone.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
MAJOR := $(firstword $(subst ., ,$(VERSION)))
SOURCES := $(shell find src -name '*.rs') build.rs Cargo.toml Cargo.lock .cargo/config.toml
# As `rustc --print native-static-libs` names them, but for -lgcc_s and -lc: the compiler adds these by itself, and
# under `cc -static` others in their place.
LIBS_PRIVATE := -lutil -lrt -lpthread -lm -ldl
# The faces that C, C++ and Lua load as they are.
HEADERS := include/sidelite.h $(wildcard bindings/loops/sidelite_*.h bindings/cpp/*.hpp)
LUA := $(wildcard bindings/lua/sidelite*.lua)

SHARED := target/release/libsidelite.so
STATIC := build/static/libsidelite.a

.DELETE_ON_ERROR:
.PHONY: help build demo tour examples love go test bench bench-node bench-go bench-python lint header install uninstall clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

build: $(SHARED) $(STATIC) ## Build the shared and the static library

demo: build/cities ## Import and query 34,006 cities on one thread that never blocks
	build/cities

tour: build/tour ## Walk through the rest of the interface, on the same cities
	@build/tour

test: ## Run every check there is: lint, tests, sanitizers, packaging, benchmark, demo
	@.ci/setup test
	@tests/all

bench: ## Measure against plain SQLite calls and print a table of ratios
	@.ci/setup
	benches/run.sh

bench-node: ## Measure Node's binding against node-sqlite3 and better-sqlite3
	@.ci/setup node
	bindings/node/bench/run

bench-go: go ## Measure Go's driver and native interface against mattn/go-sqlite3 and modernc.org/sqlite
	@.ci/setup go
	bindings/go/bench/run.sh

bench-python: ## Measure Python's package against aiosqlite and the plain sqlite3 module
	@.ci/setup python
	bindings/python/bench/run

lint: ## Check format, clippy, the header as C11 and C++17, and the shell scripts
	@.ci/setup test
	@tests/all lint

header: ## Write include/sidelite.h anew from src/ffi, and what Lua declares of it
	@.ci/setup lua
	SIDELITE_HEADER=write cargo test --locked --test header
	luajit bindings/lua/make_cdef.lua include/sidelite.h >bindings/lua/sidelite_cdef.lua

install: build ## Install libraries, headers, pkg-config and CMake files below PREFIX
	install -d $(addprefix $(DESTDIR),$(PREFIX)/include $(LIBDIR)/pkgconfig $(LIBDIR)/cmake/sidelite)
	install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)
	objcopy --strip-debug $(SHARED) $(DESTDIR)$(LIBDIR)/libsidelite.so.$(VERSION)
	ln -sf libsidelite.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libsidelite.so.$(MAJOR)
	ln -sf libsidelite.so.$(MAJOR) $(DESTDIR)$(LIBDIR)/libsidelite.so
	@$(call fill,sidelite.pc,pkgconfig)
	@$(call fill,sidelite-static.pc,pkgconfig)
	@$(call fill,sideliteConfig.cmake,cmake/sidelite)
	@$(call fill,sideliteConfigVersion.cmake,cmake/sidelite)
	$(if $(LUA),install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/lua/5.1 $(LUA))

uninstall: ## Remove what install has put below PREFIX
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/include/,$(notdir $(HEADERS)))
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/lua/5.1/,$(notdir $(LUA)))
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,libsidelite.a libsidelite.so libsidelite.so.$(MAJOR) libsidelite.so.$(VERSION))
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/pkgconfig/,sidelite.pc sidelite-static.pc)
	rm -rf $(DESTDIR)$(LIBDIR)/cmake/sidelite

clean: ## Remove all that was built
	rm -rf build target

# Puts the values into a template of include/: $(call fill,FILE,FOLDER). The way from its folder to PREFIX, and not
# PREFIX itself, so that what was installed can be moved.
fill = sed -e 's|@VERSION@|$(VERSION)|g; s|@MAJOR@|$(MAJOR)|g; s|@LIBS_PRIVATE@|$(LIBS_PRIVATE)|g' \
	-e "s|@TO_PREFIX@|$$(realpath -ms --relative-to=$(LIBDIR)/$2 $(PREFIX))|g" \
	include/$1.in >$(DESTDIR)$(LIBDIR)/$2/$1

$(SHARED): $(SOURCES)
	@.ci/setup
	cargo build --release --locked --lib
	@touch $@

# One object, in which only sidelite_* is global: its SQLite and its Rust cannot clash with those of the program.
# Without bitcode (.llvm*), which tools with a plugin for it would try to read. In a folder of its own: two makes may run
# at once, as those of two bindings do.
$(STATIC): $(SHARED) tests/exports.txt
	@mkdir -p $(@D)/work.$$$$ && cd $(@D)/work.$$$$ && set -e -x && \
	ld -r --whole-archive --force-group-allocation $(CURDIR)/target/release/libsidelite.a -o sidelite.o && \
	objcopy --keep-global-symbols=$(CURDIR)/tests/exports.txt --strip-debug --remove-section='.llvm*' sidelite.o && \
	ar rcs libsidelite.a sidelite.o && \
	mv libsidelite.a .. && rm sidelite.o && rmdir ../work.$$$$

# What an example needs beside sidelite: a package of pkg-config, or plain flags.
PACKAGE_libuv := libuv
PACKAGE_libevent := libevent
PACKAGE_glib := glib-2.0
PACKAGE_sdl := sdl2
FLAGS_libev := -lev
C_EXAMPLES := cities tour libuv libev libevent glib epoll sdl
needs = $(strip $(FLAGS_$1) $(if $(PACKAGE_$1),$$(pkg-config --cflags --libs $(PACKAGE_$1))))
LINK = $(SHARED) -Iinclude -Ibindings/loops -Ibindings/cpp -Wl,-rpath,'$$ORIGIN'

go: bindings/go/static_library.h ## Put the static library where Go's tag sidelite_static finds it

bindings/go/lib/libsidelite.a: $(STATIC)
bindings/go/lib/sidelite.h: include/sidelite.h
bindings/go/lib/%:
	@mkdir -p $(@D)
	cp $< $@

# Go looks at files of the package's own folder alone to know whether it must compile and link again.
bindings/go/static_library.h: bindings/go/lib/libsidelite.a bindings/go/lib/sidelite.h
	echo "/* What is in lib/: $$(cat $^ | sha256sum | cut -d' ' -f1) */" >$@

love: $(SHARED) ## Open the map of the world in LÖVE; SYNC=--sync shows it with calls that wait
	@.ci/setup lua
	SIDELITE_LIBRARY=$(SHARED) love examples/love $(SYNC)

examples: $(C_EXAMPLES:%=build/%) build/coroutine ## Build the examples: one for each loop, C++, SDL

$(C_EXAMPLES:%=build/%): build/%: examples/%.c $(HEADERS) build/libsidelite.so.$(MAJOR)
	@$(if $(call needs,$*),.ci/setup loops)
	$(CC) -std=c11 -O2 -Wall -Wextra $< $(LINK) $(call needs,$*) -lm -o $@

build/coroutine: examples/coroutine.cpp $(HEADERS) build/libsidelite.so.$(MAJOR)
	@.ci/setup loops
	$(CXX) -std=c++20 -O2 -Wall -Wextra $< $(LINK) $(call needs,libuv) -o $@

build/libsidelite.so.$(MAJOR): $(SHARED)
	@mkdir -p $(@D)
	cp $< $@
