//! Whole clusters in this process: nodes on loopback, clients over HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use testimony_consensus::NodeId;
use testimony_consensus::bug::Bug;
use testimony_node::{Node, NodeError, NodeOptions};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

mod cluster;

use cluster::{Book, Client, DEADLINE, Session};

/// Nodes as tasks. They stop when this is dropped, their threads with them.
struct Cluster {
    folder: TempDir,
    book: Book,
    voters: Vec<NodeId>,
    running: BTreeMap<NodeId, Running>,
    client: Client,
    adjust: Box<dyn Fn(&mut NodeOptions)>,
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), NodeError>>,
}

impl Cluster {
    /// A cluster of `voters` nodes, with addresses for `nodes`.
    async fn start(voters: u64, nodes: u64, adjust: impl Fn(&mut NodeOptions) + 'static) -> Self {
        let book = Book::new(nodes);
        let client = Client::new(&book);
        let voters = (1..=voters).map(NodeId).collect();
        let folder = TempDir::new().unwrap();
        let running = BTreeMap::new();
        let mut cluster = Cluster {
            folder,
            book,
            voters,
            running,
            client,
            adjust: Box::new(adjust),
        };
        for id in cluster.voters.clone() {
            cluster.start_node(id).await;
        }
        cluster
    }

    async fn start_node(&mut self, id: NodeId) {
        let voters: &[NodeId] = if self.voters.contains(&id) {
            &self.voters
        } else {
            &[]
        };
        let mut options = self.book.options(id, self.folder.path(), voters);
        (self.adjust)(&mut options);
        let node = Node::start(options).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(node.run(async { drop(stopped.await) }));
        self.running.insert(id, Running { stop, task });
    }

    async fn stop_node(&mut self, id: NodeId) {
        let Running { stop, task } = self.running.remove(&id).unwrap();
        drop(stop);
        timeout(DEADLINE, task)
            .await
            .expect("stops in time")
            .unwrap()
            .unwrap();
    }

    fn http(&self, id: NodeId) -> SocketAddr {
        self.book.http(id)
    }

    /// The leader's id.
    async fn leader(&self) -> NodeId {
        let leader = self.client.leader().await;
        self.book
            .ids()
            .into_iter()
            .find(|id| self.http(*id) == leader)
            .unwrap()
    }

    /// A running node that does not lead.
    async fn follower(&self) -> NodeId {
        let leader = self.leader().await;
        *self.running.keys().find(|id| **id != leader).unwrap()
    }
}

fn as_given(_: &mut NodeOptions) {}

fn read(key: &str) -> Value {
    json!({"f": "read", "key": key})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_served_as_documented() {
    let cluster = Cluster::start(3, 3, as_given).await;
    let client = &cluster.client;
    let mut session = Session::open(client).await;
    let mut update = async |f: &str, key: &str, value: Value| {
        let mut answer = session.update(f, key, value).await;
        let extras = answer.as_object_mut().unwrap();
        assert!(extras.remove("term").unwrap().is_u64());
        extras.remove("index");
        answer
    };
    assert_eq!(client.read("x").await, Value::Null);
    assert_eq!(update("write", "x", json!(1)).await, json!({}));
    assert_eq!(client.read("x").await, json!(1));
    assert_eq!(
        update("cas", "x", json!([1, 2])).await,
        json!({"swapped": true})
    );
    let mismatch = json!({"swapped": false, "actual": 2});
    assert_eq!(update("cas", "x", json!([1, 3])).await, mismatch);
    assert_eq!(
        update("cas", "new", json!([null, "v"])).await,
        json!({"swapped": true})
    );
    let mismatch = json!({"swapped": false, "actual": null});
    assert_eq!(update("cas", "none", json!([1, 3])).await, mismatch);
    assert_eq!(update("append", "log", json!("a")).await, json!({}));
    assert_eq!(update("append", "log", json!("b")).await, json!({}));
    assert_eq!(client.read("log").await, json!("ab"));
    assert_eq!(update("add", "n", json!(5)).await, json!({"result": 5}));
    assert_eq!(update("add", "n", json!(-7)).await, json!({"result": -2}));
    let contains = json!({"f": "contains", "key": "x"});
    assert_eq!(
        client.insist("/v1/operation", &contains).await["result"],
        json!(true)
    );
    assert_eq!(
        update("remove", "x", Value::Null).await,
        json!({"result": true})
    );
    assert_eq!(
        update("remove", "x", Value::Null).await,
        json!({"result": false})
    );
    assert_eq!(
        client.insist("/v1/operation", &contains).await["result"],
        json!(false)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_refused_with_outcome_failed() {
    let cluster = Cluster::start(1, 1, as_given).await;
    let (client, node) = (&cluster.client, cluster.http(NodeId(1)));
    let mut session = Session::open(client).await;
    session.update("write", "x", json!(1)).await;
    session.update("write", "text", json!("t")).await;
    let mut wrong = vec![
        (422, session.body("append", "x", &json!("a"))),
        (422, session.body("add", "text", &json!(1))),
        (400, session.body("write", "x", &Value::Null)),
        (400, session.body("append", "x", &json!(3))),
        (400, session.body("add", "x", &json!("one"))),
        (400, session.body("cas", "x", &json!(3))),
        (400, session.body("cas", "x", &json!([1, null]))),
        (400, session.body("fly", "x", &json!(3))),
        (400, json!({"f": "write", "key": "x", "value": 1})),
        (400, json!({"f": "read"})),
        (400, json!("read")),
    ];
    let unknown = json!({"session": 987_654, "sequence": 1, "f": "write", "key": "x", "value": 9});
    wrong.push((409, unknown));
    wrong.push((413, session.body("write", "x", &json!("x".repeat(200_000)))));
    for (status, body) in wrong {
        let answer = client.post(node, "/v1/operation", &body).await.unwrap();
        assert_eq!(answer.0, status, "{body} was answered {answer:?}");
        assert_eq!(
            answer.1["outcome"], "failed",
            "{body} was answered {answer:?}"
        );
        assert!(
            answer.1["error"].is_string(),
            "{body} was answered {answer:?}"
        );
    }
    assert_eq!(client.read("x").await, json!(1));
    assert_eq!(client.read("text").await, json!("t"));
    for (path, status) in [("/nowhere", 404), ("/status", 405)] {
        let answer = client.post(node, path, &json!({})).await.unwrap();
        assert_eq!(
            (answer.0, &answer.1["outcome"]),
            (status, &json!("failed")),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_redirects_to_the_leader() {
    let cluster = Cluster::start(3, 3, as_given).await;
    cluster.client.read("x").await;
    let (leader, follower) = (cluster.leader().await, cluster.follower().await);
    let address = cluster.http(follower);
    cluster
        .client
        .wait(address, "led", |status| status["leader"] == json!(leader))
        .await;
    let policy = reqwest::redirect::Policy::none();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(policy)
        .build()
        .unwrap();
    for (path, body) in [
        ("/v1/operation", read("x")),
        ("/v1/session", json!({})),
        ("/admin/transfer", json!({"to": follower})),
        ("/admin/members", json!({"remove": follower})),
    ] {
        let request = http.post(format!("http://{address}{path}")).json(&body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 307, "{path}");
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(location, format!("http://{}{path}", cluster.http(leader)));
        let answer: Value = response.json().await.unwrap();
        let expected = json!({"error": "not-leader", "leader": leader, "outcome": "failed"});
        assert_eq!(answer, expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_nothing_is_acknowledged() {
    let mut cluster = Cluster::start(3, 3, as_given).await;
    let mut session = Session::open(&cluster.client).await;
    session.update("write", "x", json!(1)).await;
    let leader = cluster.leader().await;
    let others: Vec<NodeId> = cluster
        .running
        .keys()
        .copied()
        .filter(|id| *id != leader)
        .collect();
    for id in others {
        cluster.stop_node(id).await;
    }
    let (client, node) = (&cluster.client, cluster.http(leader));
    let write = session.body("write", "x", &json!(2));
    let (status, answer) = client.post(node, "/v1/operation", &write).await.unwrap();
    assert_eq!(status, 503, "{answer}");
    // Whether the leader had stepped down already is a race; an untold outcome is not.
    let expected = match answer["error"].as_str() {
        Some("no-leader") => "failed",
        Some("timeout" | "uncertain") => "unknown",
        _ => panic!("{answer}"),
    };
    assert_eq!(answer["outcome"], expected, "{answer}");
    let (status, answer) = client
        .post(node, "/v1/operation", &read("x"))
        .await
        .unwrap();
    assert_eq!(
        (status, &answer["outcome"]),
        (503, &json!("failed")),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_request_is_applied_once() {
    let cluster = Cluster::start(3, 3, as_given).await;
    let client = &cluster.client;
    let mut session = Session::open(client).await;
    let body = session.body("append", "x", &json!("a"));
    let first = client.insist("/v1/operation", &body).await;
    for _ in 0..3 {
        let again = client.insist("/v1/operation", &body).await;
        assert_eq!(again["error"], first["error"]);
    }
    let add = session.body("add", "n", &json!(1));
    for _ in 0..3 {
        assert_eq!(
            client.insist("/v1/operation", &add).await["result"],
            json!(1)
        );
    }
    assert_eq!(client.read("x").await, json!("a"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_all_five_keeps_everything() {
    let mut cluster = Cluster::start(5, 5, as_given).await;
    let mut session = Session::open(&cluster.client).await;
    for number in 0..20 {
        session
            .update("write", &format!("k{number}"), json!(number))
            .await;
    }
    let add = session.body("add", "n", &json!(1));
    cluster.client.insist("/v1/operation", &add).await;
    for id in cluster.voters.clone() {
        cluster.stop_node(id).await;
    }
    for id in cluster.voters.clone() {
        cluster.start_node(id).await;
    }
    for number in 0..20 {
        assert_eq!(
            cluster.client.read(&format!("k{number}")).await,
            json!(number)
        );
    }
    let again = cluster.client.insist("/v1/operation", &add).await;
    assert_eq!(
        again["result"],
        json!(1),
        "the session and its last answer are kept, too"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_catches_up_from_a_snapshot() {
    let mut cluster = Cluster::start(3, 3, |options| options.snapshot_every = 20).await;
    let mut session = Session::open(&cluster.client).await;
    session.update("write", "early", json!("e")).await;
    let away = cluster.follower().await;
    cluster.stop_node(away).await;
    for number in 0..60 {
        session.update("write", "x", json!(number)).await;
    }
    let leader = cluster.http(cluster.leader().await);
    let compacted = cluster.client.wait(leader, "compacted", |status| {
        status["snapshot_index"]
            .as_u64()
            .is_some_and(|index| index >= 40)
    });
    let commit = compacted.await["commit"].as_u64().unwrap();
    cluster.start_node(away).await;
    let caught_up = |status: &Value| status["applied"].as_u64().is_some_and(|at| at >= commit);
    let status = cluster
        .client
        .wait(cluster.http(away), "up to date", caught_up)
        .await;
    assert!(status["snapshot_index"].as_u64().unwrap() >= 20, "{status}");
    let transfer = json!({"to": away});
    cluster.client.insist("/admin/transfer", &transfer).await;
    let leads = |status: &Value| status["role"] == "leader";
    cluster
        .client
        .wait(cluster.http(away), "leader", leads)
        .await;
    assert_eq!(cluster.client.read("x").await, json!(59));
    assert_eq!(cluster.client.read("early").await, json!("e"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_taken_on_request_by_any_node() {
    let mut cluster = Cluster::start(3, 3, |options| options.snapshot_every = 0).await;
    let mut session = Session::open(&cluster.client).await;
    for number in 0..10 {
        session.update("write", "x", json!(number)).await;
    }
    for id in cluster.voters.clone() {
        let node = cluster.http(id);
        let applied = |status: &Value| status["applied"].as_u64().is_some_and(|at| at > 10);
        cluster.client.wait(node, "up to date", applied).await;
        let answer = cluster
            .client
            .post(node, "/admin/snapshot", &json!({}))
            .await
            .unwrap();
        assert_eq!(answer.0, 200, "{answer:?}");
        let taken = |status: &Value| status["snapshot_index"].as_u64().is_some_and(|at| at > 10);
        cluster.client.wait(node, "compacted", taken).await;
        cluster.stop_node(id).await;
        cluster.start_node(id).await;
    }
    assert_eq!(cluster.client.read("x").await, json!(9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_added_removed_and_added_again() {
    let mut cluster = Cluster::start(3, 4, as_given).await;
    let mut session = Session::open(&cluster.client).await;
    session.update("write", "x", json!(1)).await;
    let (fourth, client) = (NodeId(4), cluster.client.clone());
    cluster.start_node(fourth).await;
    let is_member = |expected: bool| {
        move |status: &Value| {
            let voters = status["voters"].as_array().expect("a list of voters");
            voters.contains(&json!("n4")) == expected
        }
    };
    for _ in 0..2 {
        client
            .insist("/admin/members", &json!({"add": fourth}))
            .await;
        client
            .wait(cluster.http(fourth), "a member", is_member(true))
            .await;
        client
            .insist("/admin/transfer", &json!({"to": fourth}))
            .await;
        let leads = |status: &Value| status["role"] == "leader";
        client.wait(cluster.http(fourth), "leader", leads).await;
        assert_eq!(client.read("x").await, json!(1));
        client
            .insist("/admin/members", &json!({"remove": fourth}))
            .await;
        for id in cluster.voters.clone() {
            client
                .wait(cluster.http(id), "told", is_member(false))
                .await;
        }
        session.update("write", "x", json!(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_not_in_the_address_book_is_refused() {
    let cluster = Cluster::start(1, 1, as_given).await;
    cluster.client.read("x").await;
    let node = cluster.http(NodeId(1));
    for (path, body) in [
        ("/admin/members", json!({"add": "n9"})),
        ("/admin/members", json!({"add": "n2", "remove": "n3"})),
        ("/admin/members", json!({})),
        ("/admin/transfer", json!({"to": "n9"})),
        ("/admin/transfer", json!({"to": 5})),
    ] {
        let answer = cluster.client.post(node, path, &body).await.unwrap();
        assert!((400..500).contains(&answer.0), "{path} {body}: {answer:?}");
        assert_eq!(answer.1["outcome"], "failed", "{path} {body}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_tells_roles_counters_and_the_bug() {
    let cluster = Cluster::start(3, 3, as_given).await;
    let leader = cluster.leader().await;
    for id in cluster.voters.clone() {
        let others: Vec<String> = cluster
            .voters
            .iter()
            .filter(|other| **other != id)
            .map(NodeId::to_string)
            .collect();
        let hears = |status: &Value| {
            let heard = &status["peer_received"][leader.to_string()];
            id == leader || heard.as_u64().is_some_and(|count| count > 2)
        };
        let status = cluster
            .client
            .wait(cluster.http(id), "in touch", hears)
            .await;
        assert_eq!(status["id"], json!(id));
        assert_eq!(status["bug"], Value::Null);
        for counters in ["peer_sent", "peer_received"] {
            let mut peers: Vec<_> = status[counters].as_object().unwrap().keys().collect();
            peers.sort();
            assert_eq!(peers, others.iter().collect::<Vec<_>>());
        }
        for number in ["term", "commit", "applied", "elections", "snapshot_index"] {
            assert!(status[number].is_u64(), "{number} in {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_bug_leaves_a_cluster_that_serves_and_restarts() {
    for bug in Bug::of("raft") {
        let mut cluster = Cluster::start(3, 3, move |options| {
            options.bug = Some(bug);
            options.snapshot_every = 15;
        })
        .await;
        let mut session = Session::open(&cluster.client).await;
        let mut leader = cluster.client.leader().await;
        let mut unanswered = 0;
        for number in 0..20 {
            // What was acknowledged may be lost, the session too, but somebody answers. With
            // `half-quorum` two may lead one term, and a request of one be lost to the other.
            let body = session.body("write", "x", &json!(number));
            let answer = cluster.client.post(leader, "/v1/operation", &body).await;
            if answer.is_none() {
                unanswered += 1;
                leader = cluster.client.leader().await;
            }
        }
        assert!(
            unanswered < 3,
            "{bug}: {unanswered} requests were not answered"
        );
        for id in cluster.voters.clone() {
            cluster.stop_node(id).await;
        }
        for id in cluster.voters.clone() {
            cluster.start_node(id).await;
        }
        cluster.client.read("x").await;
        let node = cluster.http(NodeId(1));
        let status = cluster.client.status(node).await.unwrap();
        assert_eq!(status["bug"], json!(bug.name()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_that_contradict_each_other_are_refused() {
    let folder = TempDir::new().unwrap();
    let book = Book::new(2);
    let check = async |adjust: fn(&mut NodeOptions), expected: &str| {
        let mut options = book.options(NodeId(1), folder.path(), &book.ids());
        adjust(&mut options);
        let error = Node::start(options).await.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(|options| options.peers.clear(), "no address for n2").await;
    check(
        |options| options.voters.extend([NodeId(7)]),
        "no address for n7",
    )
    .await;
    check(|options| options.election_ticks = 5..5, "election").await;
    check(|options| options.heartbeat_ticks = 15, "heartbeat").await;
    check(|options| options.tick = std::time::Duration::ZERO, "tick").await;
    let entries = Path::read_dir(folder.path()).unwrap().count();
    assert_eq!(entries, 0, "a refused node leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_taken_is_named() {
    let folder = TempDir::new().unwrap();
    let book = Book::new(1);
    let taken = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let mut options = book.options(NodeId(1), folder.path(), &book.ids());
    options.http_listen = taken.local_addr().unwrap();
    let error = Node::start(options)
        .await
        .expect_err("the address is taken")
        .to_string();
    assert!(
        error.contains(&taken.local_addr().unwrap().to_string()),
        "{error}"
    );
}
