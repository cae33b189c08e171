//! `testimony node raft`: one server of the bundled cluster, in this very process.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use testimony_consensus::NodeId;
use testimony_consensus::bug::Bug;
use testimony_node::{NodeOptions, PeerAddress, serve};
use testimony_report::RunOutcome;

use crate::args::{NodeCommand, RaftArguments};
use crate::failure::Failure;

/// The unit of the server's timing.
const TICK: Duration = Duration::from_millis(10);

/// Serves until SIGTERM.
pub(crate) fn run(command: &NodeCommand) -> Result<RunOutcome, Failure> {
    let NodeCommand::Raft(arguments) = command;
    let options = options(arguments).map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime cannot be started")
        .map_err(Failure::Broken)?;
    let served = runtime.block_on(serve(options, std::future::pending()));
    served.map_err(|error| Failure::Broken(error.into()))?;
    Ok(RunOutcome::Pass)
}

fn options(arguments: &RaftArguments) -> anyhow::Result<NodeOptions> {
    let id = node_id(&arguments.id)?;
    let (peer, http) = (arguments.peer_listen, arguments.http_listen);
    let mut options = NodeOptions::new(id, &arguments.data, peer, http);
    options.peers = peers(&arguments.peers)?;
    options.voters = arguments
        .voters
        .iter()
        .map(|voter| node_id(voter))
        .collect::<Result<_, _>>()?;
    check_voters(&options.voters, &options)?;
    options.tick = TICK;
    options.election_ticks = election_ticks(&arguments.election)?;
    options.heartbeat_ticks = ticks(arguments.heartbeat)?;
    ensure!(
        options.heartbeat_ticks < options.election_ticks.start,
        "heartbeats every {} ms are too few for elections after {} ms",
        arguments.heartbeat,
        arguments.election
    );
    options.snapshot_every = arguments.snapshot_every;
    options.batch = arguments.batch;
    options.lease_reads = arguments.lease_reads;
    options.bug = arguments.bug.as_deref().map(bug).transpose()?;
    Ok(options)
}

fn node_id(text: &str) -> anyhow::Result<NodeId> {
    text.parse()
        .map_err(|_| anyhow!("{text:?} is no node; nodes are called n1, n2, ..."))
}

fn peers(texts: &[String]) -> anyhow::Result<BTreeMap<NodeId, PeerAddress>> {
    texts
        .iter()
        .map(|text| peer(text).with_context(|| format!("--peer {text}")))
        .collect()
}

fn peer(text: &str) -> anyhow::Result<(NodeId, PeerAddress)> {
    let (id, addresses) = text
        .split_once('=')
        .context("write ID=PEER_ADDRESS/HTTP_ADDRESS")?;
    let (peer, http) = addresses
        .split_once('/')
        .context("write ID=PEER_ADDRESS/HTTP_ADDRESS")?;
    Ok((
        node_id(id)?,
        PeerAddress {
            peer: peer.parse()?,
            http: http.parse()?,
        },
    ))
}

fn check_voters(voters: &BTreeSet<NodeId>, options: &NodeOptions) -> anyhow::Result<()> {
    for voter in voters {
        let known = *voter == options.id || options.peers.contains_key(voter);
        ensure!(known, "{voter} is a voter, but no --peer says where it is");
    }
    Ok(())
}

fn election_ticks(text: &str) -> anyhow::Result<std::ops::Range<u32>> {
    let (min, max) = text
        .split_once('-')
        .context("--election: write MIN-MAX in milliseconds")?;
    let range = ticks(min.parse()?)?..ticks(max.parse()?)?;
    ensure!(!range.is_empty(), "--election {text}: the range is empty");
    Ok(range)
}

/// Milliseconds in ticks, at least one.
fn ticks(millis: u64) -> anyhow::Result<u32> {
    let tick = u64::try_from(TICK.as_millis())?;
    Ok(u32::try_from(millis / tick)?.max(1))
}

fn bug(name: &str) -> anyhow::Result<Bug> {
    match Bug::of("raft").find(|bug| bug.name() == name) {
        Some(bug) => Ok(bug),
        None => bail!("no bug is called {name:?}; `testimony targets` lists them"),
    }
}
