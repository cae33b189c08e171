//! How a node is started, shows that it serves, and shows whether it leads.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::answers::pointer;
use super::{InPeer, InStart, Template};

/// How a node is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The program and its arguments.
    #[serde(deserialize_with = "command")]
    pub command: Vec<Template<InStart>>,
    /// Variables set for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Template<InStart>>,
    /// Files written before its first start, by their path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// How each node is written in `{peers}` and `{members}`.
    #[serde(default)]
    pub peer: PeerFormat,
}

/// A file of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where it lies.
    pub path: Template<InStart>,
    /// What is in it.
    pub text: Template<InStart>,
}

/// How other nodes are told to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeerFormat {
    /// Each of them.
    pub each: Template<InPeer>,
    /// What stands between two.
    pub separator: String,
}

/// How a node shows that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// What is asked for, with GET.
    #[serde(deserialize_with = "path")]
    pub path: String,
    /// The status of the answer.
    #[serde(default = "usual_status")]
    pub status: u16,
}

/// How a node shows whether it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaderLookup {
    /// What is asked for, with GET.
    #[serde(deserialize_with = "path")]
    pub path: String,
    /// Where its role is in the answer: a JSON pointer.
    #[serde(deserialize_with = "pointer")]
    pub role: String,
    /// What stands there if it leads.
    pub leads: serde_json::Value,
    /// Where its term, view or epoch is, if it tells one: a JSON pointer. Of several that think
    /// that they lead, the one with the highest does.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_pointer"
    )]
    pub term: Option<String>,
}

impl Default for PeerFormat {
    fn default() -> Self {
        let each = Template::parse("{node}={ip}:{port}").expect("words of the vocabulary");
        let separator = ",".to_owned();
        PeerFormat { each, separator }
    }
}

impl Start {
    /// Whether a node is told how to reach the others.
    pub fn names_peers(&self) -> bool {
        let files = self.files.iter().map(|file| &file.text);
        let mut all = self.command.iter().chain(self.env.values()).chain(files);
        all.any(|text| text.has("peers") || text.has("members"))
    }
}

fn command<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Template<InStart>>, D::Error> {
    let command = Vec::deserialize(from)?;
    if command.is_empty() {
        let problem =
            "a command is a program and its arguments, such as [\"./server\", \"{port}\"]";
        return Err(serde::de::Error::custom(problem));
    }
    Ok(command)
}

fn path<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let path = String::deserialize(from)?;
    if path.starts_with('/') {
        return Ok(path);
    }
    let problem = format!("a path begins with a slash: write \"/{path}\"");
    Err(serde::de::Error::custom(problem))
}

fn optional_pointer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    pointer(from).map(Some)
}

fn usual_status() -> u16 {
    200
}
