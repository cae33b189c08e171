//! The configuration of a node's server and of its Sentinel.

use std::path::PathBuf;

use testimony_engine::{Cluster, ClusterNode, NodeFile};

use super::sentinel::{self, MASTER};
use super::{Mode, Settings};

/// How old the news of a replica may be, in seconds, for a master that wants one to keep up.
const LAG_MAX: u32 = 2;

/// Where a node's server has its configuration, which it and the Sentinels rewrite.
pub(crate) fn server_file(node: &ClusterNode) -> PathBuf {
    node.folder().join("redis.conf")
}

/// Where a node's Sentinel has its configuration, which it rewrites.
pub(crate) fn sentinel_file(node: &ClusterNode) -> PathBuf {
    node.folder().join("sentinel.conf")
}

/// Both. The first node is the first master.
pub(crate) fn files(
    cluster: &Cluster,
    node: &ClusterNode,
    mode: Mode,
    settings: &Settings,
) -> Vec<NodeFile> {
    let Some(first) = cluster.nodes.first() else {
        return Vec::new();
    };
    let server = NodeFile {
        path: server_file(node),
        text: server(first, node, mode, settings),
    };
    let quorum = cluster.nodes.len() / 2 + 1;
    let sentinel = NodeFile {
        path: sentinel_file(node),
        text: sentinel(first, node, quorum, settings) + &everybody(cluster, node),
    };
    vec![server, sentinel]
}

fn server(first: &ClusterNode, node: &ClusterNode, mode: Mode, settings: &Settings) -> String {
    let mut text = format!(
        "port {}\nbind {ip}\nprotected-mode no\ndir \"{}\"\nappendonly yes\nappendfsync {}\n\
         save \"\"\nrepl-diskless-sync-delay 0\nreplica-announce-ip {ip}\n",
        node.client_listen.port(),
        node.data.display(),
        settings.appendfsync,
        ip = node.ip,
    );
    if node.name != first.name {
        let (ip, port) = (first.ip, first.client_listen.port());
        text.push_str(&format!("replicaof {ip} {port}\n"));
    }
    if mode == Mode::MinReplicas {
        text.push_str(&format!(
            "min-replicas-to-write 1\nmin-replicas-max-lag {LAG_MAX}\n"
        ));
    }
    text
}

fn sentinel(first: &ClusterNode, node: &ClusterNode, quorum: usize, settings: &Settings) -> String {
    let (ip, port) = (node.ip, sentinel::address(node).port());
    let (master, master_port) = (first.ip, first.client_listen.port());
    format!(
        "port {port}\nbind {ip}\nprotected-mode no\ndir \"{}\"\n\
         sentinel monitor {MASTER} {master} {master_port} {quorum}\n\
         sentinel down-after-milliseconds {MASTER} {}\n\
         sentinel failover-timeout {MASTER} {}\n\
         sentinel announce-ip {ip}\nsentinel announce-port {port}\n",
        node.data.display(),
        settings.down_after.as_millis(),
        settings.failover_timeout.as_millis(),
    )
}

/// All others, as if this Sentinel had found them already: by itself it looks for replicas every
/// ten seconds.
fn everybody(cluster: &Cluster, node: &ClusterNode) -> String {
    let identity = |number: usize| format!("{number:040x}");
    let mut text = String::new();
    for (number, other) in cluster.nodes.iter().enumerate() {
        let (ip, port) = (other.ip, sentinel::address(other).port());
        if number > 0 {
            let port = other.client_listen.port();
            text.push_str(&format!("sentinel known-replica {MASTER} {ip} {port}\n"));
        }
        let identity = identity(number + 1);
        if other.name == node.name {
            text.push_str(&format!("sentinel myid {identity}\n"));
        } else {
            text.push_str(&format!(
                "sentinel known-sentinel {MASTER} {ip} {port} {identity}\n"
            ));
        }
    }
    text
}
