//! What an answer means: by its status, and where that says too little, by what is in it.
//!
//! An answer that has no meaning, or several, is unknown. That is the only sound reading: to call
//! an update failed that happens all the same makes a correct system look broken.

use std::collections::BTreeMap;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

/// What an answer can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// It was done.
    Ok,
    /// The comparison did not match.
    NoMatch,
    /// There is no such key.
    Absent,
    /// It was certainly not done, and never will be.
    Failed,
    /// As failed, and another node may do it.
    Elsewhere,
    /// As failed, and the answer's `Location` says who does it.
    Redirect,
    /// Nobody knows.
    Unknown,
}

/// The answers that mean one thing: a status, a table, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Answers {
    /// Any of them.
    pub any: Vec<Condition>,
}

/// Which answer is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Its status.
    pub status: u16,
    /// A place in it: a JSON pointer.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_pointer"
    )]
    pub at: Option<String>,
    /// What stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Json>,
    /// That nothing stands there, or null.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
    /// The whole body, but for space around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// Where in an answer something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a JSON pointer. Written as it is, such as `/value`.
    Pointer(String),
    /// The whole body is it. Written `body`.
    Body,
}

/// What a node answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// The body as JSON, if it is that.
    pub json: Option<Json>,
}

impl Heard {
    /// An answer.
    pub fn new(status: u16, body: String) -> Self {
        let json = serde_json::from_str(&body).ok();
        Heard { status, body, json }
    }

    fn at(&self, pointer: &str) -> Option<&Json> {
        self.json.as_ref()?.pointer(pointer)
    }
}

impl Place {
    /// What stands there, if anything does.
    pub fn of(&self, heard: &Heard) -> Option<Json> {
        match self {
            Place::Pointer(pointer) => heard.at(pointer).cloned(),
            Place::Body => Some(Json::from(heard.body.trim())),
        }
    }
}

impl Condition {
    /// Whether it looks at more than the status.
    fn is_particular(&self) -> bool {
        self.at.is_some() || self.body.is_some()
    }

    fn holds(&self, heard: &Heard) -> bool {
        let there = || self.at.as_deref().and_then(|at| heard.at(at));
        let body = self.body.as_deref().map(str::trim);
        heard.status == self.status
            && body.is_none_or(|body| heard.body.trim() == body)
            && self.is.as_ref().is_none_or(|is| there() == Some(is))
            // Of what is no JSON at all nobody knows what is missing in it.
            && (!self.missing || (heard.json.is_some() && there().is_none_or(Json::is_null)))
    }

    fn problem(&self) -> Option<String> {
        let (at, body) = (self.at.is_some(), self.body.is_some());
        match (at, self.is.is_some(), self.missing) {
            _ if !(100..1000).contains(&self.status) => {
                Some(format!("{} is no HTTP status", self.status))
            }
            (true, false, false) => Some("`at` needs `is = ...` or `missing = true`".into()),
            (false, true, _) | (false, _, true) => Some("`is` and `missing` need `at`".into()),
            (_, true, true) => Some("what `is` something is not `missing`".into()),
            _ if at && body => Some("`at` and `body` exclude each other".into()),
            _ => None,
        }
    }
}

/// What an answer means, given what is listed for each meaning. A condition that looks at more than
/// the status wins over a bare status; where two that look disagree, nobody knows.
pub(super) fn meaning(table: &[(Meaning, &Answers)], heard: &Heard) -> Meaning {
    let found = |particular: bool| {
        let holds = |c: &&Condition| c.is_particular() == particular && c.holds(heard);
        let rows = table.iter();
        let mut meanings: Vec<Meaning> = rows
            .filter(|(_, answers)| answers.any.iter().any(|condition| holds(&condition)))
            .map(|(meaning, _)| *meaning)
            .collect();
        meanings.dedup();
        meanings
    };
    let mut meanings = found(true);
    if meanings.is_empty() {
        meanings = found(false);
    }
    match meanings[..] {
        [only] => only,
        _ => Meaning::Unknown,
    }
}

/// A status that means two things, if there is one.
pub(super) fn ambiguous(table: &[(Meaning, &Answers)]) -> Option<u16> {
    let mut known: BTreeMap<u16, Meaning> = BTreeMap::new();
    for (meaning, answers) in table {
        let bare = answers.any.iter().filter(|c| !c.is_particular());
        for status in bare.map(|condition| condition.status) {
            if known
                .insert(status, *meaning)
                .is_some_and(|other| other != *meaning)
            {
                return Some(status);
            }
        }
    }
    None
}

/// Reads a JSON pointer.
pub(super) fn pointer<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.starts_with('/') {
        return Ok(text);
    }
    Err(D::Error::custom(format!(
        "a JSON pointer begins with a slash: write \"/{text}\""
    )))
}

fn optional_pointer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    pointer(from).map(Some)
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Place::Pointer(pointer) => serializer.serialize_str(pointer),
            Place::Body => serializer.serialize_str("body"),
        }
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match String::deserialize(from)? {
            body if body == "body" => Ok(Place::Body),
            pointer if pointer.starts_with('/') => Ok(Place::Pointer(pointer)),
            other => Err(D::Error::custom(format!(
                "`{other}` is no place in an answer: write a JSON pointer such as \"/value\", or \
                 \"body\" for all of it"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for Answers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OneOrMore).map(|any| Answers { any })
    }
}

/// A status, a table, or a list of them.
struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Vec<Condition>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a status such as 200, a table such as { status = 200, at = \"/ok\", is = true }, or a list of them")
    }

    fn visit_i64<E: Error>(self, status: i64) -> Result<Vec<Condition>, E> {
        let no_status = |_| E::custom(format!("{status} is no HTTP status"));
        let condition = Condition {
            status: u16::try_from(status).map_err(no_status)?,
            at: None,
            is: None,
            missing: false,
            body: None,
        };
        checked(condition).map(|condition| vec![condition])
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<Condition>, A::Error> {
        let condition = Condition::deserialize(MapAccessDeserializer::new(map))?;
        checked(condition).map(|condition| vec![condition])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Condition>, A::Error> {
        let mut any = Vec::new();
        while let Some(more) = list.next_element::<Answers>()? {
            any.extend(more.any);
        }
        Ok(any)
    }
}

fn checked<E: Error>(condition: Condition) -> Result<Condition, E> {
    match condition.problem() {
        Some(problem) => Err(E::custom(problem)),
        None => Ok(condition),
    }
}
