//! What clients are told, as data: status, body, and where to go instead.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use testimony_consensus::machine::store::{Response, Store};
use testimony_consensus::raft::Reply;

/// One answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) body: Value,
}

/// What a client knows about an operation that it got no result of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It certainly has no effect and never will have one.
    Failed,
    /// It may have taken effect, or may do so later.
    Unknown,
}

impl Answer {
    /// It was done; here is the result.
    pub(crate) fn done(body: Value) -> Self {
        Answer {
            status: StatusCode::OK,
            location: None,
            body,
        }
    }

    /// There is no result.
    pub(crate) fn error(status: StatusCode, error: &str, outcome: Outcome) -> Self {
        let outcome = match outcome {
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        };
        let body = json!({ "error": error, "outcome": outcome });
        Answer {
            status,
            location: None,
            body,
        }
    }

    /// Another node answers this.
    pub(crate) fn elsewhere(leader: &str, location: String) -> Self {
        let body = json!({ "error": "not-leader", "leader": leader, "outcome": "failed" });
        Answer {
            status: StatusCode::TEMPORARY_REDIRECT,
            location: Some(location),
            body,
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> axum::response::Response {
        let body = (self.status, Json(self.body));
        match self.location {
            Some(location) => ([(LOCATION, location)], body).into_response(),
            None => body.into_response(),
        }
    }
}

/// What the core said, as an answer.
pub(crate) fn of_reply(reply: Reply<Store>, is_read: bool, term: u64) -> Answer {
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    match reply {
        Reply::Session(session) => Answer::done(json!({ "session": session, "term": term })),
        Reply::Applied(response) | Reply::Answer(response) => of_response(response, term),
        Reply::Done => Answer::done(json!({})),
        Reply::SessionExpired => {
            Answer::error(StatusCode::CONFLICT, "session-expired", Outcome::Failed)
        }
        Reply::Uncertain if is_read => Answer::error(unavailable, "uncertain", Outcome::Failed),
        Reply::Uncertain => Answer::error(unavailable, "uncertain", Outcome::Unknown),
        Reply::Refused(why) => Answer::error(StatusCode::CONFLICT, &why, Outcome::Failed),
        Reply::NotLeader { .. } => Answer::error(unavailable, "no-leader", Outcome::Failed),
    }
}

fn of_response(response: Response, term: u64) -> Answer {
    let mut body = match response {
        Response::Value(value) => json!({ "value": value }),
        Response::Done => json!({}),
        Response::Swapped => json!({ "swapped": true }),
        Response::Mismatch(actual) => json!({ "swapped": false, "actual": actual }),
        Response::Found(result) => json!({ "result": result }),
        Response::Sum(result) => json!({ "result": result }),
        Response::WrongType(why) => {
            return Answer::error(StatusCode::UNPROCESSABLE_ENTITY, &why, Outcome::Failed);
        }
    };
    body["term"] = json!(term);
    Answer::done(body)
}
