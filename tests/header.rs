//! include/sidelite.h is generated from src/ffi, committed, and complete.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What cbindgen makes of the sources, between the contract and the helpers.
fn generate() -> String {
    let parts = root().join("src/ffi/header");
    let mut config = cbindgen::Config::from_file(parts.join("cbindgen.toml")).unwrap();
    config.header = Some(read(&parts.join("contract.h")));
    config.trailer = Some(read(&parts.join("helpers.h")));
    let mut builder = cbindgen::Builder::new().with_config(config);
    // In the order in which a host meets them, which is the order of the header.
    for noun in [
        "status", "value", "result", "event", "queue", "conn", "request", "command", "function",
    ] {
        builder = builder.with_src(root().join(format!("src/ffi/{noun}.rs")));
    }
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

/// `SIDELITE_HEADER=write` (make header) writes it instead.
#[test]
fn header_is_what_the_sources_generate() {
    let path = root().join("include/sidelite.h");
    let header = generate();
    if std::env::var_os("SIDELITE_HEADER").is_some_and(|v| v == "write") {
        std::fs::write(&path, &header).unwrap();
    }
    assert!(
        header == read(&path),
        "include/sidelite.h differs from what src/ffi generates: run `make header`"
    );
}
