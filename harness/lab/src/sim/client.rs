//! One process's client in the simulation: where it asks, how often, and what it makes of it.
//!
//! It does what the client of the real servers does, by the same table: an update is repeated only
//! under its session and number; an error that is not certain leaves the outcome unknown, whatever
//! a repetition is told; a question that got no answer has failed.

use std::sync::Arc;
use std::time::Duration;

use testimony_engine::map_lock::{self, LockStep};
use testimony_engine::{Nanos, NodeName, ProcessId};
use testimony_history::{Answer, Call, Ending, Model, Reply as Told};

use super::translation::{Asked, Reply, Request, Wrong, answer, asked};

/// How many answers in a row may name another node; an election can make two nodes name each other.
const REDIRECTS_MAX: u32 = 5;
/// How long to wait before the next node is asked.
const PAUSE: Duration = Duration::from_millis(25);

/// What all clients of a run have in common.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Whether the system executes a repeated command once.
    pub(super) sessions: bool,
    /// How long one request may take.
    pub(super) attempt: Duration,
    /// How long a call may take.
    pub(super) timeout: Duration,
    pub(super) model: Model,
    pub(super) nodes: Vec<NodeName>,
}

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    process: ProcessId,
    /// By how much its clock is ahead.
    ahead: Duration,
    session: Option<Session>,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    id: u64,
    /// The number of the last update.
    sequence: u64,
}

/// The call that is under way.
#[derive(Debug)]
struct Open {
    call: Call,
    /// The map's operation that is asked for: the call itself, or a step of a call on a lock.
    step: Call,
    asked: Asked,
    /// The node that is asked.
    at: usize,
    deadline: Nanos,
    redirects: u32,
    attempts: u32,
    /// Whether it waits for a session.
    opening: bool,
    /// Why it may have happened, if it may have.
    unknown: Option<String>,
    last: String,
}

/// What a client does next.
#[derive(Debug)]
pub(super) enum Move {
    /// Sends a request, and waits at most so long for the answer.
    Ask {
        node: usize,
        request: Request,
        patience: Duration,
    },
    /// Waits.
    Wait(Duration),
    /// Knows what became of the call.
    End { call: Call, told: Told },
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Heard {
    /// An answer.
    Reply(Reply),
    /// Nobody listens there: nothing was sent.
    Refused,
    /// The node died, or the connection broke, while the answer was awaited.
    Lost,
    /// No answer in time.
    Silence,
}

/// What a request without an answer says, and what to do about it.
enum Mishap {
    /// It has not happened; the node named asks to be asked.
    Follow(usize),
    /// It has not happened.
    Not(String),
    /// It may have happened.
    Maybe(&'static str),
    /// It has not happened, and asking again is no use.
    Never(String),
}

impl Client {
    /// The client of a process, whose clock is so much ahead.
    pub(super) fn new(process: ProcessId, ahead: Duration) -> Self {
        Client {
            process,
            ahead,
            session: None,
            open: None,
        }
    }

    /// Begins a call at a node.
    pub(super) fn begin(&mut self, rules: &Rules, now: Nanos, node: usize, call: Call) -> Move {
        let step = map_lock::first_step(&call).unwrap_or_else(|| call.clone());
        let asked = match asked(&step) {
            Ok(asked) => asked,
            Err(why) => {
                let told = told(Ending::Fail(why.into()), 1, &rules.nodes[node]);
                return Move::End { call, told };
            }
        };
        let opening = self.number(rules, &asked);
        self.open = Some(Open {
            call,
            step,
            asked,
            at: node,
            deadline: now + rules.timeout,
            redirects: 0,
            attempts: 0,
            opening,
            unknown: None,
            last: "no-time".to_owned(),
        });
        self.ask(rules, now)
    }

    /// Gives an update its number; whether a session must be opened first.
    fn number(&mut self, rules: &Rules, asked: &Asked) -> bool {
        if asked.is_pure() {
            return false;
        }
        if let Some(session) = &mut self.session {
            session.sequence += 1;
        }
        rules.sessions && self.session.is_none()
    }

    /// A response to the present step: the call is over, or goes on with another one.
    fn told(&mut self, rules: &Rules, now: Nanos, answer: Answer) -> Move {
        let Some(open) = &self.open else {
            return Move::Wait(rules.timeout);
        };
        if map_lock::first_step(&open.call).is_none() {
            return self.end(rules, Some(Ending::Ok(answer)));
        }
        match map_lock::next_step(&open.call, self.process, &open.step, &answer) {
            LockStep::Done(answer) => self.end(rules, Some(Ending::Ok(answer))),
            LockStep::Not(why) => self.end(rules, Some(Ending::Fail(why.into()))),
            LockStep::Ask(step) => self.go_on(rules, now, step),
        }
    }

    /// The step before this one changed nothing, whatever became of its repetitions.
    fn go_on(&mut self, rules: &Rules, now: Nanos, step: Call) -> Move {
        let asked = match asked(&step) {
            Ok(asked) => asked,
            Err(why) => return self.end(rules, Some(Ending::Fail(why.into()))),
        };
        let opening = self.number(rules, &asked);
        if let Some(open) = &mut self.open {
            (open.step, open.asked, open.opening, open.unknown) = (step, asked, opening, None);
        }
        self.ask(rules, now)
    }

    /// The time to wait is over.
    pub(super) fn waited(&mut self, rules: &Rules, now: Nanos) -> Move {
        self.ask(rules, now)
    }

    /// Something came of the request that was awaited.
    pub(super) fn heard(&mut self, rules: &Rules, now: Nanos, heard: Heard) -> Move {
        let Some(open) = &mut self.open else {
            return Move::Wait(rules.timeout);
        };
        let mishap = match heard {
            Heard::Reply(Reply::Session(id)) if open.opening => {
                open.opening = false;
                self.session = Some(Session { id, sequence: 1 });
                return self.ask(rules, now);
            }
            Heard::Reply(Reply::Applied(response) | Reply::Answer(response)) => {
                match answer(&open.step, rules.model, &response) {
                    Ok(answer) => return self.told(rules, now, answer),
                    Err(Wrong::Refused(why)) => Mishap::Never(why),
                    Err(Wrong::Strange) => Mishap::Maybe("an answer to another question"),
                }
            }
            Heard::Reply(Reply::NotLeader { leader: Some(id) }) => {
                let named = usize::try_from(id.0.saturating_sub(1)).unwrap_or(usize::MAX);
                match open.redirects < REDIRECTS_MAX && named < rules.nodes.len() {
                    true => Mishap::Follow(named),
                    false => Mishap::Not("not-leader".to_owned()),
                }
            }
            Heard::Reply(Reply::NotLeader { leader: None }) => Mishap::Not("no-leader".to_owned()),
            Heard::Reply(Reply::SessionExpired) => {
                self.session = None;
                Mishap::Never("session-expired".to_owned())
            }
            Heard::Reply(Reply::Refused(why)) => Mishap::Never(why),
            Heard::Reply(Reply::Uncertain) => Mishap::Maybe("uncertain"),
            Heard::Reply(Reply::Done | Reply::Session(_)) => Mishap::Maybe("no answer to that"),
            Heard::Refused => Mishap::Not("refused".to_owned()),
            Heard::Lost => Mishap::Maybe("connection-lost"),
            Heard::Silence => Mishap::Maybe("timeout"),
        };
        self.met(rules, now, mishap)
    }

    fn met(&mut self, rules: &Rules, now: Nanos, mishap: Mishap) -> Move {
        let Some(open) = &mut self.open else {
            return Move::Wait(rules.timeout);
        };
        match mishap {
            Mishap::Follow(node) => {
                "not-leader".clone_into(&mut open.last);
                (open.at, open.redirects) = (node, open.redirects + 1);
                open.attempts -= 1;
                return self.ask(rules, now);
            }
            Mishap::Never(why) => {
                open.last = why;
                return self.end(rules, None);
            }
            Mishap::Not(why) => open.last = why,
            Mishap::Maybe(why) => {
                why.clone_into(&mut open.last);
                // An open session that nobody uses does no harm.
                if !open.opening {
                    open.unknown = Some(why.to_owned());
                }
                if !rules.sessions && !open.asked.is_pure() {
                    return self.end(rules, None);
                }
            }
        }
        (open.at, open.redirects) = ((open.at + 1) % rules.nodes.len(), 0);
        Move::Wait(PAUSE)
    }

    /// Asks again, if there is time for an answer: a request that is cut off leaves an operation
    /// unknown that has certainly failed so far.
    fn ask(&mut self, rules: &Rules, now: Nanos) -> Move {
        let Some(open) = &mut self.open else {
            return Move::Wait(rules.timeout);
        };
        let least = rules.attempt.min(rules.timeout) / 4;
        if now + least > open.deadline {
            return self.end(rules, None);
        }
        open.attempts += 1;
        let request = match (&open.asked, self.session) {
            _ if open.opening => Request::OpenSession,
            (Asked::Query(query), _) => Request::Query(query.clone()),
            (Asked::Command(command), session) => Request::Apply {
                session: session.map_or(0, |session| session.id),
                sequence: session.map_or((now + self.ahead).0, |session| session.sequence),
                command: command.clone(),
            },
        };
        Move::Ask {
            node: open.at,
            request,
            patience: rules.attempt.min(open.deadline.since(now)),
        }
    }

    /// The call is over: with an ending, or with what is known without one.
    fn end(&mut self, rules: &Rules, ending: Option<Ending>) -> Move {
        let Some(open) = self.open.take() else {
            return Move::Wait(rules.timeout);
        };
        let node = &rules.nodes[open.at];
        let ending = ending.unwrap_or_else(|| match open.unknown {
            Some(why) if !open.asked.is_pure() => Ending::Info(why.into()),
            Some(why) => Ending::Fail(why.into()),
            None if open.opening => Ending::Fail(format!("no session: {}", open.last).into()),
            None => Ending::Fail(open.last.into()),
        });
        let told = told(ending, open.attempts.max(1), node);
        Move::End {
            call: open.call,
            told,
        }
    }
}

fn told(ending: Ending, attempts: u32, node: &NodeName) -> Told {
    Told {
        ending,
        attempts,
        node: Some(Arc::from(node.as_str())),
        extra: Vec::new(),
    }
}
