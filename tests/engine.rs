//! The SQLite inside: its version, its build flags, its defaults.

#![allow(unsafe_code, reason = "a host calls C functions")]

mod host;

use host::Host;
use sidelite::*;
use std::ffi::CStr;

#[test]
fn sqlite_is_new_enough_and_built_as_promised() {
    let (host, opened) = Host::open(":memory:", 0);
    assert_eq!(opened.code, SIDELITE_OK);
    let options = host.fetch("PRAGMA compile_options").cells;
    for on in [
        "ENABLE_FTS5",
        "ENABLE_RTREE",
        "ENABLE_MATH_FUNCTIONS",
        "ENABLE_DBSTAT_VTAB",
        "ENABLE_SESSION",
        "ENABLE_PREUPDATE_HOOK",
        "ENABLE_COLUMN_METADATA",
        "DEFAULT_MEMSTATUS=0",
        "THREADSAFE=1",
    ] {
        assert!(
            options.iter().any(|option| option == on),
            "{on} is missing in {options:?}"
        );
    }
    for off in [
        "ENABLE_MEMORY_MANAGEMENT",
        "ENABLE_API_ARMOR",
        "DEFAULT_FOREIGN_KEYS",
        "USE_URI",
        "OMIT_JSON",
    ] {
        assert!(
            !options.iter().any(|option| option.starts_with(off)),
            "{off} is in {options:?}"
        );
    }
    assert_eq!(
        host.fetch("SELECT json_extract('[7]', '$[0]')").cells,
        ["7"]
    );
    // SAFETY: a static string.
    let version = unsafe { CStr::from_ptr(sidelite_sqlite_version()) }
        .to_str()
        .unwrap();
    assert_eq!(host.fetch("SELECT sqlite_version()").cells, [version]);
    let numbers: Vec<u32> = version.split('.').map(|n| n.parse().unwrap()).collect();
    assert!(numbers >= vec![3, 51, 3], "{version}");
}

#[test]
fn versions_are_those_of_the_package() {
    // SAFETY: a static string.
    let version = unsafe { CStr::from_ptr(sidelite_version()) };
    assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
    assert_eq!(sidelite_abi_version(), SIDELITE_ABI_VERSION);
}

#[test]
fn every_status_code_has_a_text_of_its_own() {
    let text = |code| {
        // SAFETY: a static string.
        unsafe { CStr::from_ptr(sidelite_status_string(code)) }
            .to_str()
            .unwrap()
            .to_owned()
    };
    let ours = [
        -101, -102, -103, -104, -105, -106, -107, -108, -201, -202, -203, -204, -301, -302, -303,
    ];
    for code in ours {
        assert!(
            text(code).starts_with("SIDELITE_ERR_"),
            "{code}: {}",
            text(code)
        );
    }
    assert_eq!(text(2067), "constraint failed");
    assert_eq!(text(-1), "unknown status");
    assert_eq!(text(i32::MIN), "unknown status");
    assert!(!text(i32::MAX).is_empty());
}
