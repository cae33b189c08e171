//! A process's client of ZooKeeper: a session, and objects that are the text of a node each.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::{
    BoxFuture, Client, ClientOptions, Cluster, ClusterNode, NodeName, ProcessId,
};
use testimony_history::{Answer, Call, Function, Model, Reply, Value};
use tokio::time::{Instant, sleep, timeout};

use super::mishap;
use super::object::{self, Step};
use super::packets::{ANY_VERSION, Code, Found, Request};
use super::session::Session;
use super::{Before, DELETIONS, PULSE, path};
use crate::mishap::{Answered, Mishap, reply};

/// A server may take so much of a call's time to give a session: half of it.
const MOVING: u32 = 2;
/// How long to wait before it is asked again.
const BETWEEN_MOVES: Duration = Duration::from_millis(20);

/// Sequential. An update is sent again only if it was certainly not applied.
#[derive(Debug)]
pub(crate) struct ZooKeeperClient {
    cluster: Arc<Cluster>,
    /// Who takes a lock.
    token: String,
    model: Model,
    timeout: Duration,
    before: Before,
    session: Session,
    /// Whether an update was sent and not answered.
    updating: bool,
}

/// What a node held when it was read, and what its version and that of the deletions was.
struct Seen {
    held: Option<Found>,
    deletions: i32,
}

impl ZooKeeperClient {
    pub(crate) fn new(
        cluster: Arc<Cluster>,
        process: ProcessId,
        options: &ClientOptions,
        before: Before,
    ) -> Self {
        ZooKeeperClient {
            cluster,
            token: process.to_string(),
            model: options.model,
            timeout: options.timeout,
            before,
            session: Session::default(),
            updating: false,
        }
    }

    async fn perform(&mut self, node: &NodeName, call: &Call) -> Reply {
        self.updating = false;
        let became = match timeout(self.timeout, self.carry_out(node, call)).await {
            Ok(became) => became,
            Err(_) => {
                self.session.disconnect();
                Err(mishap::unanswered("timeout".to_owned(), self.updating))
            }
        };
        reply(node, call, became)
    }

    async fn carry_out(&mut self, node: &NodeName, call: &Call) -> Result<Answered, Mishap> {
        let place = self.cluster.node(node).cloned();
        let place = place.ok_or_else(|| Mishap::NotApplied("no-such-node".to_owned()))?;
        self.move_to(&place).await?;
        let path = path(call.key.as_ref());
        let answer = if call.f == Function::Write {
            self.write(&path, call).await?
        } else {
            self.change(&path, call).await?
        };
        let zxid = (Arc::from("zxid"), Value::Int(self.session.seen()));
        Ok(Answered {
            answer,
            extra: vec![zxid],
        })
    }

    /// A server that lags behind what the client saw, or serves nobody just now, closes the
    /// connection. It is asked again for a while: nothing of the call was sent.
    async fn move_to(&mut self, place: &ClusterNode) -> Result<(), Mishap> {
        let deadline = Instant::now() + self.timeout / MOVING;
        loop {
            match self.session.move_to(place).await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline || !is_refusal(&error) => {
                    return Err(mishap::broken(&error, false));
                }
                Err(_) => sleep(BETWEEN_MOVES).await,
            }
        }
    }

    /// Puts a text there, whatever there is.
    async fn write(&mut self, path: &str, call: &Call) -> Result<Answer, Mishap> {
        let text = object::written(call).map_err(Mishap::NotApplied)?;
        loop {
            let set = Request::Set(path.to_owned(), text.clone(), ANY_VERSION);
            match self.ask(&set).await? {
                Err(Code::NO_NODE) => {}
                set => return set.map(|_| Answer::default()).map_err(mishap::answered),
            }
            let create = Request::Create(path.to_owned(), text.clone());
            match self.ask(&create).await? {
                Err(Code::NODE_EXISTS) => {}
                made => return made.map(|_| Answer::default()).map_err(mishap::answered),
            }
        }
    }

    /// Reads, and writes back what becomes of it if nothing has changed since. So the operation
    /// takes effect at the moment of the write, whether what was read was old or not; an operation
    /// that writes nothing is as old as what was read.
    async fn change(&mut self, path: &str, call: &Call) -> Result<Answer, Mishap> {
        loop {
            let seen = self.read(path, call).await?;
            let held = seen.held.as_ref().map(|found| found.text.as_str());
            let step = object::step(call, self.model, &self.token, held);
            let (update, answer) = match step.map_err(Mishap::NotApplied)? {
                Step::Answer(answer) => return Ok(answer),
                Step::Refuse(reason) => return Err(Mishap::NotApplied(reason.to_owned())),
                Step::Put(text, answer) => (put(path, text, &seen), answer),
                Step::Delete(answer) => (delete(path, &seen), answer),
            };
            match self.ask(&update).await? {
                Ok(_) => return Ok(answer),
                Err(Code::BAD_VERSION | Code::NO_NODE | Code::NODE_EXISTS) => {}
                Err(code) => return Err(mishap::answered(code)),
            }
        }
    }

    async fn read(&mut self, path: &str, call: &Call) -> Result<Seen, Mishap> {
        let before = match self.before {
            Before::Nothing => None,
            Before::Sync => Some(Request::Sync(path.to_owned())),
            Before::Write => Some(Request::Set(PULSE.to_owned(), String::new(), ANY_VERSION)),
        };
        if let Some(request) = before {
            let done = self.ask_aside(&request).await?;
            done.map_err(mishap::answered)?;
        }
        let deletions = if crate::mishap::is_pure(&call.f) {
            Found::default()
        } else {
            let exists = Request::Exists(DELETIONS.to_owned());
            let exists = self.ask_aside(&exists).await?;
            exists.map_err(mishap::answered)?
        };
        let held = match self.ask_aside(&Request::Get(path.to_owned())).await? {
            Ok(found) => Some(found),
            Err(Code::NO_NODE) => None,
            Err(code) => return Err(mishap::answered(code)),
        };
        Ok(Seen {
            held,
            deletions: deletions.version,
        })
    }

    /// Asks for what changes the object.
    async fn ask(&mut self, update: &Request) -> Result<Result<Found, Code>, Mishap> {
        self.updating = true;
        let answer = self.session.ask(update).await;
        let answer = answer.map_err(|error| mishap::broken(&error, true))?;
        self.updating = false;
        Ok(answer)
    }

    /// Asks for what does not change the object.
    async fn ask_aside(&mut self, request: &Request) -> Result<Result<Found, Code>, Mishap> {
        let answer = self.session.ask(request).await;
        answer.map_err(|error| mishap::broken(&error, false))
    }
}

/// Whether a server took the connection and gave no session.
fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::Other
    )
}

/// Puts a text where nothing was, or where that version was. The version of a node begins anew when
/// it is made again, so the same version is the same text only if nothing was deleted since.
fn put(path: &str, text: String, seen: &Seen) -> Request {
    match &seen.held {
        None => Request::Create(path.to_owned(), text),
        Some(found) => Request::Multi(vec![
            Request::Check(DELETIONS.to_owned(), seen.deletions),
            Request::Set(path.to_owned(), text, found.version),
        ]),
    }
}

/// Removes what was read, and counts the deletion.
fn delete(path: &str, seen: &Seen) -> Request {
    let version = seen
        .held
        .as_ref()
        .map_or(ANY_VERSION, |found| found.version);
    Request::Multi(vec![
        Request::Check(DELETIONS.to_owned(), seen.deletions),
        Request::Delete(path.to_owned(), version),
        Request::Set(DELETIONS.to_owned(), String::new(), ANY_VERSION),
    ])
}

impl Client for ZooKeeperClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(self.perform(node, call))
    }
}
