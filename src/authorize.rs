//! What statements may do, as rules that are looked through when a statement is prepared.

use crate::command::{Arguments, misuse};
use crate::error::Error;
use crate::exec::{Done, Runner};
use crate::ffi::payload::{Value, ValueRef};
use crate::request::Work;

/// decision, action, first, second, schema, trigger.
pub(crate) const RULE_COLUMNS: usize = 6;

/// What a statement wants to do, as SQLite tells it.
pub(crate) struct Access<'a> {
    pub(crate) action: i64,
    /// first, second, schema, trigger.
    pub(crate) names: [Option<&'a [u8]>; 4],
}

impl Access<'_> {
    pub(crate) fn arguments(&self) -> [ValueRef<'_>; 5] {
        let [first, second, schema, trigger] = self
            .names
            .map(|name| name.map_or(ValueRef::Null, ValueRef::Text));
        [
            ValueRef::Integer(self.action),
            first,
            second,
            schema,
            trigger,
        ]
    }
}

/// In the order of SIDELITE_ALLOW, SIDELITE_DENY and SIDELITE_IGNORE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
    Deny,
    Ignore,
}

impl Decision {
    pub(crate) fn of(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Allow),
            1 => Some(Self::Deny),
            2 => Some(Self::Ignore),
            _ => None,
        }
    }
}

/// None stands for anything.
#[derive(Clone)]
struct Rule {
    decision: Decision,
    action: Option<i64>,
    names: [Option<Box<[u8]>>; 4],
}

impl Rule {
    fn of(row: &[ValueRef<'_>]) -> Result<Self, Error> {
        let decision = match row[0] {
            ValueRef::Integer(number) => Decision::of(number),
            _ => None,
        };
        let action = match row[1] {
            ValueRef::Null => None,
            ValueRef::Integer(action) => Some(action),
            _ => return Err(misuse("a rule's action must be an INTEGER or NULL")),
        };
        let mut names = [const { None }; 4];
        for (name, value) in names.iter_mut().zip(&row[2..]) {
            *name = match *value {
                ValueRef::Null => None,
                ValueRef::Text(text) => Some(text.into()),
                _ => return Err(misuse("a rule's names must be TEXT or NULL")),
            };
        }
        Ok(Self {
            decision: decision
                .ok_or_else(|| misuse("a rule's decision must be ALLOW, DENY or IGNORE"))?,
            action,
            names,
        })
    }

    fn matches(&self, access: &Access<'_>) -> bool {
        let is_alike = |(wanted, name): (&Option<Box<[u8]>>, &Option<&[u8]>)| match (wanted, name) {
            (None, _) => true,
            (Some(wanted), Some(name)) => wanted.eq_ignore_ascii_case(name),
            (Some(_), None) => false,
        };
        self.action.is_none_or(|action| action == access.action)
            && self.names.iter().zip(&access.names).all(is_alike)
    }
}

/// The first that matches decides.
#[derive(Clone, Default)]
pub(crate) struct Rules(Vec<Rule>);

impl Rules {
    /// Those given when the connection was opened.
    pub(crate) fn of(values: &[Value]) -> Result<Self, Error> {
        let rows = values.chunks_exact(RULE_COLUMNS);
        let rule = |row: &[Value]| Rule::of(&row.iter().map(Value::as_ref).collect::<Vec<_>>());
        rows.map(rule).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn decide(&self, access: &Access<'_>) -> Option<Decision> {
        let rule = self.0.iter().find(|rule| rule.matches(access));
        rule.map(|rule| rule.decision)
    }
}

pub(crate) fn authorize(runner: &mut Runner<'_>, work: &Work) -> Result<Done, Error> {
    let mut rules = Vec::new();
    let count = if work.payload.ncols == 0 {
        0
    } else {
        work.payload.nrows
    };
    for row in 0..count {
        let names = &["decision", "action", "first", "second", "schema", "trigger"];
        let arguments = Arguments::of_row(work, row, names)?;
        let row: Vec<_> = (0..RULE_COLUMNS)
            .map(|column| arguments.get(column))
            .collect();
        rules.push(Rule::of(&row)?);
    }
    runner.watch.hooks.set_rules(Rules(rules), runner.database);
    Ok(Done::default())
}
