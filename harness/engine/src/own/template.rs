//! Text with placeholders, such as `/kv/{key}`.
//!
//! A placeholder is a word of lower-case letters and hyphens in braces; `{{` is one brace. Any
//! other brace stands for itself, so that JSON can be written as it is. A word that means nothing
//! where it stands is an error: what is misspelt would go to the system as it stands.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The placeholders that have a meaning somewhere.
pub trait Vocabulary {
    /// Where that is, for an error.
    const PLACE: &'static str;
    /// The words.
    const WORDS: &'static [&'static str];
}

/// In what starts a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InStart {}

/// In how one peer is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InPeer {}

/// In a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InCall {}

/// In a command that breaks something or mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InCommand {}

impl Vocabulary for InStart {
    const PLACE: &'static str = "what starts a node";
    const WORDS: &'static [&'static str] = &[
        "node",
        "ip",
        "port",
        "peer-port",
        "peers",
        "members",
        "data",
    ];
}

impl Vocabulary for InPeer {
    const PLACE: &'static str = "`peer`";
    const WORDS: &'static [&'static str] = &["node", "ip", "port"];
}

impl Vocabulary for InCall {
    const PLACE: &'static str = "a request";
    const WORDS: &'static [&'static str] = &["key", "value", "old", "new"];
}

impl Vocabulary for InCommand {
    const PLACE: &'static str = "a command";
    const WORDS: &'static [&'static str] = &["node", "url", "host", "port"];
}

/// Text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template<V> {
    source: String,
    parts: Vec<Part>,
    vocabulary: PhantomData<V>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Slot {
        word: &'static str,
        /// Whether it stands within double quotes.
        quoted: bool,
    },
}

impl<V: Vocabulary> Template<V> {
    /// Reads a template.
    ///
    /// # Errors
    /// If it has a placeholder that means nothing here; the error lists those that do.
    pub fn parse(source: &str) -> Result<Self, String> {
        let mut parts = Parts::default();
        let mut rest = source;
        while let Some(at) = rest.find('{') {
            let (before, from_brace) = rest.split_at(at);
            parts.text(before);
            rest = match placeholder(from_brace) {
                _ if from_brace.starts_with("{{") => {
                    parts.text("{");
                    &from_brace[2..]
                }
                Some(word) => {
                    parts.slot(known::<V>(word)?);
                    &from_brace[word.len() + 2..]
                }
                None => {
                    parts.text("{");
                    &from_brace[1..]
                }
            };
        }
        parts.text(rest);
        Ok(Template {
            source: source.to_owned(),
            parts: parts.list,
            vocabulary: PhantomData,
        })
    }

    /// Whether the placeholder stands in it.
    pub fn has(&self, word: &str) -> bool {
        let is_it = |part: &Part| matches!(part, Part::Slot { word: found, .. } if *found == word);
        self.parts.iter().any(is_it)
    }

    /// Whether it is JSON, by how it begins.
    pub fn is_json(&self) -> bool {
        let begins = |text: &str| text.trim_start().starts_with(['{', '[', '"']);
        matches!(self.parts.first(), Some(Part::Text(text)) if begins(text))
    }

    /// The placeholders in it.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.parts.iter().filter_map(|part| match part {
            Part::Slot { word, .. } => Some(*word),
            Part::Text(_) => None,
        })
    }

    /// The text with each placeholder replaced by what `fill` says of it; `fill` also hears
    /// whether it stands within double quotes.
    pub fn filled(&self, mut fill: impl FnMut(&str, bool) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Slot { word, quoted } => fill(word, *quoted),
        };
        self.parts.iter().map(part).collect()
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// What is collected of a template.
#[derive(Default)]
struct Parts {
    list: Vec<Part>,
    quoted: bool,
    escaped: bool,
}

impl Parts {
    fn text(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                _ if self.escaped => self.escaped = false,
                '\\' => self.escaped = true,
                '"' => self.quoted = !self.quoted,
                _ => {}
            }
        }
        match self.list.last_mut() {
            Some(Part::Text(before)) => before.push_str(text),
            _ => self.list.push(Part::Text(text.to_owned())),
        }
    }

    fn slot(&mut self, word: &'static str) {
        let quoted = self.quoted;
        self.list.push(Part::Slot { word, quoted });
    }
}

/// The word in the braces that the text begins with.
fn placeholder(text: &str) -> Option<&str> {
    let (word, _) = text.strip_prefix('{')?.split_once('}')?;
    let is_word = |letter: char| letter.is_ascii_lowercase() || letter == '-' || letter == '_';
    (!word.is_empty() && word.chars().all(is_word)).then_some(word)
}

fn known<V: Vocabulary>(word: &str) -> Result<&'static str, String> {
    let found = V::WORDS.iter().find(|known| **known == word);
    found.copied().ok_or_else(|| {
        let words: Vec<String> = V::WORDS.iter().map(|word| format!("{{{word}}}")).collect();
        let (place, words) = (V::PLACE, words.join(", "));
        format!("{{{word}}} means nothing in {place}; there are {words}")
    })
}

impl<V: Vocabulary> fmt::Display for Template<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl<V: Vocabulary> Serialize for Template<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de, V: Vocabulary> Deserialize<'de> for Template<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Template::parse(&source).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(source: &str) -> String {
        let template = Template::<InCall>::parse(source).unwrap();
        template.filled(|word, quoted| format!("<{word}{}>", if quoted { "!" } else { "" }))
    }

    #[test]
    fn a_placeholder_is_replaced_and_knows_whether_it_is_quoted() {
        assert_eq!(filled("/kv/{key}"), "/kv/<key>");
        let body = r#"{"k":"{key}","v":{value},"q":"\"{old}"}"#;
        assert_eq!(filled(body), r#"{"k":"<key!>","v":<value>,"q":"\"<old!>"}"#);
    }

    #[test]
    fn other_braces_stand_for_themselves() {
        assert_eq!(
            filled("{} {\"a\": {}} {{key} {Key"),
            "{} {\"a\": {}} {key} {Key"
        );
    }

    #[test]
    fn a_misspelt_placeholder_is_refused_with_those_there_are() {
        let error = Template::<InCall>::parse("/kv/{kee}").unwrap_err();
        assert!(
            error.contains("{kee}") && error.contains("{key}, {value}"),
            "{error}"
        );
    }
}
