//! What clients may ask: one HTTP request for each operation.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use testimony_history::Function;

use super::answers::{ambiguous, meaning};
use super::{Answers, Heard, InCall, Meaning, Place, Template};

/// The operations that a system offers. What is absent it does not offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Reads a key.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "read")]
    pub read: Option<Operation>,
    /// Sets a key.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "write")]
    pub write: Option<Operation>,
    /// Sets a key to `{new}` if it is `{old}`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "cas")]
    pub cas: Option<Operation>,
    /// Sets a key to `{new}` if there is none. Without it no compare-and-set that expects nothing
    /// is made.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "create")]
    pub create: Option<Operation>,
    /// Says whether there is a key.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "contains")]
    pub contains: Option<Operation>,
    /// Removes a key.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "remove")]
    pub remove: Option<Operation>,
    /// Appends to a key's text.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "append")]
    pub append: Option<Operation>,
    /// Adds to a key's number.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "add")]
    pub add: Option<Operation>,
}

/// One request, and what its answers mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// GET, PUT, POST, ...
    #[serde(default = "get")]
    pub method: String,
    /// The path, and what follows a question mark.
    pub path: Template<InCall>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Template<InCall>>,
    /// Further headers. A body is `application/json` unless they say otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Where the answer's value is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Place>,
    /// Where a comparison that did not match tells what it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Place>,
    /// The answers that mean that it was done.
    pub ok: Answers,
    /// The answers that mean that the comparison did not match.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub no_match: Answers,
    /// The answers that mean that there is no such key.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub absent: Answers,
    /// The answers that mean that it was certainly not done.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub failed: Answers,
    /// As `failed`; the next node is asked.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub elsewhere: Answers,
    /// As `failed`; the node that `Location` names is asked.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub redirect: Answers,
    /// The answers that leave it open, as every answer does that is not listed.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub unknown: Answers,
}

/// What one operation has to have, and may have.
struct Rules {
    /// Placeholders, all of which its request carries; it has no others.
    carries: &'static [&'static str],
    needs_value: bool,
    may_have_value: bool,
    compares: bool,
    may_be_absent: bool,
}

const PLAIN: Rules = Rules {
    carries: &["key"],
    needs_value: false,
    may_have_value: false,
    compares: false,
    may_be_absent: false,
};

impl Api {
    /// Every operation that is described, with what it is called in a history. `create` is part of
    /// `cas` there.
    pub fn functions(&self) -> Vec<Function> {
        use Function::{Add, Append, Cas, Contains, Read, Remove, Write};
        let known = [Read, Write, Cas, Contains, Remove, Append, Add];
        known
            .into_iter()
            .filter(|f| self.operation(f).is_some())
            .collect()
    }

    /// How a function is asked for.
    pub fn operation(&self, f: &Function) -> Option<&Operation> {
        let operation = match f {
            Function::Read => &self.read,
            Function::Write => &self.write,
            Function::Cas => &self.cas,
            Function::Contains => &self.contains,
            Function::Remove => &self.remove,
            Function::Append => &self.append,
            Function::Add => &self.add,
            _ => &None,
        };
        operation.as_ref()
    }
}

impl Operation {
    /// What an answer means. One that is not listed is unknown.
    pub fn meaning(&self, heard: &Heard) -> Meaning {
        meaning(&self.table(), heard)
    }

    fn table(&self) -> [(Meaning, &Answers); 7] {
        [
            (Meaning::Ok, &self.ok),
            (Meaning::NoMatch, &self.no_match),
            (Meaning::Absent, &self.absent),
            (Meaning::Failed, &self.failed),
            (Meaning::Elsewhere, &self.elsewhere),
            (Meaning::Redirect, &self.redirect),
            (Meaning::Unknown, &self.unknown),
        ]
    }

    fn problem(&self, rules: &Rules) -> Option<String> {
        self.problem_of_request(rules)
            .or_else(|| self.problem_of_answers(rules))
    }

    fn problem_of_request(&self, rules: &Rules) -> Option<String> {
        let carried = |word: &str| {
            self.path.has(word) || self.body.as_ref().is_some_and(|body| body.has(word))
        };
        let missing = rules.carries.iter().find(|word| !carried(word));
        let body = self.body.iter().flat_map(Template::words);
        let mut words = self.path.words().chain(body);
        let foreign = words.find(|word| !rules.carries.contains(word));
        let no_method =
            self.method.is_empty() || !self.method.chars().all(|c| c.is_ascii_uppercase());
        match (missing, foreign) {
            (Some(word), _) => Some(format!("neither path nor body has {{{word}}}")),
            (_, Some(word)) => Some(format!("{{{word}}} means nothing in this operation")),
            _ if !self.path.source().starts_with('/') => {
                Some("the path begins with no slash".into())
            }
            _ if no_method => Some(format!("`{}` is no HTTP method", self.method)),
            _ => None,
        }
    }

    fn problem_of_answers(&self, rules: &Rules) -> Option<String> {
        if let Some(status) = ambiguous(&self.table()) {
            return Some(format!(
                "status {status} has two meanings: say with `at` or `body` which answer is which"
            ));
        }
        match rules {
            _ if self.ok.any.is_empty() => Some("`ok` lists no answer".into()),
            _ if rules.needs_value && self.value.is_none() => {
                Some("`value` is missing: where the value is in the answer".into())
            }
            _ if !rules.may_have_value && self.value.is_some() => {
                Some("`value` means nothing in this operation".into())
            }
            _ if !rules.compares && self.actual.is_some() => {
                Some("`actual` means nothing in this operation".into())
            }
            _ if rules.compares && self.no_match.any.is_empty() => {
                Some("`no_match` is missing: how it shows that it did not match".into())
            }
            _ if !rules.compares && !self.no_match.any.is_empty() => {
                Some("`no_match` means nothing in this operation".into())
            }
            _ if !rules.may_be_absent && !self.absent.any.is_empty() => {
                Some("`absent` means nothing in this operation".into())
            }
            _ => None,
        }
    }
}

fn checked<'de, D: Deserializer<'de>>(
    from: D,
    rules: &Rules,
) -> Result<Option<Operation>, D::Error> {
    let operation = Operation::deserialize(from)?;
    match operation.problem(rules) {
        Some(problem) => Err(D::Error::custom(problem)),
        None => Ok(Some(operation)),
    }
}

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Operation>, D::Error> {
    let rules = Rules {
        needs_value: true,
        may_have_value: true,
        may_be_absent: true,
        ..PLAIN
    };
    checked(from, &rules)
}

fn write<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Operation>, D::Error> {
    let rules = Rules {
        carries: &["key", "value"],
        ..PLAIN
    };
    checked(from, &rules)
}

fn cas<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Operation>, D::Error> {
    let rules = Rules {
        carries: &["key", "old", "new"],
        compares: true,
        may_be_absent: true,
        ..PLAIN
    };
    checked(from, &rules)
}

fn create<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Operation>, D::Error> {
    let rules = Rules {
        carries: &["key", "new"],
        compares: true,
        ..PLAIN
    };
    checked(from, &rules)
}

fn contains<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Operation>, D::Error> {
    let rules = Rules {
        may_have_value: true,
        may_be_absent: true,
        ..PLAIN
    };
    checked(from, &rules)
}

fn remove<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Operation>, D::Error> {
    contains(from)
}

fn append<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Operation>, D::Error> {
    write(from)
}

fn add<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Operation>, D::Error> {
    let rules = Rules {
        carries: &["key", "value"],
        may_have_value: true,
        ..PLAIN
    };
    checked(from, &rules)
}

fn get() -> String {
    "GET".to_owned()
}

fn is_empty(answers: &Answers) -> bool {
    answers.any.is_empty()
}
