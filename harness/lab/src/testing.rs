//! What the tests of this crate run: a system that is no system at all.
//!
//! Its nodes are real processes that send each other bytes and answer clients with `ok`. What is
//! read and written lives in the test itself, so it is linearizable; its leader is whom it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use testimony_engine::{
    AdminAction, AdminError, BoxFuture, Client, ClientOptions, Cluster, ClusterNode, FaultKind,
    NodeName, NodeSpec, NodeStatus, ProcessId, Program, Role, Target, TargetInfo,
};
use testimony_history::{Answer, Call, Ending, Function, Model, Reply, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, interval, sleep, timeout};

use crate::{EXEC_SUBCOMMAND, Entrance, Launcher};

/// Far longer than anything here takes, on any machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The test that plays a role when it finds itself called for it. See [`play_role`].
const ROLE: &str = "process::tests::a_node_dies_with_the_thread_that_started_it";
const NODE: &str = "fake-node";
const HARNESS: &str = "fake-harness";

/// The command line of a harness that runs in `folder` until it is killed.
pub(crate) fn harness(folder: &Path) -> (std::path::PathBuf, Vec<String>) {
    this_executable(&[HARNESS, folder.to_str().unwrap()])
}

fn this_executable(rest: &[&str]) -> (std::path::PathBuf, Vec<String>) {
    let args = ["--exact", ROLE, "--nocapture", "--"];
    let args = args
        .iter()
        .chain(rest)
        .map(|arg| (*arg).to_owned())
        .collect();
    (std::env::current_exe().unwrap(), args)
}

/// The test executable as a launcher.
pub(crate) fn launcher() -> Launcher {
    let (program, args) = this_executable(&[]);
    Launcher {
        program,
        args: args.into_iter().map(OsString::from).collect(),
    }
}

/// If this process was started as a launcher, a node or a harness, it is that, and this does not
/// return.
pub(crate) async fn play_role() {
    let args: Vec<OsString> = std::env::args_os().collect();
    let after = |word: &str| {
        args.iter()
            .position(|arg| arg == word)
            .map(|at| &args[at + 1..])
    };
    if let Some(words) = after(EXEC_SUBCOMMAND) {
        let dashes = words.iter().position(|word| word == "--").unwrap();
        let flag = |name: &str| {
            let at = words[..dashes].iter().position(|word| word == name)?;
            Some(words[at + 1].clone())
        };
        let entrance = Entrance {
            parent: flag("--parent").unwrap().to_str().unwrap().parse().unwrap(),
            net: flag("--net").map(Into::into),
            unprivileged: flag("--unprivileged").map(Into::into),
            announce_saves: words[..dashes]
                .iter()
                .any(|word| word == "--announce-saves"),
        };
        let [program, args @ ..] = &words[dashes + 1..] else {
            panic!("nothing to start");
        };
        panic!("{}", entrance.become_node(program, args));
    }
    if let Some([folder]) = after(HARNESS) {
        crate::run::tests::be_harness(folder.as_ref()).await;
    }
    if let Some(addresses) = after(NODE) {
        let addresses = addresses
            .iter()
            .map(|text| text.to_str().unwrap().parse().unwrap());
        let addresses: Vec<SocketAddr> = addresses.collect();
        be_node(addresses[0], addresses[1], &addresses[2..]).await;
        std::process::exit(0);
    }
}

/// Sends bytes to its peers, answers clients, until it is asked to end.
async fn be_node(peer: SocketAddr, client: SocketAddr, routes: &[SocketAddr]) {
    tokio::spawn(answer(peer, false));
    tokio::spawn(answer(client, true));
    for route in routes {
        tokio::spawn(chatter(*route));
    }
    signal(SignalKind::terminate()).unwrap().recv().await;
}

async fn answer(address: SocketAddr, aloud: bool) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(64).unwrap();
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            while stream.read_u8().await.is_ok() {
                if aloud {
                    stream.write_all(b"k").await?;
                }
            }
            io::Result::Ok(())
        });
    }
}

async fn chatter(route: SocketAddr) {
    let mut beat = interval(Duration::from_millis(10));
    loop {
        beat.tick().await;
        let Ok(mut stream) = TcpStream::connect(route).await else {
            continue;
        };
        while stream.write_all(b"heartbeat").await.is_ok() {
            beat.tick().await;
        }
    }
}

/// Asks a node whether it is there.
async fn ping(cluster: &Cluster, node: &NodeName) -> io::Result<()> {
    let mut stream = TcpStream::connect(cluster.node(node).unwrap().client_listen).await?;
    stream.write_all(b"?").await?;
    stream.read_u8().await.map(|_| ())
}

/// The system.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) state: Arc<Mutex<State>>,
    /// What its nodes are instead of the fake node.
    pub(crate) program: Option<(&'static str, &'static [&'static str])>,
    /// It says that it did what it is asked, but does nothing.
    pub(crate) lies: bool,
    /// It refuses what it is asked.
    pub(crate) refuses: bool,
}

#[derive(Default)]
pub(crate) struct State {
    values: BTreeMap<Option<Value>, Value>,
    leader: Option<NodeName>,
    term: u64,
    removed: BTreeSet<NodeName>,
}

impl Fake {
    pub(crate) fn removed(&self) -> BTreeSet<NodeName> {
        self.state.lock().unwrap().removed.clone()
    }

    fn role(&self, node: &NodeName) -> (Role, u64) {
        let state = self.state.lock().unwrap();
        let first = NodeName::numbered(1);
        let leads = state.leader.as_ref().unwrap_or(&first) == node;
        (
            if leads { Role::Leader } else { Role::Follower },
            state.term,
        )
    }
}

impl Target for Fake {
    fn info(&self) -> TargetInfo {
        TargetInfo {
            name: "fake".to_owned(),
            labs: vec!["process".to_owned(), "netns".to_owned()],
            models: vec![Model::Register],
            faults: FaultKind::ALL.into(),
            ..TargetInfo::default()
        }
    }

    fn node(&self, cluster: &Cluster, node: &NodeName) -> NodeSpec {
        if let Some((program, args)) = self.program {
            let args = args.iter().map(|arg| (*arg).to_owned()).collect();
            let program = program.into();
            return NodeSpec::of(Program {
                program,
                args,
                ..Program::default()
            });
        }
        let ClusterNode {
            peer_listen,
            client_listen,
            routes,
            ..
        } = cluster.node(node).unwrap();
        let addresses = [peer_listen, client_listen]
            .into_iter()
            .chain(routes.values());
        let (program, mut args) = this_executable(&[NODE]);
        args.extend(addresses.map(ToString::to_string));
        NodeSpec::of(Program {
            program,
            args,
            ..Program::default()
        })
    }

    fn client(
        &self,
        cluster: &Cluster,
        _process: ProcessId,
        options: &ClientOptions,
    ) -> Box<dyn Client> {
        let (state, cluster) = (Arc::clone(&self.state), cluster.clone());
        Box::new(FakeClient {
            state,
            cluster,
            timeout: options.timeout,
        })
    }

    fn status<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: &'a NodeName,
    ) -> BoxFuture<'a, Option<NodeStatus>> {
        Box::pin(async move {
            timeout(Duration::from_millis(200), ping(cluster, node))
                .await
                .ok()?
                .ok()?;
            let (role, term) = self.role(node);
            let (role, term) = (Some(role), Some(term));
            Some(NodeStatus {
                alive: true,
                role,
                term,
                ..NodeStatus::default()
            })
        })
    }

    fn admin<'a>(
        &'a self,
        _cluster: &'a Cluster,
        action: &'a AdminAction,
    ) -> BoxFuture<'a, Result<(), AdminError>> {
        Box::pin(async move {
            if self.refuses {
                return Err(AdminError::Refused {
                    reason: "because".to_owned(),
                });
            }
            let mut state = self.state.lock().unwrap();
            match action {
                _ if self.lies => {}
                AdminAction::RemoveMember(node) => drop(state.removed.insert(node.clone())),
                AdminAction::AddMember(node) => drop(state.removed.remove(node)),
                AdminAction::Transfer(node) => {
                    state.leader = Some(node.clone());
                    state.term += 1;
                }
                AdminAction::Snapshot(_) => {}
            }
            Ok(())
        })
    }
}

struct FakeClient {
    state: Arc<Mutex<State>>,
    cluster: Cluster,
    timeout: Duration,
}

impl FakeClient {
    fn apply(&self, call: &Call) -> Answer {
        let mut state = self.state.lock().unwrap();
        let found = state.values.get(&call.key).cloned().unwrap_or_default();
        match (&call.f, &call.value) {
            (Function::Read, _) => Answer {
                value: Some(found),
                ..Answer::default()
            },
            (Function::Write, Some(value)) => {
                state.values.insert(call.key.clone(), value.clone());
                Answer::default()
            }
            (Function::Remove, _) => {
                let result = state.values.remove(&call.key).is_some();
                Answer {
                    result: Some(result.into()),
                    ..Answer::default()
                }
            }
            other => panic!("the fake does not know {other:?}"),
        }
    }
}

impl Client for FakeClient {
    fn invoke<'a>(&'a mut self, node: &'a NodeName, call: &'a Call) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let ending = match timeout(self.timeout, ping(&self.cluster, node)).await {
                Ok(Ok(())) => Ending::Ok(self.apply(call)),
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    Ending::Fail("refused".into())
                }
                Ok(Err(_)) | Err(_) => Ending::Info("lost".into()),
            };
            let node = Some(Arc::from(node.as_str()));
            Reply {
                ending,
                attempts: 1,
                node,
                extra: Vec::new(),
            }
        })
    }
}

/// Set for a test that is called again inside namespaces of its own.
const INSIDE: &str = "TESTIMONY_TEST_INSIDE";

/// Whether the test of this name is in namespaces of its own. If not, it is called again there, and
/// must pass; where this machine does not allow that, it is skipped, and that is said.
///
/// The way of the program itself is not for a process with threads, which a test is.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let own = [
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--pid",
        "--fork",
    ];
    let unshare = |program: &std::ffi::OsStr, args: &[&str]| {
        #[expect(clippy::disallowed_methods, reason = "the test starts itself")]
        let mut command = std::process::Command::new("unshare");
        command
            .args(own)
            .args(["--kill-child", "--mount-proc", "--"]);
        command.arg(program).args(args).env(INSIDE, "1").output()
    };
    if !unshare("true".as_ref(), &[]).is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: this machine allows no namespaces of users");
        return false;
    }
    if !unshare("nft".as_ref(), &["list", "tables"]).is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: the package nftables is not installed");
        return false;
    }
    let this = std::env::current_exe().unwrap();
    let done = unshare(this.as_ref(), &["--exact", test, "--nocapture"]).unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let summary = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}\n{summary}");
    assert!(
        summary.contains("1 passed"),
        "{test} is not the name: {summary}"
    );
    false
}

/// Waits until something has come about.
pub(crate) async fn eventually(reached: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !reached() {
        assert!(
            Instant::now() < deadline,
            "did not happen within the deadline"
        );
        sleep(Duration::from_millis(2)).await;
    }
}

/// Whether there is a process of that number, be it a zombie.
pub(crate) fn is_there(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}
