//! What README.md says is so. Its compile command and its program's output are checked by tests/packaging/run.

mod files;

use files::{below, exists, identifiers, read};

/// The blocks of code of one language.
fn blocks(readme: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}\n");
    let after = readme.split(&open).skip(1);
    after
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn program_is_the_example() {
    assert_eq!(
        blocks(&read("README.md"), "c")[0],
        read("examples/minimal.c")
    );
}

#[test]
fn commands_are_targets_of_the_makefile() {
    let (readme, makefile) = (read("README.md"), read("Makefile"));
    let targets = readme
        .split("make ")
        .skip(1)
        .filter_map(|rest| rest.split([' ', '`', '\n']).next());
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

#[test]
fn numbers_are_those_of_the_sources() {
    let readme = read("README.md");
    let rust = concat!("Rust ", env!("CARGO_PKG_RUST_VERSION"), " or newer");
    assert!(readme.contains(rust), "{rust}");
    let data = read("examples/data/cities.csv");
    let cities = data.lines().count() - 1;
    let cities = format!("{},{:03} cities", cities / 1000, cities % 1000);
    assert!(readme.contains(&cities), "{cities}");
    assert!(
        readme.contains("a 2 ms heartbeat") && read("examples/cities.c").contains("BEAT_MS = 2,")
    );
    assert!(
        readme.contains("3.51.3 or newer")
            && read("src/sqlite/mod.rs").contains("VERSION_MIN: i32 = 3_051_003;")
    );
}

#[test]
fn words_are_those_of_the_header_and_of_cargo() {
    let (readme, header, cargo) = (
        read("README.md"),
        read("include/sidelite.h"),
        read("Cargo.toml"),
    );
    let adapters: String = below("bindings/loops")
        .iter()
        .map(|path| read(path))
        .collect();
    let upper = |word: &&str| word.starts_with("SIDELITE_") || word.starts_with("sidelite_");
    for word in identifiers(&readme).filter(upper) {
        assert!(header.contains(word) || adapters.contains(word), "{word}");
    }
    for feature in ["system-sqlite", "bundled"] {
        assert!(
            readme.contains(feature) && cargo.contains(&format!("\n{feature} = ")),
            "{feature}"
        );
    }
}

/// Relative to the file that they stand in. C++ writes lambdas as if they were links: code is left out.
fn links(path: &str) -> Vec<String> {
    let text: String = read(path).split("```").step_by(2).collect();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let targets = text.split("](").skip(1);
    targets
        .map(|rest| format!("{folder}/{}", rest.split(')').next().unwrap()))
        .map(|path| path.trim_start_matches('/').to_owned())
        .collect()
}

#[test]
fn links_exist() {
    let of_bindings = below("bindings");
    let texts = of_bindings.iter().map(String::as_str);
    for text in texts
        .chain(["README.md"])
        .filter(|path| path.ends_with(".md"))
    {
        for link in links(text) {
            assert!(exists(&link), "{text}: {link}");
        }
    }
}

#[test]
fn source_files_exist() {
    let source = blocks(&read("README.md"), "text").pop().unwrap();
    for line in source.lines() {
        for file in line
            .split("    ")
            .next()
            .unwrap()
            .split(", ")
            .flat_map(|part| part.split(' ').next())
        {
            assert!(exists(&format!("src/{file}")), "src/{file}");
        }
    }
}
