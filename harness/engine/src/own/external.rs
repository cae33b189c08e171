//! A cluster that already runs: where it is, and the user's commands that break and mend it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::{InCommand, Template};
use crate::NodeName;

/// A cluster that already runs. Nothing of it is started, stopped or killed but by the user's own
/// commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// Where clients reach each node; the nodes are called `n1`, `n2`, ...
    #[serde(deserialize_with = "nodes")]
    pub nodes: BTreeMap<NodeName, Endpoint>,
    /// What can be done to it, by names of the user's choice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<String, UserFault>,
}

/// Where a node is reached, such as `http://10.0.0.1:8080`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Endpoint {
    url: String,
}

/// What the user's commands do to one node. Each is given to `sh -c`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserFault {
    /// Breaks something; a command that fails broke nothing.
    pub inject: Template<InCommand>,
    /// Mends it.
    pub heal: Template<InCommand>,
    /// Succeeds while it is in effect, and fails when it is not. Without its consent a fault did
    /// not take effect.
    pub verify: Template<InCommand>,
    /// Succeeds when it is undone. By default it is when `verify` fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_heal: Option<Template<InCommand>>,
    /// Which node it is done to.
    #[serde(default)]
    pub node: Aim,
}

/// Which node a fault of the user's is done to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// The leader, or another one: the plan's seed decides.
    #[default]
    Any,
    /// The leader.
    Leader,
    /// One that does not lead.
    Follower,
}

impl Endpoint {
    /// Without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The machine, by name or address.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host)
    }

    /// The port; 80 if none is told.
    pub fn port(&self) -> u16 {
        let port = self.authority().rsplit_once(':').map(|(_, port)| port);
        port.and_then(|port| port.parse().ok()).unwrap_or(80)
    }

    fn authority(&self) -> &str {
        let rest = self.url.strip_prefix(SCHEME).unwrap_or(&self.url);
        rest.split('/').next().unwrap_or(rest)
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return Err(format!(
                "`{text}`: TLS is not spoken here; give an address that takes plain http"
            ));
        }
        let url = text.trim_end_matches('/').to_owned();
        let endpoint = Endpoint { url };
        let port = endpoint.authority().rsplit_once(':').map(|(_, port)| port);
        let wrong_port = port.is_some_and(|port| port.parse::<u16>().is_err());
        if !text.starts_with(SCHEME) || endpoint.host().is_empty() || wrong_port {
            return Err(format!(
                "`{text}` is no address of a node: write it as \"http://host:port\""
            ));
        }
        Ok(endpoint)
    }
}

const SCHEME: &str = "http://";

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Endpoint::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The names are those that every plan gives its nodes.
fn nodes<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<NodeName, Endpoint>, D::Error> {
    let nodes: BTreeMap<NodeName, Endpoint> = BTreeMap::deserialize(from)?;
    let mut expected = (1u32..).map(NodeName::numbered).take(nodes.len());
    let missing = expected.find(|name| !nodes.contains_key(name));
    match missing {
        _ if nodes.is_empty() => Err(serde::de::Error::custom("no node is listed")),
        Some(name) => Err(serde::de::Error::custom(format!(
            "the {} nodes are called n1 to n{}: {name} is missing",
            nodes.len(),
            nodes.len()
        ))),
        None => Ok(nodes),
    }
}
