//! Every fault on real processes: seen in effect, seen healed, and not seen where there is none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use testimony_engine::{Draft, NodeName, Plan};
use tokio::sync::mpsc;

use super::*;
use crate::nodes::Death;
use crate::run::Folder;
use crate::testing::{DEADLINE, Fake, launcher};

/// Three nodes that run.
struct Scene {
    faults: Faults,
    site: Arc<Site>,
    fake: Arc<Fake>,
    deaths: mpsc::UnboundedReceiver<Death>,
    _folder: TempDir,
}

impl Scene {
    async fn set(fake: Fake) -> Scene {
        let scene = Scene::empty(fake).await;
        for node in scene.site.nodes.names() {
            scene.site.nodes.start(node).await.unwrap();
        }
        for link in proxies(&scene.site).names() {
            let met = || proxies(&scene.site).traffic(link).unwrap().passed_bytes > 0;
            crate::testing::eventually(met).await;
        }
        scene
    }

    /// None of the nodes runs yet.
    async fn empty(fake: Fake) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<NodeName> = (1..=3).map(NodeName::numbered).collect();
        let files = Folder::create(folder.path(), &names).unwrap();
        let (notes, deaths) = mpsc::unbounded_channel();
        let fake = Arc::new(fake);
        let target = Arc::clone(&fake) as Arc<dyn testimony_engine::Target>;
        let draft = Draft {
            seed: Some(1),
            nodes: Some(3),
            ..Draft::default()
        };
        let plan = Plan::resolve(draft, &target.info()).unwrap();
        let site = Site::build(&plan, target, launcher(), &files, notes)
            .await
            .unwrap();
        let site = Arc::new(site);
        let faults = Faults::new(Arc::clone(&site), DEADLINE);
        Scene {
            faults,
            site,
            fake,
            deaths,
            _folder: folder,
        }
    }

    async fn inject(&self, action: &Action) -> Seen {
        self.faults.inject(1, action).await
    }

    async fn answers(&self, node: &str) -> bool {
        self.site.status(&node.into()).await.is_some()
    }
}

fn proxies(site: &Site) -> &Links {
    match &site.wires {
        Wires::Proxies(links) => links,
        Wires::Bridge(_) => panic!("this is the process lab"),
    }
}

fn links(words: &str) -> BTreeSet<Link> {
    words.split(' ').map(|word| word.parse().unwrap()).collect()
}

fn nodes(words: &str) -> BTreeSet<NodeName> {
    words.split(' ').map(NodeName::new).collect()
}

fn slow(words: &str, millis: u64) -> Action {
    let delay = Duration::from_millis(millis);
    Action::Slow {
        links: links(words),
        delay,
        jitter: delay / 2,
    }
}

#[tokio::test]
async fn a_cut_is_seen_and_its_heal_lets_through_what_waited() {
    let scene = Scene::set(Fake::default()).await;
    let cut = Action::Cut {
        links: links("n1>n2 n1>n3"),
    };
    let note = scene.inject(&cut).await.unwrap();
    assert_eq!(note.as_deref(), Some("2 of 2 links probed"));
    let before = proxies(&scene.site)
        .traffic(&"n1>n2".parse().unwrap())
        .unwrap();
    let arrived = || {
        let now = proxies(&scene.site)
            .traffic(&"n1>n2".parse().unwrap())
            .unwrap();
        assert_eq!(now.passed_bytes, before.passed_bytes);
        now.arrived_bytes > before.arrived_bytes
    };
    crate::testing::eventually(arrived).await;
    let note = scene.faults.heal(1).await.unwrap().unwrap();
    assert!(
        note.ends_with("bytes had waited") && !note.starts_with("0 "),
        "{note}"
    );
    let after = || {
        proxies(&scene.site)
            .traffic(&"n1>n2".parse().unwrap())
            .unwrap()
    };
    crate::testing::eventually(|| after().passed_bytes > before.passed_bytes).await;
}

#[tokio::test]
async fn a_cut_that_leaks_is_found_out_at_its_end() {
    let scene = Scene::set(Fake::default()).await;
    let link: Link = "n1>n2".parse().unwrap();
    scene
        .inject(&Action::Cut {
            links: [link.clone()].into(),
        })
        .await
        .unwrap();
    let before = proxies(&scene.site).traffic(&link).unwrap().passed_bytes;
    proxies(&scene.site).set(&link, Shape::default()).unwrap();
    let leaked = || proxies(&scene.site).traffic(&link).unwrap().passed_bytes > before;
    crate::testing::eventually(leaked).await;
    let error = scene.faults.heal(1).await.unwrap_err();
    assert!(
        error.contains("n1>n2 passed") && error.contains("while it was cut"),
        "{error}"
    );
    assert_eq!(
        scene.faults.heal(1).await.map(drop),
        Ok(()),
        "a second heal has nothing to find"
    );
}

#[tokio::test]
async fn healing_one_of_two_faults_leaves_the_other() {
    let scene = Scene::set(Fake::default()).await;
    let link: Link = "n2>n3".parse().unwrap();
    scene.faults.inject(1, &slow("n2>n3", 40)).await.unwrap();
    scene
        .faults
        .inject(
            2,
            &Action::Cut {
                links: [link.clone()].into(),
            },
        )
        .await
        .unwrap();
    assert!(proxies(&scene.site).shape(&link).unwrap().cut);
    scene.faults.heal(2).await.unwrap();
    let left = proxies(&scene.site).shape(&link).unwrap();
    assert_eq!((left.cut, left.delay), (false, Duration::from_millis(20)));
    scene.faults.heal(1).await.unwrap();
    assert_eq!(proxies(&scene.site).shape(&link).unwrap(), Shape::default());
}

#[tokio::test]
async fn slow_links_are_measured() {
    let scene = Scene::set(Fake::default()).await;
    let note = scene
        .inject(&slow("n1>n2 n2>n1", 100))
        .await
        .unwrap()
        .unwrap();
    let millis: u64 = note.split(' ').nth(2).unwrap().parse().unwrap();
    assert!(millis >= 50, "{note}");
    scene.faults.heal(1).await.unwrap();
}

#[tokio::test]
async fn a_throttle_is_measured() {
    let scene = Scene::set(Fake::default()).await;
    let throttle = Action::Throttle {
        links: links("n3>n1"),
        bytes_per_second: 2_000,
    };
    let note = scene.inject(&throttle).await.unwrap().unwrap();
    let millis: u64 = note.split(' ').nth(2).unwrap().parse().unwrap();
    // Two pieces of 64 bytes had to wait for the ones before them.
    assert!(millis >= 64, "{note}");
    scene.faults.heal(1).await.unwrap();
}

#[tokio::test]
async fn slowness_cannot_be_seen_on_a_link_that_is_cut() {
    let scene = Scene::set(Fake::default()).await;
    scene
        .faults
        .inject(
            1,
            &Action::Cut {
                links: links("n1>n2"),
            },
        )
        .await
        .unwrap();
    let error = scene
        .faults
        .inject(2, &slow("n1>n2", 20))
        .await
        .unwrap_err();
    assert!(error.contains("every link that it slows is cut"), "{error}");
    scene.faults.heal(2).await.unwrap();
    scene.faults.heal(1).await.unwrap();
}

#[tokio::test]
async fn a_reset_drops_connections_and_without_any_it_fails() {
    let scene = Scene::set(Fake::default()).await;
    let note = scene
        .inject(&Action::Reset {
            links: links("n1>n2 n1>n3"),
        })
        .await
        .unwrap();
    assert_eq!(note.as_deref(), Some("2 connections dropped"));
    let idle = Scene::empty(Fake::default()).await;
    let error = idle
        .inject(&Action::Reset {
            links: links("n1>n2"),
        })
        .await
        .unwrap_err();
    assert_eq!(error, "there was no connection to drop");
}

#[tokio::test]
async fn killed_nodes_are_gone_until_they_are_restarted() {
    let mut scene = Scene::set(Fake::default()).await;
    scene
        .inject(&Action::Kill {
            nodes: nodes("n1 n3"),
        })
        .await
        .unwrap();
    for node in ["n1", "n3"] {
        assert!(!scene.answers(node).await && scene.site.refuses(&node.into()).await);
    }
    assert!(scene.answers("n2").await);
    scene.faults.heal(1).await.unwrap();
    assert!(scene.answers("n1").await && scene.answers("n3").await);
    assert!(
        scene.deaths.try_recv().is_err(),
        "a kill is no unexpected end"
    );
}

#[tokio::test]
async fn killing_a_node_that_does_not_run_fails_and_its_heal_starts_it() {
    let scene = Scene::empty(Fake::default()).await;
    let error = scene
        .inject(&Action::Kill { nodes: nodes("n1") })
        .await
        .unwrap_err();
    assert!(error.contains("n1: it does not run"), "{error}");
    scene.faults.heal(1).await.unwrap();
    assert!(scene.answers("n1").await);
}

#[tokio::test]
async fn a_paused_node_is_silent_until_it_is_resumed() {
    let scene = Scene::set(Fake::default()).await;
    scene
        .inject(&Action::Pause { nodes: nodes("n2") })
        .await
        .unwrap();
    assert!(!scene.answers("n2").await);
    scene.faults.heal(1).await.unwrap();
    assert!(scene.answers("n2").await);
}

#[tokio::test]
async fn a_member_is_removed_and_added_back() {
    let scene = Scene::set(Fake::default()).await;
    scene
        .inject(&Action::Remove { node: "n2".into() })
        .await
        .unwrap();
    assert_eq!(scene.fake.removed(), nodes("n2"));
    scene.faults.heal(1).await.unwrap();
    assert!(scene.fake.removed().is_empty());
}

#[tokio::test]
async fn what_the_system_refuses_is_a_failed_injection_with_its_reason() {
    let scene = Scene::set(Fake {
        refuses: true,
        ..Fake::default()
    })
    .await;
    let error = scene
        .inject(&Action::Remove { node: "n2".into() })
        .await
        .unwrap_err();
    assert_eq!(error, "refused: because");
}

#[tokio::test]
async fn a_transfer_is_believed_only_if_the_node_leads() {
    let scene = Scene::set(Fake::default()).await;
    let transfer = Action::Transfer { to: "n3".into() };
    assert_eq!(
        scene.inject(&transfer).await,
        Ok(Some("n3 leads in term 1".to_owned()))
    );
    let liar = Scene::set(Fake {
        lies: true,
        ..Fake::default()
    })
    .await;
    let error = liar.inject(&transfer).await.unwrap_err();
    assert!(error.contains("n3 was to lead"), "{error}");
}

#[tokio::test]
async fn a_heal_that_cannot_be_seen_in_time_fails_and_may_be_tried_again() {
    let mut scene = Scene::set(Fake::default()).await;
    scene
        .inject(&Action::Kill { nodes: nodes("n2") })
        .await
        .unwrap();
    scene.faults.verify_timeout = Duration::from_micros(1);
    let error = scene.faults.heal(1).await.unwrap_err();
    assert_eq!(error, "took longer than 0 ms to be seen healed");
    scene.faults.verify_timeout = DEADLINE;
    scene.faults.heal(1).await.unwrap();
    assert!(scene.answers("n2").await);
}

#[tokio::test]
async fn healing_what_was_never_injected_is_no_error() {
    let scene = Scene::empty(Fake::default()).await;
    assert_eq!(scene.faults.heal(9).await, Ok(None));
}

#[tokio::test]
async fn a_node_that_ends_by_itself_is_told_with_its_last_words() {
    let program = ("sh", &["-c", "echo oh no >&2; exit 3"][..]);
    let mut scene = Scene::empty(Fake {
        program: Some(program),
        ..Fake::default()
    })
    .await;
    scene.site.nodes.start(&"n2".into()).await.unwrap();
    let death = tokio::time::timeout(DEADLINE, scene.deaths.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((death.node.as_str(), death.exit.code), ("n2", Some(3)));
    assert!(death.stderr.ends_with("oh no"), "{}", death.stderr);
    assert!(!scene.site.nodes.is_running(&"n2".into()));
}
