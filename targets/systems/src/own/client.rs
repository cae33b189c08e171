//! A process's client of the user's system. See the table of [`super`].

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use testimony_engine::own::{Heard, Meaning, OwnSystem};
use testimony_engine::{BoxFuture, Client, ClientOptions, NodeName};
use testimony_history::{Call, Ending, Function, Reply};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::answer;
use super::request::{Request, request};

/// How many answers in a row may name another node.
const REDIRECTS_MAX: u32 = 5;
/// How long to wait before the next node is asked.
const PAUSE: Duration = Duration::from_millis(25);

/// Sequential; asks again only what was certainly not applied.
#[derive(Debug)]
pub(crate) struct OwnClient {
    pub(crate) system: Arc<OwnSystem>,
    pub(crate) http: reqwest::Client,
    /// In the order of the plan.
    pub(crate) nodes: Vec<(NodeName, String)>,
    pub(crate) prefix: Arc<str>,
    pub(crate) options: ClientOptions,
}

/// What came of one request.
enum Met {
    /// The operation is over.
    End(Ending),
    /// Certainly not applied: ask the node at that place, or the next one.
    Ask(Option<usize>, String),
}

impl OwnClient {
    async fn perform(&self, node: &NodeName, call: &Call) -> Reply {
        let deadline = Instant::now() + self.options.timeout;
        let mut at = self
            .nodes
            .iter()
            .position(|(name, _)| name == node)
            .unwrap_or(0);
        let request = match request(&self.system.http, &self.prefix, call) {
            Ok(request) => request,
            Err(error) => return self.reply(1, at, Ending::Fail(error.into())),
        };
        let (mut attempts, mut redirects) = (0, 0);
        loop {
            attempts += 1;
            let (place, error) = match self.ask(at, call, &request, deadline).await {
                Met::End(ending) => return self.reply(attempts, at, ending),
                Met::Ask(place, error) => (place, error),
            };
            match place.filter(|_| redirects < REDIRECTS_MAX) {
                Some(place) => (at, redirects) = (place, redirects + 1),
                None => {
                    sleep_until(deadline.min(Instant::now() + PAUSE)).await;
                    (at, redirects) = ((at + 1) % self.nodes.len(), 0);
                }
            }
            if Instant::now() + PAUSE >= deadline {
                return self.reply(attempts, at, Ending::Fail(error.into()));
            }
        }
    }

    /// One request to one node.
    async fn ask(&self, at: usize, call: &Call, request: &Request<'_>, deadline: Instant) -> Met {
        let (node, url) = &self.nodes[at];
        let exchange = self.exchange(url, request);
        let (heard, location) = match timeout_at(deadline, exchange).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) if error.is_connect() => return Met::Ask(None, "refused".to_owned()),
            Ok(Err(_)) => return unknown(call, "connection-lost"),
            Err(_) => return unknown(call, "timeout"),
        };
        let meaning = request.operation.meaning(&heard);
        tracing::trace!(%node, path = request.path, heard.status, ?meaning, "answered");
        let status = || format!("status-{}", heard.status);
        match meaning {
            Meaning::Ok | Meaning::NoMatch | Meaning::Absent => {
                let model = self.options.model;
                match answer::answer(call, model, request.operation, meaning, &heard) {
                    Ok(answer) => Met::End(Ending::Ok(answer)),
                    Err(error) => unknown(call, &error),
                }
            }
            Meaning::Failed => Met::End(Ending::Fail(status().into())),
            Meaning::Elsewhere => Met::Ask(None, status()),
            Meaning::Redirect => Met::Ask(location.and_then(|at| self.place(&at)), status()),
            Meaning::Unknown => unknown(call, &status()),
        }
    }

    async fn exchange(
        &self,
        url: &str,
        request: &Request<'_>,
    ) -> Result<(Heard, Option<String>), reqwest::Error> {
        let method = reqwest::Method::from_bytes(request.operation.method.as_bytes());
        let method = method.unwrap_or(reqwest::Method::GET);
        let mut asked = self.http.request(method, format!("{url}{}", request.path));
        if let Some(body) = &request.body {
            asked = asked
                .header(CONTENT_TYPE, request.content_type)
                .body(body.clone());
        }
        for (name, value) in &request.operation.headers {
            asked = asked.header(name, value);
        }
        let response = asked.send().await?;
        let status = response.status().as_u16();
        let location = response.headers().get(LOCATION);
        let location = location
            .and_then(|place| place.to_str().ok())
            .map(str::to_owned);
        let body = String::from_utf8_lossy(&response.bytes().await?).into_owned();
        Ok((Heard::new(status, body), location))
    }

    /// The node that a `Location` names, if it is one of ours.
    fn place(&self, location: &str) -> Option<usize> {
        let of = |url: &str| {
            let url = reqwest::Url::parse(url).ok()?;
            Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
        };
        let wanted = of(location)?;
        self.nodes
            .iter()
            .position(|(_, url)| of(url).as_ref() == Some(&wanted))
    }

    fn reply(&self, attempts: u32, at: usize, ending: Ending) -> Reply {
        Reply {
            ending,
            attempts,
            node: self.nodes.get(at).map(|(name, _)| Arc::from(name.as_str())),
            extra: Vec::new(),
        }
    }
}

/// Nobody knows; but that a call which changes nothing was not answered changes nothing either.
fn unknown(call: &Call, error: &str) -> Met {
    let is_pure = matches!(call.f, Function::Read | Function::Contains);
    Met::End(match is_pure {
        true => Ending::Fail(error.into()),
        false => Ending::Info(error.into()),
    })
}

impl Client for OwnClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(self.perform(node, call))
    }
}
