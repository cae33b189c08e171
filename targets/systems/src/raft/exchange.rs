//! Requests to the nodes of the Raft target: where to go next, and what is known in the end.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Response, Url};
use serde_json::Value as Json;
use testimony_engine::{Cluster, NodeName};
use tokio::time::{Instant, sleep, timeout_at};

use super::mishap::{Certainty, Mishap, Next};

/// How many answers in a row may name another node; an election can make two nodes name each other.
const REDIRECTS_MAX: u32 = 5;
/// How long to wait before the next node is asked.
const PAUSE: Duration = Duration::from_millis(25);

/// How long to try.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// When to give up.
    deadline: Instant,
    /// How long one request may take.
    attempt: Duration,
    /// A request is not begun with less time than this: it would be cut off, and leave an operation
    /// unknown that has certainly failed so far.
    least: Duration,
}

/// What came of asking, over all requests that were sent for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// How many requests reached a node that did not just name another one, or may have.
    pub(crate) attempts: u32,
    /// The node that was asked last.
    pub(crate) node: NodeName,
    /// The answer, or what is known without one.
    pub(crate) result: Result<Json, Unanswered>,
}

/// No request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// Over all requests, not only the last.
    pub(crate) certainty: Certainty,
    /// The error that decided: the last one of those that leave it open, or the last.
    pub(crate) error: String,
}

/// A way to the nodes of a cluster. Connections are pooled.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    http: reqwest::Client,
    nodes: Vec<(NodeName, SocketAddr)>,
}

impl Patience {
    /// From now on.
    pub(crate) fn new(operation: Duration, attempt: Duration) -> Self {
        let attempt = attempt.min(operation);
        Patience {
            deadline: Instant::now() + operation,
            attempt,
            least: attempt / 4,
        }
    }

    fn has_time(&self) -> bool {
        Instant::now() + self.least <= self.deadline
    }
}

impl Exchange {
    pub(crate) fn new(http: reqwest::Client, cluster: &Cluster) -> Self {
        let nodes = cluster
            .nodes
            .iter()
            .map(|node| (node.name.clone(), node.client_listen))
            .collect();
        Exchange { http, nodes }
    }

    /// Posts to `first`, then to whoever may know better, until someone answers 200, the table says
    /// that there is no use, or the patience ends.
    pub(crate) async fn ask(
        &self,
        first: &NodeName,
        path: &str,
        body: &Json,
        patience: Patience,
    ) -> Asked {
        let mut at = self
            .nodes
            .iter()
            .position(|(name, _)| name == first)
            .unwrap_or(0);
        let mut known = Known::default();
        let mut redirects = 0;
        loop {
            let (node, address) = &self.nodes[at];
            if !patience.has_time() {
                return known.asked(node, Err(()));
            }
            let (mishap, place) = match self.post(*address, path, body, patience).await {
                Ok(answer) => return known.asked(node, Ok(answer)),
                Err(met) => met,
            };
            tracing::trace!(%node, path, error = mishap.error, "no answer");
            known.learn(&mishap);
            let place = place.filter(|_| mishap.next == Next::Follow && redirects < REDIRECTS_MAX);
            if let Some(place) = place.and_then(|place| self.position(place)) {
                (at, redirects) = (place, redirects + 1);
                continue;
            }
            if mishap.next == Next::End {
                return known.asked(node, Err(()));
            }
            sleep(PAUSE).await;
            (at, redirects) = ((at + 1) % self.nodes.len(), 0);
        }
    }

    /// One request to one node; with a mishap comes the place that a redirect named.
    async fn post(
        &self,
        address: SocketAddr,
        path: &str,
        body: &Json,
        patience: Patience,
    ) -> Result<Json, (Mishap, Option<SocketAddr>)> {
        let request = self.http.post(format!("http://{address}{path}")).json(body);
        let until = patience.deadline.min(Instant::now() + patience.attempt);
        let answered = timeout_at(until, async { read(request.send().await?).await }).await;
        match answered {
            Ok(Ok(Heard {
                status: 200,
                body: Some(body),
                ..
            })) => Ok(body),
            Ok(Ok(Heard {
                status: 200,
                body: None,
                ..
            })) => Err((Mishap::not_understood("the answer is no JSON"), None)),
            Ok(Ok(Heard {
                status,
                place,
                body,
            })) => Err((Mishap::answered(status, &body.unwrap_or_default()), place)),
            Ok(Err(error)) if error.is_connect() => Err((Mishap::not_connected("refused"), None)),
            Ok(Err(_)) => Err((Mishap::not_answered("connection-lost"), None)),
            Err(_) => Err((Mishap::not_answered("timeout"), None)),
        }
    }

    fn position(&self, place: SocketAddr) -> Option<usize> {
        self.nodes.iter().position(|(_, address)| *address == place)
    }
}

/// An answer, whatever it says.
struct Heard {
    status: u16,
    place: Option<SocketAddr>,
    body: Option<Json>,
}

async fn read(response: Response) -> Result<Heard, reqwest::Error> {
    let status = response.status().as_u16();
    let place = response
        .headers()
        .get(LOCATION)
        .and_then(|place| place.to_str().ok());
    let place = place.and_then(place_of);
    let body = serde_json::from_slice(&response.bytes().await?).ok();
    Ok(Heard {
        status,
        place,
        body,
    })
}

fn place_of(location: &str) -> Option<SocketAddr> {
    let url = Url::parse(location).ok()?;
    url.socket_addrs(|| None).ok()?.first().copied()
}

/// What all requests so far amount to.
#[derive(Default)]
struct Known {
    attempts: u32,
    undecided: Option<String>,
    last: Option<String>,
}

impl Known {
    fn learn(&mut self, mishap: &Mishap) {
        self.last = Some(mishap.error.clone());
        if mishap.certainty == Certainty::Unknown {
            self.undecided = Some(mishap.error.clone());
        }
        self.attempts += u32::from(mishap.next != Next::Follow);
    }

    fn asked(self, node: &NodeName, answer: Result<Json, ()>) -> Asked {
        let attempts = self.attempts + u32::from(answer.is_ok());
        let result = answer.map_err(|()| match self.undecided {
            Some(error) => Unanswered {
                certainty: Certainty::Unknown,
                error,
            },
            None => Unanswered {
                certainty: Certainty::NotApplied,
                error: self.last.unwrap_or_else(|| "no-time".to_owned()),
            },
        });
        Asked {
            attempts,
            node: node.clone(),
            result,
        }
    }
}
