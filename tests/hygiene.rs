//! Rules of this project that no compiler knows.

mod files;

use files::{below, identifiers, read};
use std::collections::BTreeSet;

fn sources() -> Vec<String> {
    below("src")
        .into_iter()
        .filter(|path| path.ends_with(".rs"))
        .collect()
}

/// Test code in Rust and C.
fn tests() -> String {
    below("tests")
        .iter()
        .filter(|path| !path.ends_with("hygiene.rs"))
        .map(|path| read(path))
        .collect()
}

#[test]
fn unsafe_stays_at_the_two_edges() {
    let middle = sources();
    let middle = middle
        .iter()
        .filter(|path| !path.starts_with("src/ffi/") && !path.starts_with("src/sqlite/"));
    for path in middle {
        let text = read(path);
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            assert!(
                !identifiers(line).any(|word| word == "unsafe"),
                "{path}: {line}"
            );
        }
    }
}

/// Four that only look up a constant; and dispatch, through which exceptions of callbacks pass: it guards its parts.
const UNGUARDED: [&str; 5] = [
    "sidelite_abi_version",
    "sidelite_dispatch",
    "sidelite_sqlite_version",
    "sidelite_status_string",
    "sidelite_version",
];

/// No panic leaves an exported function.
#[test]
fn every_exported_function_is_guarded() {
    let mut exported = Vec::new();
    for path in sources() {
        let text = read(&path);
        for function in text.split("#[unsafe(no_mangle)]").skip(1) {
            let (_, signature) = function.split_once(" fn ").expect("a function");
            let name = identifiers(signature).next().unwrap();
            let body = signature.split_once("\n}").expect("its end").0;
            let is_guarded = body.contains("guard::");
            assert_ne!(is_guarded, UNGUARDED.contains(&name), "{path}: {name}");
            exported.push(name.to_owned());
        }
    }
    exported.sort();
    assert_eq!(exported, files::header_functions());
}

/// A promise without a test is a wish.
#[test]
fn every_line_of_the_contract_has_a_test() {
    let tests = tests();
    let names: BTreeSet<&str> = identifiers(&tests).collect();
    let header = read("include/sidelite.h");
    let promises: Vec<u32> = header
        .lines()
        .filter_map(|line| {
            line.strip_prefix(" * ")?
                .split_once(". ")?
                .0
                .trim_start()
                .parse()
                .ok()
        })
        .collect();
    assert_eq!(promises, (1..=20).collect::<Vec<u32>>());
    for promise in promises {
        let prefix = format!("contract_{promise:02}_");
        assert!(
            names.iter().any(|name| name.starts_with(&prefix)),
            "no test is named {prefix}..."
        );
    }
}

#[test]
fn every_fault_point_has_a_test() {
    let tests = tests();
    let sources: String = sources().iter().map(|path| read(path)).collect();
    let points: Vec<_> = sources
        .split("fault::point(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert!(!points.is_empty());
    for point in points {
        assert!(
            tests.contains(&format!("arm(\"{point}\")")),
            "no test arms {point}"
        );
    }
}

/// By bytes, comment marks included.
#[test]
fn header_is_for_the_most_part_text() {
    let header = read("include/sidelite.h");
    let share = files::split_comments(&header).0.len() * 100 / header.len();
    assert!(
        (65..=75).contains(&share),
        "{share} % of include/sidelite.h is text"
    );
}

/// Bindings in other languages write these numbers down.
#[test]
fn every_constant_field_and_function_of_the_header_is_frozen() {
    let header = read("include/sidelite.h");
    let (_, code) = files::split_comments(&header);
    let layout = read("tests/c/layout.c");
    let constants = code
        .split("#define ")
        .skip(1)
        .filter_map(|rest| identifiers(rest).next());
    let mut frozen: Vec<String> = constants
        .filter(|&name| name != "SIDELITE_H")
        .map(|name| format!("NUMBER({name}, "))
        .collect();
    for definition in code.split("typedef ").skip(1) {
        let Some((name, rest)) = definition.split_once(" {") else {
            continue;
        };
        let name = identifiers(name).last().unwrap();
        let fields = rest.split_once('}').unwrap().0.split(';');
        let fields = fields.filter_map(|field| identifiers(field.split('[').next()?).last());
        frozen.push(format!("TYPE({name}, "));
        frozen.extend(fields.map(|field| format!("FIELD({name}, {field}, ")));
    }
    frozen.extend(
        files::header_functions()
            .iter()
            .map(|name| format!("{name}(")),
    );
    for line in frozen {
        assert!(layout.contains(&line), "tests/c/layout.c lacks {line}...)");
    }
}

/// The recipe in bindings/README.md, as far as it can be counted.
#[test]
fn every_adapter_is_small_tested_and_listed() {
    let list = read("bindings/README.md");
    let adapters = below("bindings/loops");
    assert!(!adapters.is_empty());
    for path in adapters {
        let name = path
            .strip_prefix("bindings/loops/sidelite_")
            .and_then(|rest| rest.strip_suffix(".h"))
            .unwrap_or_else(|| panic!("{path} is no sidelite_LOOP.h"));
        let lines = read(&path).lines().count();
        assert!((20..=80).contains(&lines), "{path} has {lines} lines");
        assert!(
            files::exists(&format!("tests/loops/{name}.c")),
            "{path} has no test"
        );
        assert!(
            list.contains(&format!("](loops/sidelite_{name}.h)")),
            "{path} is not listed"
        );
        for function in ["attach", "detach"] {
            let function = format!("sidelite_{name}_{function}(");
            assert!(read(&path).contains(&function), "{path} lacks {function}");
        }
    }
}
