//! What it is to see something done: to every node, and in time.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use testimony_engine::NodeName;
use tokio::time::timeout;

use super::Seen;

/// Does the same to every node, all at once, and goes on to the end also if one of them fails.
pub(crate) async fn all<'a, F>(
    nodes: &'a BTreeSet<NodeName>,
    act: impl Fn(&'a NodeName) -> F,
) -> Seen
where
    F: Future<Output = Result<(), String>>,
{
    let results = join_all(nodes.iter().map(act)).await;
    let failed: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    if failed.is_empty() {
        Ok(None)
    } else {
        Err(failed.join("; "))
    }
}

/// What is not seen within the limit was not done; `what` goes on after the time that it took.
pub(crate) async fn within(
    limit: Duration,
    what: &str,
    seeing: impl Future<Output = Seen>,
) -> Seen {
    let late = |_| Err(format!("took longer than {} ms {what}", limit.as_millis()));
    timeout(limit, seeing).await.unwrap_or_else(late)
}
