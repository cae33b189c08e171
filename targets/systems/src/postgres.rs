//! Postgres: a primary, and replicas that are sent what it writes.
//!
//! Clients ask the primary; in the mode `replica` they read where they are told to. Replication is
//! asynchronous and nobody takes the primary's place.

mod client;
mod connection;
mod mishap;
mod protocol;
mod statements;
mod status;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::FaultKind::{
    Halves, IsolateLeader, KillAll, KillLeader, KillOne, PauseLeader, PauseOne,
};
use testimony_engine::{
    BoxFuture, Client, ClientOptions, Cluster, ClusterNode, FaultKind, NemesisDraft, NodeFile,
    NodeName, NodeSpec, NodeStatus, ProcessId, Program, RunProfile, SpanRange, Target, TargetInfo,
};
use testimony_history::Model;
use tokio::time::{Instant, sleep};

use crate::installed::Package;
use crate::{TargetError, TargetOptions};
use client::PostgresClient;
use connection::USER;

/// The target's name on the command line.
pub const NAME: &str = "postgres";

const PACKAGE: Package = Package {
    target: NAME,
    name: "postgresql",
};
/// Here the distribution has a folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Reads go to the node that is asked.
const REPLICA: &str = "replica";
/// How long the replicas may take to have the table.
const COPYING: Duration = Duration::from_secs(20);
/// Time between two looks at them.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Postgres.
#[derive(Debug)]
pub struct PostgresTarget {
    reads_at_replicas: bool,
    /// Where its programs are.
    programs: PathBuf,
}

/// What can be tested of it.
pub fn info() -> TargetInfo {
    TargetInfo {
        name: NAME.to_owned(),
        summary: "Postgres: a primary, and replicas that are sent what it writes".to_owned(),
        modes: vec![REPLICA.to_owned()],
        labs: vec!["netns".to_owned()],
        models: Model::ALL.to_vec(),
        faults: FaultKind::of_crashes()
            .filter(|kind| !kind.asks_an_operator())
            .collect(),
        profile: crashes(),
        mode_profiles: [(REPLICA.to_owned(), lagging_replicas())].into(),
        ..TargetInfo::default()
    }
}

/// What a single primary has to stand: that it dies, stops, and is cut off from its replicas.
fn crashes() -> RunProfile {
    let kinds = [KillLeader, KillAll, PauseLeader, IsolateLeader];
    RunProfile {
        nemesis: NemesisDraft {
            // It takes some seconds to recover from its log, too.
            duration: Some(SpanRange::millis(300, 1_000)),
            gap: Some(SpanRange::millis(2_000, 4_000)),
            overlap: Some(0),
            swarm: Some(false),
            ..NemesisDraft::only(kinds)
        },
        nodes: Some(3),
        clients: Some(9),
        ..RunProfile::default()
    }
}

/// Replicas that do not hear of what the primary writes.
fn lagging_replicas() -> RunProfile {
    let kinds = [Halves, IsolateLeader, PauseOne, KillOne];
    RunProfile {
        nemesis: NemesisDraft {
            duration: Some(SpanRange::millis(1_000, 3_000)),
            gap: Some(SpanRange::millis(500, 1_500)),
            ..NemesisDraft::only(kinds)
        },
        ..RunProfile::default()
    }
}

impl PostgresTarget {
    /// The target in a mode.
    ///
    /// # Errors
    /// If Postgres is not installed, or there is no such bug.
    pub fn new(options: &TargetOptions) -> Result<Self, TargetError> {
        options.refuse_bug(NAME)?;
        let programs = newest(Path::new(VERSIONS)).map(|version| version.join("bin"));
        let programs = programs.unwrap_or_default();
        PACKAGE.file(&programs.join("postgres").display().to_string())?;
        Ok(PostgresTarget {
            reads_at_replicas: options.mode.as_deref() == Some(REPLICA),
            programs,
        })
    }

    fn program(&self, name: &str, args: &[String]) -> Program {
        Program {
            program: self.programs.join(name),
            args: args.to_vec(),
            // It refuses to run as root.
            unprivileged: true,
            ..Program::default()
        }
    }

    /// Makes the primary's data.
    fn create(&self, node: &ClusterNode) -> Program {
        let args = [
            "-D",
            &data(node).display().to_string(),
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ];
        self.program("initdb", &args.map(str::to_owned))
    }

    /// Makes a replica's data: a copy of the primary's, once that serves.
    fn copy(&self, primary: &ClusterNode, node: &ClusterNode) -> Program {
        let place = primary.client_listen;
        let script = "for i in $(seq 200); do \"$0/pg_isready\" -q -h \"$1\" -p \"$2\" && break; \
             sleep 0.1; done; \
             exec \"$0/pg_basebackup\" -h \"$1\" -p \"$2\" -U \"$3\" -D \"$4\" -R -X stream \
             -c fast --no-sync";
        let args = [
            "-c",
            script,
            &self.programs.display().to_string(),
            &place.ip().to_string(),
            &place.port().to_string(),
            USER,
            &data(node).display().to_string(),
        ];
        Program {
            program: "/bin/sh".into(),
            ..self.program("sh", &args.map(str::to_owned))
        }
    }
}

impl Target for PostgresTarget {
    fn info(&self) -> TargetInfo {
        info()
    }

    /// The first node is the primary.
    fn node(&self, cluster: &Cluster, node: &NodeName) -> NodeSpec {
        let (Some(primary), Some(node)) = (cluster.nodes.first(), cluster.node(node)) else {
            return NodeSpec::default();
        };
        let make = if node.name == primary.name {
            self.create(node)
        } else {
            self.copy(primary, node)
        };
        let configuration = node.folder().join("postgresql.conf");
        let serve = [
            "-D".to_owned(),
            data(node).display().to_string(),
            format!("--config-file={}", configuration.display()),
        ];
        NodeSpec {
            files: vec![
                NodeFile {
                    path: access_file(node),
                    text: "host all all all trust\nhost replication all all trust\n".to_owned(),
                },
                NodeFile {
                    path: configuration,
                    text: server(node),
                },
            ],
            preparations: vec![make],
            programs: vec![self.program("postgres", &serve)],
        }
    }

    /// Makes the table, and waits until every replica has it.
    fn set_up<'a>(&'a self, cluster: &'a Cluster) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let deadline = Instant::now() + COPYING;
            for (index, node) in cluster.nodes.iter().enumerate() {
                let query = if index == 0 {
                    statements::TABLE
                } else {
                    "SELECT count(*) FROM objects"
                };
                while status::ask(node, query).await.is_none() {
                    if Instant::now() > deadline {
                        let (name, waited) = (&node.name, COPYING.as_secs());
                        return Err(format!("after {waited} s {name} does not have the table"));
                    }
                    sleep(BETWEEN_LOOKS).await;
                }
            }
            Ok(())
        })
    }

    fn client(
        &self,
        cluster: &Cluster,
        process: ProcessId,
        options: &ClientOptions,
    ) -> Box<dyn Client> {
        let cluster = Arc::new(cluster.clone());
        let at_replicas = self.reads_at_replicas;
        Box::new(PostgresClient::new(cluster, process, options, at_replicas))
    }

    fn status<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: &'a NodeName,
    ) -> BoxFuture<'a, Option<NodeStatus>> {
        Box::pin(status::of(cluster, node))
    }
}

/// The folder of the highest number.
fn newest(versions: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(versions).ok()?.filter_map(Result::ok);
    let number = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let numbered = folders.filter_map(|folder| Some((number(&folder.path())?, folder.path())));
    numbered.max().map(|(_, folder)| folder)
}

/// Below the node's folder for data, since it wants to make it, for itself alone.
fn data(node: &ClusterNode) -> PathBuf {
    node.data.join("postgres")
}

fn access_file(node: &ClusterNode) -> PathBuf {
    node.folder().join("pg_hba.conf")
}

/// A replica that was cut off looks for the primary again soon.
fn server(node: &ClusterNode) -> String {
    format!(
        "hba_file = '{}'\nlisten_addresses = '{}'\nport = {}\n\
         unix_socket_directories = ''\nmax_connections = 300\nshared_buffers = 16MB\n\
         wal_receiver_timeout = 2s\nwal_sender_timeout = 2s\nwal_retrieve_retry_interval = 200ms\n\
         wal_receiver_status_interval = 1s\nwal_keep_size = 256MB\n\
         recovery_init_sync_method = syncfs\n",
        access_file(node).display(),
        node.ip,
        node.client_listen.port(),
    )
}
