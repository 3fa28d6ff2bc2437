//! The files of the project, for tests that read them.

#![allow(dead_code, reason = "each test uses a part")]

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

pub fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// The paths of all files below a folder, relative to the project, in order; without what packages of others bring.
pub fn below(folder: &str) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("node_modules") {
                continue;
            } else if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    let relative = |path: &PathBuf| {
        path.strip_prefix(root())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    found.iter().map(relative).collect()
}

pub fn is_identifier(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The identifiers of a text, in order.
pub fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_identifier(c))
        .filter(|word| !word.is_empty())
}

/// A C text split in what is comment and what is not.
pub fn split_comments(text: &str) -> (String, String) {
    let (mut comments, mut code, mut rest) = (String::new(), String::new(), text);
    while let Some(start) = rest.find("/*").into_iter().chain(rest.find("//")).min() {
        code.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = if rest.starts_with("//") {
            rest.find('\n')
        } else {
            rest.find("*/").map(|end| end + 2)
        };
        let (comment, after) = rest.split_at(end.unwrap_or(rest.len()));
        comments.push_str(comment);
        rest = after;
    }
    code.push_str(rest);
    (comments, code)
}

/// The functions that include/sidelite.h declares, without its inline helpers, sorted.
pub fn header_functions() -> Vec<String> {
    let header = read("include/sidelite.h");
    let (_, code) = split_comments(&header);
    let from = code.find("extern \"C\" {").expect("declarations begin");
    let to = from + code[from..].find('}').expect("declarations end");
    let called: Vec<&str> = code[from..to].split('(').collect();
    let mut functions: Vec<String> = called[..called.len() - 1]
        .iter()
        .filter_map(|before| before.rsplit(|c| !is_identifier(c)).next())
        .filter(|name| name.starts_with("sidelite_"))
        .map(str::to_owned)
        .collect();
    functions.sort();
    functions
}
