//! The nodes of a target as processes on loopback, without any fault.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use testimony_engine::{
    ClientOptions, Cluster, ClusterNode, ClusterStatus, NodeName, ProcessId, Program, Target,
};
use testimony_history::{Answer, Call, Ending, Function, Model, Reply, Value};
use testimony_systems::{TargetError, TargetOptions, target};
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval};

/// Far longer than any server takes to serve, on any machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// How many clusters this process has started.
static STARTED: AtomicU8 = AtomicU8::new(0);

/// How many processes have called so far.
static PROCESSES: AtomicU64 = AtomicU64::new(0);
const NOBODY: u32 = 65_534;

/// Servers that are killed when they are dropped.
pub(crate) struct Running {
    pub(crate) target: Arc<dyn Target>,
    pub(crate) cluster: Cluster,
    _servers: Vec<Child>,
    _folder: tempfile::TempDir,
}

/// Starts three nodes of `name` and waits until one leads. `None` where it is not installed.
pub(crate) async fn running(name: &str, mode: Option<&str>) -> Option<Running> {
    let options = TargetOptions {
        program: "/nowhere/testimony".into(),
        mode: mode.map(str::to_owned),
        bug: None,
        settings: [].into(),
    };
    let target = match target(name, options) {
        Err(error @ TargetError::NotInstalled { .. }) => {
            skipped(&error.to_string());
            return None;
        }
        target => target.unwrap(),
    };
    let folder = tempfile::tempdir().unwrap();
    let first = 3 * STARTED.fetch_add(1, Ordering::Relaxed);
    let node = |number| node(first, number, folder.path());
    let cluster = Cluster {
        nodes: (1..=3).map(node).collect(),
    };
    let mut servers = Vec::new();
    open_to_nobody(folder.path());
    for node in &cluster.nodes {
        std::fs::create_dir_all(&node.data).unwrap();
        give_to_nobody(&node.data);
        let spec = target.node(&cluster, &node.name);
        for file in &spec.files {
            std::fs::create_dir_all(file.path.parent().unwrap()).unwrap();
            std::fs::write(&file.path, &file.text).unwrap();
        }
        for program in &spec.preparations {
            let done = start(program, folder.path()).wait().await.unwrap();
            assert!(done.success(), "{program:?}");
        }
        servers.extend(
            spec.programs
                .iter()
                .map(|program| start(program, folder.path())),
        );
    }
    let running = Running {
        target,
        cluster,
        _servers: servers,
        _folder: folder,
    };
    running.wait_for(|status| status.leader().is_some()).await;
    running.target.set_up(&running.cluster).await.unwrap();
    Some(running)
}

impl Running {
    /// What comes of a call at `node`, by a process of its own.
    pub(crate) async fn call(
        &self,
        node: &str,
        model: Model,
        f: &str,
        value: Option<Value>,
    ) -> Reply {
        let options = ClientOptions {
            timeout: DEADLINE,
            model,
            apart: false,
        };
        let call = Call {
            f: Function::from_name(f),
            key: Some(model.name().into()),
            value,
        };
        let process = ProcessId(PROCESSES.fetch_add(1, Ordering::Relaxed));
        let mut client = self.target.client(&self.cluster, process, &options);
        client.invoke(&node.into(), &call).await
    }

    /// As [`call`](Self::call), of a map; panics unless it is answered.
    pub(crate) async fn answer(&self, node: &str, f: &str, value: Option<Value>) -> Answer {
        match self.call(node, Model::Kv, f, value).await.ending {
            Ending::Ok(answer) => answer,
            other => panic!("{f} at {node}: {other:?}"),
        }
    }

    /// Looks at the nodes until what they say satisfies `wanted`.
    pub(crate) async fn wait_for(&self, wanted: impl Fn(&ClusterStatus) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        let mut looks = interval(Duration::from_millis(20));
        loop {
            looks.tick().await;
            let mut status = ClusterStatus::default();
            for node in &self.cluster.nodes {
                let said = self.target.status(&self.cluster, &node.name).await;
                status
                    .nodes
                    .insert(node.name.clone(), said.unwrap_or_default());
            }
            if wanted(&status) {
                return;
            }
            assert!(Instant::now() < deadline, "not in time: {status:?}");
        }
    }
}

/// The node's address is that of this process, this cluster and this node alone.
fn node(first: u8, number: u8, folder: &Path) -> ClusterNode {
    let name = NodeName::numbered(u32::from(number));
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let ip = IpAddr::V4(Ipv4Addr::new(127, high.max(1), low, first + number));
    // Both are held until both are known: else they may be the same.
    let free = || TcpListener::bind((ip, 0)).unwrap();
    let (peers, clients) = (free(), free());
    let address = |listener: &TcpListener| -> SocketAddr { listener.local_addr().unwrap() };
    ClusterNode {
        data: folder.join(name.as_str()).join("data"),
        name,
        ip,
        peer_listen: address(&peers),
        client_listen: address(&clients),
        routes: [].into(),
    }
}

fn start(program: &Program, folder: &Path) -> Child {
    let mut command = Command::new(&program.program);
    command
        .args(&program.args)
        .envs(&program.env)
        .current_dir(folder)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true);
    if program.unprivileged && is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.spawn().unwrap()
}

/// A program that refuses to be root is nobody, who has to reach its data, which have to be its.
fn give_to_nobody(data: &Path) {
    if is_root() {
        std::os::unix::fs::chown(data, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn open_to_nobody(folder: &Path) {
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, everybody).unwrap();
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests has to learn of it"
)]
fn skipped(reason: &str) {
    eprintln!("skipped: {reason}");
}
