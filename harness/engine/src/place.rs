//! Where the clients of a run are, in a lab whose network has places.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where the clients are. Written `outside` or `beside`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientPlace {
    /// Where every node is reached at any time: no fault of the network touches a client.
    #[default]
    Outside,
    /// Each at a node, as an application that runs on the same machine: it reaches that node at any
    /// time, and is cut off from the others with it.
    Beside,
}

/// A word that names no place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("clients are not `{word}`: they are outside or beside")]
pub struct UnknownPlace {
    word: String,
}

impl ClientPlace {
    /// The word in plans, on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            ClientPlace::Outside => "outside",
            ClientPlace::Beside => "beside",
        }
    }
}

impl fmt::Display for ClientPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ClientPlace {
    type Err = UnknownPlace;

    fn from_str(word: &str) -> Result<Self, UnknownPlace> {
        match word {
            "outside" => Ok(ClientPlace::Outside),
            "beside" => Ok(ClientPlace::Beside),
            _ => Err(UnknownPlace {
                word: word.to_owned(),
            }),
        }
    }
}
