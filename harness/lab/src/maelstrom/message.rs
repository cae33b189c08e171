//! One message: a line of JSON with `src`, `dest` and `body`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// What a node or a client says to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) src: String,
    pub(crate) dest: String,
    pub(crate) body: Map<String, Json>,
}

impl Message {
    /// Reads a line that a node wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let message: Message = serde_json::from_str(line).map_err(|error| {
            format!("a message is JSON with `src`, `dest` and `body` on one line ({error})")
        })?;
        match message.body.get("type") {
            Some(Json::String(_)) => Ok(message),
            _ => Err("its body has no `type`".to_owned()),
        }
    }

    /// As a line, without the end of the line.
    pub(crate) fn line(&self) -> String {
        serde_json::to_string(self).expect("a message is words, numbers and maps of them")
    }

    /// What it is.
    pub(crate) fn kind(&self) -> &str {
        self.body.get("type").and_then(Json::as_str).unwrap_or("")
    }

    /// The number that a reply to it repeats.
    pub(crate) fn number(&self) -> Option<&Json> {
        self.body.get("msg_id")
    }

    /// The number of the message that it replies to.
    pub(crate) fn in_reply_to(&self) -> Option<u64> {
        self.body.get("in_reply_to").and_then(Json::as_u64)
    }

    /// A reply to it, whose body says this.
    pub(crate) fn reply(&self, mut body: Map<String, Json>) -> Message {
        if let Some(number) = self.number() {
            body.insert("in_reply_to".to_owned(), number.clone());
        }
        Message {
            src: self.dest.clone(),
            dest: self.src.clone(),
            body,
        }
    }
}

/// The body of a message.
///
/// # Panics
/// If the JSON is no object, which is a mistake in this program.
pub(crate) fn body(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(body) => body,
        other => panic!("the body of a message is an object, not {other}"),
    }
}
