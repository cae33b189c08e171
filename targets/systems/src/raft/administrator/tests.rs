//! The administrator against servers that do, refuse, or only pretend.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tokio::io::BufStream;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::testing;

/// What three servers have in common.
#[derive(Clone, Debug)]
struct State {
    leader: Option<&'static str>,
    voters: Vec<String>,
    snapshot: u64,
    /// They answer 200, but do nothing.
    pretends: bool,
    /// They refuse so many requests first.
    refusals: u32,
    asked: Vec<String>,
}

impl Default for State {
    fn default() -> Self {
        let voters = ["n1", "n2", "n3"].map(str::to_owned).into();
        let (leader, asked) = (Some("n2"), Vec::new());
        State {
            leader,
            voters,
            snapshot: 5,
            pretends: false,
            refusals: 0,
            asked,
        }
    }
}

type Shared = Arc<Mutex<State>>;

async fn set(state: State) -> (Cluster, Shared) {
    let state = Arc::new(Mutex::new(state));
    let mut addresses = Vec::new();
    for name in ["n1", "n2", "n3"] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        addresses.push(listener.local_addr().unwrap());
        tokio::spawn(serve(name, listener, Arc::clone(&state)));
    }
    (testing::cluster(&addresses), state)
}

async fn serve(name: &'static str, listener: TcpListener, state: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move { converse(name, BufStream::new(stream), state).await });
    }
}

async fn converse(
    name: &'static str,
    mut stream: BufStream<TcpStream>,
    state: Shared,
) -> io::Result<()> {
    loop {
        let (path, body) = testing::read_request(&mut stream).await?;
        let (status, body) = answer(name, &path, &body, &mut state.lock().unwrap());
        testing::write_answer(&mut stream, status, "", &body.to_string()).await?;
    }
}

fn answer(name: &str, path: &str, body: &Json, state: &mut State) -> (u16, Json) {
    if path == "/status" {
        return (200, status(name, state));
    }
    state.asked.push(format!("{name} {path}"));
    if state.refusals > 0 {
        state.refusals -= 1;
        return (503, json!({"error": "busy", "outcome": "failed"}));
    }
    match path {
        _ if state.pretends => {}
        "/admin/members" => match (body["add"].as_str(), body["remove"].as_str()) {
            (Some(node), None) => state.voters.push(node.to_owned()),
            (None, Some(node)) => state.voters.retain(|voter| voter != node),
            _ => panic!("{body}"),
        },
        "/admin/transfer" => {
            state.leader = ["n1", "n2", "n3"]
                .into_iter()
                .find(|name| body["to"] == **name);
        }
        "/admin/snapshot" => state.snapshot = 9,
        other => panic!("{other}"),
    }
    (200, json!({}))
}

fn status(name: &str, state: &State) -> Json {
    let role = if state.leader == Some(name) {
        "leader"
    } else {
        "follower"
    };
    json!({
        "id": name, "role": role, "term": 3, "leader": state.leader, "commit": 9, "applied": 9,
        "elections": 1, "snapshot_index": state.snapshot, "voters": state.voters, "bug": null,
    })
}

async fn carry_out_on(cluster: &Cluster, action: AdminAction) -> Result<(), AdminError> {
    carry_out(
        &crate::http::client(crate::wire::CONNECT_TIMEOUT),
        cluster,
        &action,
    )
    .await
}

#[tokio::test]
async fn members_are_changed_by_the_leader() {
    let (cluster, state) = set(State::default()).await;
    carry_out_on(&cluster, AdminAction::RemoveMember("n3".into()))
        .await
        .unwrap();
    assert_eq!(state.lock().unwrap().voters, ["n1", "n2"]);
    carry_out_on(&cluster, AdminAction::AddMember("n3".into()))
        .await
        .unwrap();
    assert_eq!(state.lock().unwrap().voters, ["n1", "n2", "n3"]);
    assert_eq!(
        state.lock().unwrap().asked,
        ["n2 /admin/members", "n2 /admin/members"]
    );
}

#[tokio::test]
async fn leadership_is_handed_over() {
    let (cluster, state) = set(State::default()).await;
    carry_out_on(&cluster, AdminAction::Transfer("n3".into()))
        .await
        .unwrap();
    assert_eq!(state.lock().unwrap().leader, Some("n3"));
}

#[tokio::test]
async fn a_snapshot_is_asked_of_its_own_node() {
    let (cluster, state) = set(State::default()).await;
    carry_out_on(&cluster, AdminAction::Snapshot("n1".into()))
        .await
        .unwrap();
    assert_eq!(state.lock().unwrap().asked, ["n1 /admin/snapshot"]);
}

#[tokio::test]
async fn a_snapshot_that_contains_everything_need_not_be_taken_again() {
    let (cluster, _) = set(State {
        snapshot: 9,
        pretends: true,
        ..State::default()
    })
    .await;
    carry_out_on(&cluster, AdminAction::Snapshot("n1".into()))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_refused_at_first_is_asked_again() {
    let (cluster, state) = set(State {
        refusals: 2,
        ..State::default()
    })
    .await;
    carry_out_on(&cluster, AdminAction::RemoveMember("n1".into()))
        .await
        .unwrap();
    assert_eq!(state.lock().unwrap().asked.len(), 3);
}

#[tokio::test]
async fn what_is_always_refused_is_refused_with_the_reason() {
    let (cluster, _) = set(State {
        refusals: u32::MAX,
        ..State::default()
    })
    .await;
    let error = carry_out_on(&cluster, AdminAction::RemoveMember("n1".into()))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        AdminError::Refused {
            reason: "n2: busy (status 503)".to_owned()
        }
    );
}

#[tokio::test]
async fn an_answer_without_the_effect_is_not_believed() {
    let (cluster, _) = set(State {
        pretends: true,
        ..State::default()
    })
    .await;
    let actions = [
        AdminAction::RemoveMember("n1".into()),
        AdminAction::Transfer("n3".into()),
        AdminAction::Snapshot("n3".into()),
    ];
    let results = join_all(actions.map(|action| carry_out_on(&cluster, action))).await;
    for result in results {
        assert!(
            matches!(result, Err(AdminError::Uncertain { .. })),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn without_a_leader_nobody_can_be_asked() {
    let (cluster, state) = set(State {
        leader: None,
        ..State::default()
    })
    .await;
    let error = carry_out_on(&cluster, AdminAction::AddMember("n3".into()))
        .await
        .unwrap_err();
    assert!(matches!(error, AdminError::Unreachable { .. }), "{error}");
    assert_eq!(state.lock().unwrap().asked, [""; 0]);
}
