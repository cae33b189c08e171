//! What happens to the processes, and what must be true afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tempfile::TempDir;
use testimony_consensus::NodeId;
use testimony_consensus::bug::Bug;
use testimony_node::NodeOptions;
use tokio::time::{Instant, sleep};

use crate::cluster::{Book, Client, DEADLINE, Session};
use crate::process::Process;

/// A test, and the claim that it makes.
type Scenario = (&'static str, fn() -> LocalBoxFuture<'static, ()>);

macro_rules! scenarios {
    ($($name:ident,)*) => { &[$((stringify!($name), || Box::pin($name()))),*] };
}

/// All of them.
pub(crate) const ALL: &[Scenario] = scenarios![
    a_terminated_node_exits_cleanly_and_keeps_everything,
    acknowledged_writes_survive_kills_at_any_moment,
    a_planted_bug_is_announced_and_really_loses_writes,
    a_stopped_leader_is_replaced_and_follows_when_it_goes_on,
    a_lease_does_not_survive_a_stop_of_its_leader,
    damaged_data_is_refused_and_a_torn_tail_is_not,
];

/// Nodes as processes. All are dead when this is dropped.
struct Cluster {
    folder: TempDir,
    book: Book,
    client: Client,
    processes: BTreeMap<NodeId, Process>,
    adjust: fn(&mut NodeOptions),
}

impl Cluster {
    fn start(nodes: u64, adjust: fn(&mut NodeOptions)) -> Self {
        let book = Book::new(nodes);
        let client = Client::new(&book);
        let folder = TempDir::new().unwrap();
        let processes = BTreeMap::new();
        let mut cluster = Cluster {
            folder,
            book,
            client,
            processes,
            adjust,
        };
        cluster
            .book
            .ids()
            .into_iter()
            .for_each(|id| cluster.start_node(id));
        cluster
    }

    fn options(&self, id: NodeId) -> NodeOptions {
        let mut options = self.book.options(id, self.folder.path(), &self.book.ids());
        options.snapshot_every = 40;
        (self.adjust)(&mut options);
        options
    }

    fn start_node(&mut self, id: NodeId) {
        let process = Process::start(&self.options(id), &self.errors(id));
        self.processes.insert(id, process);
    }

    fn kill(&mut self, ids: &[NodeId]) {
        ids.iter().for_each(|id| drop(self.processes.remove(id)));
    }

    fn errors(&self, id: NodeId) -> PathBuf {
        self.folder.path().join(format!("{id}.stderr"))
    }

    /// The node's newest log.
    fn log(&self, id: NodeId) -> PathBuf {
        let folder = self.folder.path().join(id.to_string());
        let names = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let is_log = |path: &PathBuf| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("log-")
        };
        names.filter(is_log).max().unwrap()
    }
}

fn as_it_is(_: &mut NodeOptions) {}

/// Clients that write and remember what was acknowledged.
#[derive(Default)]
struct Writers {
    acknowledged: Mutex<Vec<(String, u64)>>,
    count: AtomicU64,
    stop: AtomicBool,
}

impl Writers {
    async fn write(self: Arc<Self>, client: Client, writer: u64) {
        let mut session = Session::open(&client).await;
        for number in 0.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let key = format!("w{writer}-{number}");
            session.update("write", &key, json!(number)).await;
            self.acknowledged.lock().unwrap().push((key, number));
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits until so many more writes were acknowledged.
    async fn progress(&self, more: u64) {
        let enough = self.count.load(Ordering::SeqCst) + more;
        let deadline = Instant::now() + DEADLINE;
        while self.count.load(Ordering::SeqCst) < enough {
            assert!(Instant::now() < deadline, "the writers do not get on");
            sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn acknowledged_writes_survive_kills_at_any_moment() {
    let mut cluster = Cluster::start(3, as_it_is);
    let ids = cluster.book.ids();
    let writers = Arc::new(Writers::default());
    let tasks: Vec<_> = (0..4)
        .map(|writer| tokio::spawn(Arc::clone(&writers).write(cluster.client.clone(), writer)))
        .collect();
    for (round, more) in [5_u64, 41, 17, 3, 29, 1, 60, 11].into_iter().enumerate() {
        writers.progress(more).await;
        let killed = if round % 3 == 2 {
            &ids[..]
        } else {
            &ids[round % 3..=round % 3]
        };
        cluster.kill(killed);
        killed.iter().for_each(|id| cluster.start_node(*id));
    }
    writers.progress(20).await;
    writers.stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    cluster.kill(&ids);
    ids.iter().for_each(|id| cluster.start_node(*id));
    let acknowledged = writers.acknowledged.lock().unwrap().clone();
    assert!(
        acknowledged.len() > 150,
        "only {} writes",
        acknowledged.len()
    );
    for (key, number) in acknowledged {
        assert_eq!(cluster.client.read(&key).await, json!(number), "{key}");
    }
}

/// Writes, kills everything at once, and says how many acknowledged writes are gone.
async fn lost_when_all_are_killed(adjust: fn(&mut NodeOptions)) -> (usize, Cluster) {
    let mut cluster = Cluster::start(3, adjust);
    let mut session = Session::open(&cluster.client).await;
    let keys: Vec<String> = (0..20).map(|number| format!("k{number}")).collect();
    for key in &keys {
        session.update("write", key, json!("kept")).await;
    }
    let ids = cluster.book.ids();
    cluster.kill(&ids);
    ids.iter().for_each(|id| cluster.start_node(*id));
    let mut lost = 0;
    for key in &keys {
        lost += usize::from(cluster.client.read(key).await != json!("kept"));
    }
    (lost, cluster)
}

async fn a_planted_bug_is_announced_and_really_loses_writes() {
    let (lost, cluster) = lost_when_all_are_killed(as_it_is).await;
    assert_eq!(lost, 0, "a correct node loses nothing");
    let said = fs::read_to_string(cluster.errors(NodeId(1))).unwrap();
    assert!(!said.contains("BUG"), "{said}");
    let (lost, cluster) =
        lost_when_all_are_killed(|node| node.bug = Some(Bug::AckBeforeFsync)).await;
    assert!(lost > 0, "the planted bug loses what was not on the disk");
    let said = fs::read_to_string(cluster.errors(NodeId(1))).unwrap();
    assert!(
        said.contains("BUG") && said.contains(Bug::AckBeforeFsync.name()),
        "{said}"
    );
    let status = cluster
        .client
        .status(cluster.book.http(NodeId(1)))
        .await
        .unwrap();
    assert_eq!(status["bug"], json!(Bug::AckBeforeFsync.name()));
}

async fn a_terminated_node_exits_cleanly_and_keeps_everything() {
    let mut cluster = Cluster::start(1, as_it_is);
    let id = NodeId(1);
    let ready = cluster.processes[&id].ready.clone();
    let options = cluster.options(id);
    let (peer, http) = (options.peer_listen, options.http_listen);
    assert_eq!(
        ready,
        json!({"ready": true, "id": "n1", "peer": peer, "http": http})
    );
    let mut session = Session::open(&cluster.client).await;
    session.update("write", "x", json!(1)).await;
    let errors = cluster.folder.path().join("second");
    let (status, said) = Process::refuse(&options, &errors);
    assert!(
        !status.success() && said.contains("locked"),
        "a second process: {said}"
    );
    let mut process = cluster.processes.remove(&id).unwrap();
    assert_eq!(process.terminate().code(), Some(0));
    assert!(
        cluster.client.status(http).await.is_none(),
        "nobody listens any more"
    );
    cluster.start_node(id);
    assert_eq!(cluster.client.read("x").await, json!(1));
}

/// Stops the leader, and waits until another node leads.
async fn stop_leader(cluster: &Cluster) -> (NodeId, NodeId) {
    let leader = cluster.client.leader().await;
    let ids = cluster.book.ids();
    let stopped = *ids
        .iter()
        .find(|id| cluster.book.http(**id) == leader)
        .unwrap();
    cluster.processes[&stopped].pause();
    let others = ids.iter().filter(|id| **id != stopped);
    let next = Client::of(others.map(|id| cluster.book.http(*id)).collect())
        .leader()
        .await;
    let next = *ids
        .iter()
        .find(|id| cluster.book.http(**id) == next)
        .unwrap();
    (stopped, next)
}

async fn a_stopped_leader_is_replaced_and_follows_when_it_goes_on() {
    let cluster = Cluster::start(3, as_it_is);
    let mut session = Session::open(&cluster.client).await;
    session.update("write", "x", json!(1)).await;
    let (stopped, next) = stop_leader(&cluster).await;
    let leads = |status: &Value| status["role"] == "leader";
    let status = cluster
        .client
        .wait(cluster.book.http(next), "leader", leads)
        .await;
    cluster.processes[&stopped].resume();
    let follows =
        |now: &Value| now["role"] == "follower" && now["term"].as_u64() >= status["term"].as_u64();
    let node = cluster.book.http(stopped);
    cluster
        .client
        .wait(node, "a follower of the new leader", follows)
        .await;
    assert_eq!(cluster.client.read("x").await, json!(1));
}

/// A stopped process feels no time pass; its lease must not outlast it all the same.
async fn a_lease_does_not_survive_a_stop_of_its_leader() {
    let cluster = Cluster::start(3, |options| options.lease_reads = true);
    for round in 0..6 {
        let mut session = Session::open(&cluster.client).await;
        session.update("write", "x", json!("old")).await;
        let (stopped, next) = stop_leader(&cluster).await;
        let mut session = Session::open(&Client::of(vec![cluster.book.http(next)])).await;
        session.update("write", "x", json!(round)).await;
        // Asked while it still sleeps, it answers as soon as it wakes.
        let read = json!({"f": "read", "key": "x"});
        let asked = cluster
            .client
            .post(cluster.book.http(stopped), "/v1/operation", &read);
        let woken = async {
            sleep(Duration::from_millis(10)).await;
            cluster.processes[&stopped].resume();
        };
        let (answer, ()) = tokio::join!(asked, woken);
        if let Some((200, body)) = answer {
            assert_eq!(body["value"], json!(round), "a lease outlived its time");
        }
    }
}

async fn damaged_data_is_refused_and_a_torn_tail_is_not() {
    let mut cluster = Cluster::start(1, as_it_is);
    let id = NodeId(1);
    let mut session = Session::open(&cluster.client).await;
    for number in 0..5 {
        session.update("write", "x", json!(number)).await;
    }
    cluster.kill(&[id]);
    let (log, options) = (cluster.log(id), cluster.options(id));
    let whole = fs::read(&log).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x40;
    fs::write(&log, &damaged).unwrap();
    let (status, said) = Process::refuse(&options, &cluster.folder.path().join("damaged"));
    let name = log.file_name().unwrap().to_string_lossy();
    assert!(!status.success(), "{said}");
    assert!(
        said.contains(&*name) && said.contains("corrupt at byte"),
        "{said}"
    );
    fs::write(&log, [&whole[..], b"torn"].concat()).unwrap();
    cluster.start_node(id);
    assert_eq!(cluster.client.read("x").await, json!(4));
}
