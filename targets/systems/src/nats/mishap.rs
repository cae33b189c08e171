//! What can go wrong with a request to JetStream, and what it says about the operation.
//!
//! This table decides between *failed* and *unknown*, so it decides whether a verdict can be
//! trusted. What is not in the table is unknown. The codes are those of nats-server 2.9.
//!
//! | what the client met | certainty | because |
//! |---|---|---|
//! | no connection, or no greeting | not applied | nothing of the operation was sent |
//! | status 503 (no responders) to a publication | not applied | the server has handed it to
//! nobody:
//! no stream listens to the subject as far as it knows |
//! | error 10071, wrong last sequence | not applied | the stream's leader compares before it
//! proposes
//! the message to the others, and proposes none that it refuses |
//! | any other error of the stream, such as 10008 (temporarily unavailable) | unknown | some are
//! told after the message was proposed to the others |
//! | an acknowledgement without a sequence | unknown | it may have been stored |
//! | `-ERR`, reset or closed after sending | unknown | nothing is known |
//! | no answer in time | unknown | a leader that was cut off takes messages and answers to none;
//! the message may be stored when it is back, or never |
//!
//! A publication is sent once. Compare-and-set, append and add are a read and a publication that
//! expects the sequence that was read; only after a wrong last sequence, which is certain to have
//! stored nothing, are they tried again. A read that got no answer has *failed*: it changes
//! nothing.

use serde_json::Value as Json;

use super::protocol::Message;
use crate::mishap::Mishap;

/// The stream has had another message under that key in the meantime.
const WRONG_LAST_SEQUENCE: u64 = 10071;
/// Nobody listens to the subject.
const NO_RESPONDERS: u16 = 503;

/// Why a publication was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The sequence was not the expected one; nothing was stored.
    WrongSequence,
    /// As the table says.
    Mishap(Mishap),
}

/// The sequence under which a publication was stored.
///
/// # Errors
/// If it was not acknowledged.
pub(crate) fn stored(answer: &Message) -> Result<u64, Refusal> {
    if answer.status == Some(NO_RESPONDERS) {
        let error = "no responders".to_owned();
        return Err(Refusal::Mishap(Mishap::NotApplied(error)));
    }
    let body: Json = serde_json::from_slice(&answer.payload).unwrap_or_default();
    if let Some(error) = body.get("error") {
        if code(error) == Some(WRONG_LAST_SEQUENCE) {
            return Err(Refusal::WrongSequence);
        }
        return Err(Refusal::Mishap(Mishap::Unknown(words(error))));
    }
    let sequence = body.get("seq").and_then(Json::as_u64);
    let silent = || Mishap::Unknown("an acknowledgement without a sequence".to_owned());
    sequence.ok_or_else(|| Refusal::Mishap(silent()))
}

/// The number of an error of JetStream.
pub(crate) fn code(error: &Json) -> Option<u64> {
    error.get("err_code").and_then(Json::as_u64)
}

/// An error of JetStream as it stands in a history.
pub(crate) fn words(error: &Json) -> String {
    let text = error.get("description").and_then(Json::as_str);
    let code = code(error).unwrap_or_default();
    format!("{code} {}", text.unwrap_or("without a description"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: Option<u16>, payload: &str) -> Result<u64, Refusal> {
        stored(&Message {
            status,
            payload: payload.into(),
            ..Message::default()
        })
    }

    #[test]
    fn an_acknowledgement_tells_the_sequence() {
        assert_eq!(answered(None, r#"{"stream":"KV_b", "seq":3}"#), Ok(3));
    }

    #[test]
    fn only_a_wrong_sequence_and_nobody_listening_are_certain() {
        let wrong = r#"{"error":{"code":400,"err_code":10071,
            "description":"wrong last sequence: 1"},"stream":"KV_b","seq":0}"#;
        assert_eq!(answered(None, wrong), Err(Refusal::WrongSequence));
        let nobody = answered(Some(503), "");
        let certain = |refusal| matches!(refusal, Err(Refusal::Mishap(Mishap::NotApplied(_))));
        assert!(certain(nobody));
        for payload in [
            r#"{"error":{"code":503,"err_code":10008,"description":"unavailable"}}"#,
            r#"{"error":{}}"#,
            r#"{"stream":"KV_b"}"#,
            "",
        ] {
            let refusal = answered(None, payload);
            assert!(
                matches!(refusal, Err(Refusal::Mishap(Mishap::Unknown(_)))),
                "{payload}"
            );
        }
    }
}
