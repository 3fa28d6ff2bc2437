# `make help` lists what there is. Each target sets up what it needs; CI calls `make test` alone.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
MAJOR := $(firstword $(subst ., ,$(VERSION)))
SOURCES := $(shell find src -name '*.rs') build.rs Cargo.toml Cargo.lock .cargo/config.toml
# As `rustc --print native-static-libs` names them.
LIBS_PRIVATE := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc

SHARED := target/release/libsidelite.so
STATIC := build/static/libsidelite.a

.DELETE_ON_ERROR:
.PHONY: help build demo tour test bench lint header install clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

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

lint: ## Check format, clippy, the header as C11 and C++17, and the shell scripts
	@.ci/setup test
	@tests/all lint

header: ## Write include/sidelite.h anew from src/ffi
	@.ci/setup
	SIDELITE_HEADER=write cargo test --locked --test header

install: build ## Install library, header, pkg-config and CMake files below PREFIX
	install -d $(addprefix $(DESTDIR),$(PREFIX)/include $(LIBDIR)/pkgconfig $(LIBDIR)/cmake/sidelite)
	install -m 644 include/sidelite.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)
	objcopy --strip-debug $(SHARED) $(DESTDIR)$(LIBDIR)/libsidelite.so.$(VERSION)
	ln -sf libsidelite.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libsidelite.so.$(MAJOR)
	ln -sf libsidelite.so.$(MAJOR) $(DESTDIR)$(LIBDIR)/libsidelite.so
	@$(call fill,sidelite.pc,pkgconfig)
	@$(call fill,sideliteConfig.cmake,cmake/sidelite)
	@$(call fill,sideliteConfigVersion.cmake,cmake/sidelite)

clean: ## Remove all that was built
	rm -rf build target

# Puts the values into a template of include/: $(call fill,FILE,FOLDER)
fill = sed -e 's|@PREFIX@|$(PREFIX)|g; s|@LIBDIR@|$(LIBDIR)|g; s|@LIBS_PRIVATE@|$(LIBS_PRIVATE)|g' \
	-e 's|@VERSION@|$(VERSION)|g; s|@MAJOR@|$(MAJOR)|g' include/$1.in >$(DESTDIR)$(LIBDIR)/$2/$1

$(SHARED): $(SOURCES)
	@.ci/setup
	cargo build --release --locked --lib
	@touch $@

# One object, in which only sidelite_* is global: its SQLite and its Rust cannot clash with those of the program.
# Without bitcode (.llvm*), which tools with a plugin for it would try to read.
$(STATIC): $(SHARED) tests/exports.txt
	@mkdir -p $(@D)
	ld -r --whole-archive --force-group-allocation target/release/libsidelite.a -o $(@D)/sidelite.o
	objcopy --keep-global-symbols=tests/exports.txt --strip-debug --remove-section='.llvm*' $(@D)/sidelite.o
	@rm -f $@
	ar rcs $@ $(@D)/sidelite.o
	@rm $(@D)/sidelite.o

build/cities build/tour: build/%: examples/%.c include/sidelite.h $(SHARED)
	@mkdir -p $(@D)
	cp $(SHARED) $(@D)/libsidelite.so.$(MAJOR)
	$(CC) -std=c11 -O2 -Wall -Wextra -Iinclude $< $(SHARED) -Wl,-rpath,'$$ORIGIN' -lm -o $@
