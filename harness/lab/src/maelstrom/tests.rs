//! Claims about nodes that talk over their standard streams, and about what passes between them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use testimony_engine::{Action, Draft, Flaws, Link, NodeName, Plan};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::message::{Message, body};
use super::post::Post;
use super::*;
use crate::Launcher;
use crate::run::Folder;
use crate::testing::{DEADLINE, eventually};
use crate::venue::{Notes, Venue};

/// A node that answers `init` and nothing else.
const QUIET: &str = r#"exec sed -un 's/.*"node_id":"\(n[0-9]*\)".*/{"src":"\1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}/p'"#;

/// Starts what is asked for at once: the usual launcher of the tests, which is a test itself, says
/// something on its standard output.
fn launcher() -> Launcher {
    let script = "shift 4; exec \"$@\"";
    Launcher {
        program: "/bin/sh".into(),
        args: ["-c", script, "launcher"].map(Into::into).into(),
    }
}

struct Scene {
    troupe: Troupe,
    breaks: mpsc::UnboundedReceiver<LabError>,
    _folder: tempfile::TempDir,
}

async fn scene(script: &str) -> Scene {
    let draft = Draft {
        seed: Some(1),
        nodes: Some(3),
        program: Some(vec!["sh".into(), "-c".into(), script.into()]),
        verify_timeout: Some(DEADLINE),
        nemesis: Some(testimony_engine::NemesisDraft::only([])),
        ..Draft::default()
    };
    let plan = Plan::resolve(draft, &info()).unwrap();
    let files = tempfile::tempdir().unwrap();
    let folder = Folder::create(files.path(), &plan.node_names()).unwrap();
    let ((deaths, _), (sender, breaks)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let notes = Notes {
        deaths,
        breaks: sender,
    };
    let troupe = Troupe::new(&plan, launcher(), &folder, notes).unwrap();
    troupe.start().await.unwrap();
    Scene {
        troupe,
        breaks,
        _folder: files,
    }
}

async fn quiet() -> Scene {
    let scene = scene(QUIET).await;
    eventually(|| scene.troupe.actors.values().all(|actor| actor.serves())).await;
    scene
}

fn links(words: &str) -> BTreeSet<Link> {
    words.split(' ').map(|word| word.parse().unwrap()).collect()
}

fn nodes(words: &str) -> BTreeSet<NodeName> {
    words.split(' ').map(NodeName::new).collect()
}

#[tokio::test]
async fn every_fault_of_links_is_seen_in_effect_and_healed() {
    let scene = quiet().await;
    let both = || links("n1>n2 n2>n1");
    let flaws = Flaws {
        lost: 20,
        doubled: 20,
        late: 10,
        lateness: Duration::from_secs(1),
    };
    let faults = [
        Action::Cut { links: both() },
        Action::Cut {
            links: links("n1>n3"),
        },
        Action::Slow {
            links: both(),
            delay: Duration::from_millis(80),
            jitter: Duration::from_millis(20),
        },
        Action::Throttle {
            links: both(),
            bytes_per_second: 1_000,
        },
        Action::Lossy {
            links: both(),
            flaws,
        },
    ];
    for (number, fault) in (1..).zip(faults) {
        scene.troupe.inject(number, &fault).await.unwrap();
        scene.troupe.heal(number).await.unwrap();
    }
    let reset = Action::Reset { links: both() };
    scene.troupe.inject(9, &reset).await.unwrap();
}

#[tokio::test]
async fn a_fault_of_links_that_are_cut_cannot_be_seen() {
    let scene = quiet().await;
    let links = links("n1>n2");
    let cut = Action::Cut {
        links: links.clone(),
    };
    scene.troupe.inject(1, &cut).await.unwrap();
    let (delay, jitter) = (Duration::from_millis(10), Duration::ZERO);
    let slow = Action::Slow {
        links: links.clone(),
        delay,
        jitter,
    };
    assert!(scene.troupe.inject(2, &slow).await.is_err());
    let none = Action::Lossy {
        links,
        flaws: Flaws::default(),
    };
    assert!(scene.troupe.inject(3, &none).await.is_err());
}

#[tokio::test]
async fn a_killed_node_is_gone_and_comes_back_and_a_paused_one_stands_still() {
    let scene = quiet().await;
    let troupe = &scene.troupe;
    let serves = |name: &str| troupe.actors[&NodeName::new(name)].serves();
    let kill = Action::Kill {
        nodes: nodes("n1 n2"),
    };
    troupe.inject(1, &kill).await.unwrap();
    assert!(!serves("n1") && !serves("n2") && serves("n3"));
    troupe.heal(1).await.unwrap();
    assert!(serves("n1") && serves("n2"));
    let pause = Action::Pause { nodes: nodes("n3") };
    troupe.inject(2, &pause).await.unwrap();
    assert!(!serves("n3"));
    troupe.heal(2).await.unwrap();
    assert!(serves("n3"));
    assert!(troupe.stop().await.is_empty());
}

#[tokio::test]
async fn a_node_that_writes_no_message_is_named_with_its_line() {
    let said = [
        ("hello", "line 1"),
        (
            "{\"src\":\"n9\",\"dest\":\"n1\",\"body\":{\"type\":\"x\"}}",
            "by n9",
        ),
        ("{\"src\":\"n1\",\"dest\":\"n1\",\"body\":{}}", "no `type`"),
        (
            "{\"src\":\"n1\",\"dest\":\"n8\",\"body\":{\"type\":\"x\"}}",
            "n8",
        ),
    ];
    for (line, problem) in said {
        let script = format!("read line; echo '{line}'; exec cat > /dev/null");
        let mut scene = scene(&script).await;
        let mut told = String::new();
        // The other nodes say the same, but as somebody else.
        while !told.contains(problem) {
            let error = timeout(DEADLINE, scene.breaks.recv())
                .await
                .unwrap()
                .unwrap();
            told = error.to_string();
            assert!(told.contains("does not keep to the protocol"), "{told}");
        }
    }
}

fn message(src: &str, dest: &str, number: u64) -> Message {
    Message {
        src: src.to_owned(),
        dest: dest.to_owned(),
        body: body(json!({ "type": "read", "key": 1, "msg_id": number })),
    }
}

fn post() -> (Arc<Post>, mpsc::UnboundedReceiver<String>) {
    let post = Post::new(1, vec!["n1".into(), "n2".into()]);
    let (lines, inbox) = mpsc::unbounded_channel();
    post.attend(0, Some(lines));
    tokio::spawn(Arc::clone(&post).deliver());
    (post, inbox)
}

#[tokio::test]
async fn a_message_is_for_a_node_a_client_or_a_service() {
    let (post, mut inbox) = post();
    let mut client = post.register("c1");
    post.send(1, message("n2", "n1", 1)).unwrap();
    let line = timeout(DEADLINE, inbox.recv()).await.unwrap().unwrap();
    assert_eq!(Message::parse(&line).unwrap(), message("n2", "n1", 1));
    post.send(0, message("n1", "lin-kv", 2)).unwrap();
    let answer = timeout(DEADLINE, inbox.recv()).await.unwrap().unwrap();
    assert_eq!(Message::parse(&answer).unwrap().in_reply_to(), Some(2));
    post.send(0, message("n1", "c1", 3)).unwrap();
    assert_eq!(client.recv().await.unwrap(), message("n1", "c1", 3));
    post.forget("c1");
    post.send(0, message("n1", "c1", 4)).unwrap();
    assert!(post.send(0, message("n1", "nobody", 5)).is_err());
}

#[tokio::test]
async fn a_node_that_is_not_there_hears_nothing() {
    let (post, mut inbox) = post();
    assert!(post.call(&message("c1", "n1", 1)));
    assert!(inbox.recv().await.is_some());
    assert!(!post.call(&message("c1", "n2", 1)));
    post.attend(0, None);
    assert!(!post.call(&message("c1", "n1", 2)));
    assert!(inbox.recv().await.is_none());
}
