//! Whether a node of the user's system serves, and whether it leads.

use std::time::Duration;

use testimony_engine::own::{Heard, LeaderLookup, OwnSystem};
use testimony_engine::{NodeStatus, Role};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a node may take to answer before it counts as silent.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks the node at `url`; `None` if it does not answer soon, or not as it should.
pub(crate) async fn of(
    http: &reqwest::Client,
    system: &OwnSystem,
    url: &str,
) -> Option<NodeStatus> {
    let looked = timeout(PATIENCE, look(http, system, url)).await;
    looked.ok().flatten()
}

async fn look(http: &reqwest::Client, system: &OwnSystem, url: &str) -> Option<NodeStatus> {
    match &system.ready {
        Some(ready) => {
            let heard = get(http, url, &ready.path).await?;
            (heard.status == ready.status).then_some(())?;
        }
        None => accepts(url).await?,
    }
    let mut status = NodeStatus {
        alive: true,
        ..NodeStatus::default()
    };
    if let Some(lookup) = &system.leader {
        let heard = get(http, url, &lookup.path).await?;
        status.role = role(lookup, &heard);
        let term = lookup.term.as_deref();
        let term = term.and_then(|term| heard.json.as_ref()?.pointer(term));
        status.term = term.and_then(|term| match term {
            serde_json::Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        });
    }
    Some(status)
}

/// A node that tells no role at all has none: it is not called a follower.
fn role(lookup: &LeaderLookup, heard: &Heard) -> Option<Role> {
    let told = heard.json.as_ref()?.pointer(&lookup.role)?;
    Some(match *told == lookup.leads {
        true => Role::Leader,
        false => Role::Follower,
    })
}

async fn get(http: &reqwest::Client, url: &str, path: &str) -> Option<Heard> {
    let response = http.get(format!("{url}{path}")).send().await.ok()?;
    let status = response.status().as_u16();
    let body = response.bytes().await.ok()?;
    Some(Heard::new(
        status,
        String::from_utf8_lossy(&body).into_owned(),
    ))
}

/// Whether it takes connections.
async fn accepts(url: &str) -> Option<()> {
    let url = reqwest::Url::parse(url).ok()?;
    let place = (url.host_str()?.to_owned(), url.port_or_known_default()?);
    TcpStream::connect(place).await.ok().map(drop)
}
