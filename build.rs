//! Gives the shared library what cargo leaves out: a SONAME, which is the major version, and NODELETE.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let major = var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
    match var("CARGO_CFG_TARGET_OS").unwrap_or_default().as_str() {
        "windows" => {}
        "macos" | "ios" => link(&format!("-install_name,@rpath/libsidelite.{major}.dylib")),
        _ => {
            link(&format!("-soname,libsidelite.so.{major}"));
            // Threads may still be inside the library when the host calls dlclose.
            link("-z,nodelete");
        }
    }
}

fn link(argument: &str) {
    println!("cargo:rustc-cdylib-link-arg=-Wl,{argument}");
}
