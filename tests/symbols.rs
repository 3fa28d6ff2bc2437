//! What the shared library shows to a linker: the functions of the header and nothing else.

mod files;

use std::process::Command;

/// What a tool of binutils says about the shared library that lies beside this test.
#[cfg(target_os = "linux")]
fn ask(tool: &str, arguments: &[&str]) -> String {
    let library = std::env::current_exe()
        .unwrap()
        .with_file_name("libsidelite.so");
    let output = Command::new(tool)
        .args(arguments)
        .arg(&library)
        .output()
        .unwrap();
    assert!(output.status.success(), "{tool} {}", library.display());
    String::from_utf8(output.stdout).unwrap()
}

fn committed() -> Vec<String> {
    files::read("tests/exports.txt")
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn list_of_exports_is_that_of_the_header() {
    assert_eq!(committed(), files::header_functions());
}

#[cfg(target_os = "linux")]
#[test]
fn library_exports_the_list() {
    let symbols = ask("nm", &["--dynamic", "--defined-only"]);
    let mut exported: Vec<_> = symbols
        .lines()
        .map(|line| line.rsplit(' ').next().unwrap())
        .collect();
    exported.sort_unstable();
    assert_eq!(exported, committed());
}

#[cfg(target_os = "linux")]
#[test]
fn library_needs_no_sqlite() {
    let symbols = ask("nm", &["--dynamic", "--undefined-only"]);
    let foreign: Vec<_> = symbols
        .lines()
        .filter(|line| line.contains("sqlite3_"))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn soname_is_the_major_version() {
    let soname = format!("[libsidelite.so.{}]", env!("CARGO_PKG_VERSION_MAJOR"));
    let dynamic = ask("readelf", &["--dynamic", "--wide"]);
    assert!(
        dynamic
            .lines()
            .any(|line| line.contains("SONAME") && line.contains(&soname)),
        "{dynamic}"
    );
}

/// Threads may still be inside when a host calls dlclose.
#[cfg(target_os = "linux")]
#[test]
fn library_is_never_unmapped() {
    let dynamic = ask("readelf", &["--dynamic", "--wide"]);
    assert!(
        dynamic
            .lines()
            .any(|line| line.contains("FLAGS_1") && line.contains("NODELETE")),
        "{dynamic}"
    );
}
