//! As much of SQL's surface as must be known without running it: where statements end, and which word begins them.
//!
//! SQLite's parser decides everything that matters for execution. This only finds transaction statements in requests
//! that will *not* run (the rollback fence) or must not (ATOMIC arrays), where there may be no schema to prepare against.

use std::ffi::CStr;

/// SQL with a NUL behind it, which spares SQLite a copy of all that follows each statement.
#[derive(Clone, Copy)]
pub(crate) struct Sql<'a>(&'a [u8]);

impl<'a> Sql<'a> {
    /// The last byte is a NUL, and the only one.
    pub(crate) fn with_nul(sql: &'a [u8]) -> Self {
        assert_eq!(sql.last(), Some(&0));
        Self(sql)
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        &self.0[..self.0.len() - 1]
    }

    pub(crate) fn bytes_with_nul(self) -> &'a [u8] {
        self.0
    }

    /// What is left behind a position.
    pub(crate) fn from(self, position: usize) -> Self {
        Self(&self.0[position..])
    }
}

impl<'a> From<&'a CStr> for Sql<'a> {
    fn from(sql: &'a CStr) -> Self {
        Self(sql.to_bytes_with_nul())
    }
}

/// What a statement does to transactions, by its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb<Name> {
    Begin,
    /// With its name. It begins a transaction when there is none.
    Savepoint(Name),
    /// Ends the transaction that its savepoint began.
    Release(Name),
    /// Undoes what came after its savepoint.
    RollbackTo(Name),
    /// COMMIT, END, or a ROLLBACK that is not TO a savepoint.
    End,
    /// Also under EXPLAIN, since it may act as it is prepared.
    Pragma,
    /// INSERT, UPDATE, DELETE or REPLACE, before which Python's `sqlite3` begins a transaction; not behind WITH.
    Write,
    Other,
}

impl Verb<&[u8]> {
    /// With a copy of the name.
    pub(crate) fn into_owned(self) -> Verb<Box<[u8]>> {
        match self {
            Self::Savepoint(name) => Verb::Savepoint(name.into()),
            Self::Release(name) => Verb::Release(name.into()),
            Self::RollbackTo(name) => Verb::RollbackTo(name.into()),
            Self::Begin => Verb::Begin,
            Self::End => Verb::End,
            Self::Pragma => Verb::Pragma,
            Self::Write => Verb::Write,
            Self::Other => Verb::Other,
        }
    }
}

pub(crate) fn verb(statement: &[u8]) -> Verb<&[u8]> {
    let mut tokens = Tokens { sql: statement };
    let Some(word) = tokens.next_word_after_semicolons() else {
        return Verb::Other;
    };
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if is("BEGIN") {
        Verb::Begin
    } else if is("SAVEPOINT") {
        Verb::Savepoint(tokens.next_name())
    } else if is("RELEASE") {
        Verb::Release(tokens.next_name())
    } else if is("COMMIT") || is("END") {
        Verb::End
    } else if is("ROLLBACK") {
        // ROLLBACK [TRANSACTION] TO ... stays inside.
        let mut next = tokens.next();
        if matches!(next, Some(Token::Word(w)) if w.eq_ignore_ascii_case(b"TRANSACTION")) {
            next = tokens.next();
        }
        match next {
            Some(Token::Word(w)) if w.eq_ignore_ascii_case(b"TO") => {
                Verb::RollbackTo(tokens.next_name())
            }
            _ => Verb::End,
        }
    } else if is("PRAGMA") || is("EXPLAIN") && tokens.explains_pragma() {
        Verb::Pragma
    } else if is("INSERT") || is("UPDATE") || is("DELETE") || is("REPLACE") {
        Verb::Write
    } else {
        Verb::Other
    }
}

/// Whether one of the statements ends a transaction.
pub(crate) fn ends_transaction(sql: &[u8]) -> bool {
    Statements { rest: sql }.any(|statement| verb(statement) == Verb::End)
}

/// Whether a transaction would be open after a text that was run whole, if one was, or was not, before it.
pub(crate) fn leaves_open(sql: &[u8], is_open: bool) -> bool {
    let mut began = is_open;
    let mut savepoints: Vec<&[u8]> = Vec::new();
    for statement in (Statements { rest: sql }) {
        match verb(statement) {
            Verb::Begin => began = true,
            Verb::Savepoint(name) => savepoints.push(name),
            Verb::Release(name) => {
                let is_it = |savepoint: &&[u8]| savepoint.eq_ignore_ascii_case(name);
                savepoints.truncate(
                    savepoints
                        .iter()
                        .rposition(is_it)
                        .unwrap_or(savepoints.len()),
                );
            }
            Verb::End => {
                began = false;
                savepoints.clear();
            }
            Verb::RollbackTo(_) | Verb::Pragma | Verb::Write | Verb::Other => {}
        }
    }
    began || !savepoints.is_empty()
}

/// Whether the statements keep to a transaction that surrounds them: no BEGIN, no end, and savepoints only of their own.
/// `savepoints` are those that are open, for the statements of the next text.
pub(crate) fn stays_inside(sql: &[u8], savepoints: &mut Vec<Vec<u8>>) -> bool {
    Statements { rest: sql }.all(|statement| match verb(statement) {
        Verb::Begin | Verb::End => false,
        Verb::Savepoint(name) => {
            savepoints.push(name.to_ascii_lowercase());
            true
        }
        Verb::Release(name) | Verb::RollbackTo(name) => {
            let is_it = |savepoint: &Vec<u8>| savepoint.eq_ignore_ascii_case(name);
            let at = savepoints.iter().rposition(is_it);
            if let (Some(at), Verb::Release(_)) = (at, verb(statement)) {
                savepoints.truncate(at);
            }
            at.is_some()
        }
        Verb::Pragma | Verb::Write | Verb::Other => true,
    })
}

/// Splits a text at the semicolons that end statements: not those in quotes, comments and trigger bodies.
struct Statements<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Statements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let all = self.rest;
        let mut tokens = Tokens { sql: all };
        let mut words = 0;
        let mut is_create = false;
        let mut is_temporary = false;
        let mut is_trigger = false;
        // A trigger's body ends with `; END ;`: an END elsewhere is that of a CASE.
        let mut after_semicolon = false;
        let mut after_end = false;
        while let Some(token) = tokens.next() {
            if matches!(token, Token::Semicolon) && (!is_trigger || after_end) {
                break;
            }
            words += usize::from(!matches!(token, Token::Semicolon));
            after_end = false;
            if let Token::Word(word) = token {
                let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
                if words == 1 && is("EXPLAIN")
                    || words <= 2 && !is_create && (is("QUERY") || is("PLAN"))
                {
                    words = 0;
                }
                is_create |= words == 1 && is("CREATE");
                is_temporary |= is_create && words == 2 && (is("TEMP") || is("TEMPORARY"));
                // Elsewhere TRIGGER may be a name.
                is_trigger |= is_create && words == 2 + usize::from(is_temporary) && is("TRIGGER");
                after_end = after_semicolon && is("END");
            }
            after_semicolon = matches!(token, Token::Semicolon);
        }
        let length = all.len() - tokens.sql.len();
        self.rest = tokens.sql;
        (length > 0).then(|| &all[..length])
    }
}

enum Token<'a> {
    Word(&'a [u8]),
    /// Without its quotes.
    Quoted(&'a [u8]),
    Semicolon,
    Other,
}

struct Tokens<'a> {
    sql: &'a [u8],
}

impl<'a> Tokens<'a> {
    /// Empty statements before the first word belong to none: SQLite skips them.
    fn next_word_after_semicolons(&mut self) -> Option<&'a [u8]> {
        loop {
            match self.next()? {
                Token::Word(word) => return Some(word),
                Token::Semicolon => {}
                Token::Quoted(_) | Token::Other => return None,
            }
        }
    }

    /// Behind EXPLAIN, with or without QUERY PLAN.
    fn explains_pragma(&mut self) -> bool {
        for _ in 0..3 {
            match self.next() {
                Some(Token::Word(word)) if word.eq_ignore_ascii_case(b"PRAGMA") => return true,
                Some(Token::Word(_)) => {}
                _ => return false,
            }
        }
        false
    }

    /// The name behind SAVEPOINT, RELEASE [SAVEPOINT] or TO [SAVEPOINT].
    fn next_name(&mut self) -> &'a [u8] {
        match self.next() {
            Some(Token::Word(word)) if word.eq_ignore_ascii_case(b"SAVEPOINT") => self.next_name(),
            Some(Token::Word(name) | Token::Quoted(name)) => name,
            _ => b"",
        }
    }

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        let sql = self.sql;
        let (length, token) = match *sql.first()? {
            b';' => (1, Token::Semicolon),
            quote @ (b'\'' | b'"' | b'`') => quoted(sql, quote),
            b'[' => quoted(sql, b']'),
            c if is_word(c) => {
                let length = sql.iter().position(|&c| !is_word(c)).unwrap_or(sql.len());
                (length, Token::Word(&sql[..length]))
            }
            _ => (1, Token::Other),
        };
        self.sql = &sql[length..];
        Some(token)
    }

    fn skip_blanks(&mut self) {
        loop {
            let sql = self.sql.trim_ascii_start();
            self.sql = if sql.starts_with(b"--") {
                let end = sql.iter().position(|&c| c == b'\n').unwrap_or(sql.len());
                &sql[end..]
            } else if sql.starts_with(b"/*") {
                let end = sql[2..]
                    .windows(2)
                    .position(|pair| pair == b"*/")
                    .map_or(sql.len(), |at| at + 4);
                &sql[end..]
            } else if let Some(rest) = sql.strip_prefix("\u{feff}".as_bytes()) {
                rest
            } else {
                self.sql = sql;
                return;
            };
        }
    }
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c == b'$' || c >= 0x80
}

/// Up to and with the closing quote. A doubled quote reads as two strings side by side, which ends the same.
fn quoted(sql: &[u8], close: u8) -> (usize, Token<'_>) {
    match sql[1..].iter().position(|&c| c == close) {
        Some(at) => (at + 2, Token::Quoted(&sql[1..=at])),
        None => (sql.len(), Token::Other),
    }
}

/// Whether only blanks, comments and semicolons are left.
pub(crate) fn is_blank(sql: &[u8]) -> bool {
    let mut tokens = Tokens { sql };
    while let Some(token) = tokens.next() {
        if !matches!(token, Token::Semicolon) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_found_behind_comments_and_empty_statements() {
        let cases: [(&str, Verb<&[u8]>); 19] = [
            ("BEGIN IMMEDIATE", Verb::Begin),
            ("; -- x\n /* y */ begin", Verb::Begin),
            ("SAVEPOINT a", Verb::Savepoint(b"a")),
            ("RELEASE SAVEPOINT \"b c\"", Verb::Release(b"b c")),
            ("commit", Verb::End),
            ("END TRANSACTION", Verb::End),
            ("/**/ROLLBACK", Verb::End),
            ("rollback transaction", Verb::End),
            ("ROLLBACK TO a", Verb::RollbackTo(b"a")),
            (
                "ROLLBACK TRANSACTION /* . */ TO SAVEPOINT a",
                Verb::RollbackTo(b"a"),
            ),
            ("PRAGMA busy_timeout", Verb::Pragma),
            ("EXPLAIN COMMIT", Verb::Other),
            ("EXPLAIN QUERY PLAN PRAGMA busy_timeout", Verb::Pragma),
            ("'COMMIT'", Verb::Other),
            ("-- x\n/* y */ replace INTO t", Verb::Write),
            (
                "WITH n AS (SELECT 1) INSERT INTO t SELECT * FROM n",
                Verb::Other,
            ),
            ("EXPLAIN INSERT INTO t VALUES (1)", Verb::Other),
            ("ENDING", Verb::Other),
            ("", Verb::Other),
        ];
        for (sql, expected) in cases {
            assert_eq!(verb(sql.as_bytes()), expected, "{sql}");
        }
    }

    #[test]
    fn only_a_statement_of_its_own_ends_a_transaction() {
        for (sql, expected) in [
            (
                "INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2)",
                true,
            ),
            ("INSERT INTO t VALUES ('; COMMIT;')", false),
            ("INSERT INTO t VALUES (1) -- ; COMMIT;", false),
            (
                "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
                false,
            ),
            (
                "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END; END",
                true,
            ),
            (
                "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 2; END; SELECT 1",
                false,
            ),
            ("SELECT CASE 1 WHEN 1 THEN 2 END", false),
            ("CREATE TABLE trigger(y); COMMIT", true),
            ("CREATE TEMP TABLE trigger(y); COMMIT", true),
            (
                "EXPLAIN CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
                false,
            ),
            (
                "EXPLAIN QUERY PLAN CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END; SELECT 1",
                false,
            ),
            ("SELECT [a;COMMIT;b], \"c;COMMIT\", `d;COMMIT`", false),
            ("SELECT 'it''s; COMMIT;'; ROLLBACK TO x", false),
        ] {
            assert_eq!(ends_transaction(sql.as_bytes()), expected, "{sql}");
        }
    }

    #[test]
    fn a_text_leaves_a_transaction_open_or_not() {
        for (sql, before, after) in [
            ("SELECT 1", true, true),
            ("SELECT 1", false, false),
            ("BEGIN; SELECT 1", false, true),
            ("COMMIT; BEGIN; SELECT 1", true, true),
            ("BEGIN; SELECT 1; END", false, false),
            ("ROLLBACK TO a", true, true),
            ("SAVEPOINT a; SELECT 1; RELEASE A", false, false),
            ("SAVEPOINT a; SAVEPOINT b; RELEASE SAVEPOINT b", false, true),
            ("SAVEPOINT a; SAVEPOINT b; RELEASE \"a\"", false, false),
            ("SAVEPOINT a; RELEASE a", true, true),
            ("", true, true),
        ] {
            assert_eq!(leaves_open(sql.as_bytes(), before), after, "{sql}");
        }
    }

    #[test]
    fn an_array_keeps_to_its_transaction_and_its_savepoints() {
        for (sql, expected) in [
            ("SELECT 1; SAVEPOINT a; ROLLBACK TO A; RELEASE a", true),
            ("RELEASE a", false),
            ("ROLLBACK TO a", false),
            ("SAVEPOINT a; RELEASE a; RELEASE a", false),
            ("BEGIN", false),
            ("SELECT 1; COMMIT", false),
        ] {
            assert_eq!(
                stays_inside(sql.as_bytes(), &mut Vec::new()),
                expected,
                "{sql}"
            );
        }
    }

    #[test]
    fn blank_is_blank() {
        assert!(is_blank(b" ; -- c\n/* d */ ;"));
        assert!(!is_blank(b" ; SELECT 1"));
        assert!(is_blank(b"/* open"));
    }
}
