//! What this program says to itself: how it starts servers and the processes around a lab.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// A Raft server.
    Raft(RaftArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RaftArguments {
    /// This node's name, n1, n2, ...
    #[arg(long)]
    pub(crate) id: String,
    /// The folder that holds its term, vote, log and snapshots.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Where other nodes connect.
    #[arg(long)]
    pub(crate) peer_listen: SocketAddr,
    /// Where clients connect.
    #[arg(long)]
    pub(crate) http_listen: SocketAddr,
    /// Another node and its addresses: n2=PEER_ADDRESS/HTTP_ADDRESS. Repeat for each.
    #[arg(long = "peer", value_name = "ID=PEER/HTTP")]
    pub(crate) peers: Vec<String>,
    /// A member of the cluster at its very first start. Repeat for each; none for a node that
    /// joins.
    #[arg(long = "voter", value_name = "ID")]
    pub(crate) voters: Vec<String>,
    /// Election time-outs are drawn from this range, in milliseconds.
    #[arg(long, default_value = "150-300", value_name = "MIN-MAX")]
    pub(crate) election: String,
    /// Time between heartbeats, in milliseconds.
    #[arg(long, default_value_t = 50)]
    pub(crate) heartbeat: u64,
    /// Take a snapshot after this many entries; 0 means only on request.
    #[arg(long, default_value_t = 1000)]
    pub(crate) snapshot_every: u64,
    /// How many entries a message carries at most.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) batch: usize,
    /// Serve reads under a leader lease: faster, and right only while clocks run at like speed.
    #[arg(long)]
    pub(crate) lease_reads: bool,
    /// Plant one bug. Never in production: the answers are then wrong on purpose.
    #[arg(long)]
    pub(crate) bug: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExecArguments {
    /// The process to die with.
    #[arg(long)]
    pub(crate) parent: u32,
    /// The network namespace to enter.
    #[arg(long)]
    pub(crate) net: Option<PathBuf>,
    /// The data of a program that refuses to be root.
    #[arg(long)]
    pub(crate) unprivileged: Option<PathBuf>,
    /// Announce on standard input what is saved, to somebody who decides on it.
    #[arg(long)]
    pub(crate) announce_saves: bool,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    pub(crate) program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct EnterArguments {
    /// The process to die with.
    pub(crate) parent: u32,
    /// What to do there.
    #[arg(last = true, required = true)]
    pub(crate) words: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct FirstArguments {
    /// What to do.
    #[arg(last = true, required = true)]
    pub(crate) words: Vec<OsString>,
}
