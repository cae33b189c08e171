//! What is done to packets, clocks, disks and the time of nodes, and how it is seen.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use testimony_engine::{Action, FaultKind, Flaws, Link};
use tokio::time::Instant;

use super::{Scene, links};
use crate::clocks;
use crate::testing::{DEADLINE, is_inside};

const HERE: &str = "netns::tests::breakage::";

impl Scene {
    /// Injects, has it checked, heals. What was seen of the injection and of the heal.
    async fn breaks(&self, action: &Action, check: impl AsyncFn()) -> (String, String) {
        let seen = self.faults.inject(1, action).await.unwrap();
        check().await;
        let healed = self.faults.heal(1).await.unwrap();
        (seen.unwrap_or_default(), healed.unwrap_or_default())
    }

    /// How long a packet takes.
    async fn takes(&self, link: &str) -> Duration {
        let link: Link = link.parse().unwrap();
        let since = Instant::now();
        assert!(self.network().passes(&link, DEADLINE).await.unwrap());
        since.elapsed()
    }
}

#[tokio::test]
async fn slow_links_are_slow_in_their_direction_also_while_another_is_cut() {
    let name = "slow_links_are_slow_in_their_direction_also_while_another_is_cut";
    if !is_inside(&format!("{HERE}{name}")) {
        return;
    }
    let scene = Scene::with(&[FaultKind::SlowLinks]).await;
    let (delay, jitter) = (Duration::from_millis(80), Duration::from_millis(20));
    let links_slow = links("n1>n2 n1>n3");
    let slow = Action::Slow {
        links: links_slow,
        delay,
        jitter,
    };
    let (seen, healed) = scene
        .breaks(&slow, async || {
            assert!(scene.takes("n1>n2").await >= delay - jitter);
            let cut = Action::Cut {
                links: links("n2>n1 n1>n3"),
            };
            scene.faults.inject(2, &cut).await.unwrap();
            assert!(!scene.reaches("n1", "n3").await);
            scene.faults.heal(2).await.unwrap();
            assert!(scene.takes("n1>n3").await >= delay - jitter);
        })
        .await;
    assert!(
        seen.starts_with("2 of 2 links: of ") && seen.ends_with("delayed"),
        "{seen}"
    );
    assert!(healed.ends_with("delayed"), "{healed}");
    assert!(scene.takes("n1>n2").await < delay - jitter);
}

#[tokio::test]
async fn links_that_lose_double_and_damage_are_seen_to_do_it() {
    let name = "links_that_lose_double_and_damage_are_seen_to_do_it";
    if !is_inside(&format!("{HERE}{name}")) {
        return;
    }
    let scene = Scene::with(&[FaultKind::LossyLinks]).await;
    let all = links("n1>n2 n2>n1");
    let lateness = Duration::from_millis(50);
    let flaws = Flaws {
        lost: 20,
        doubled: 20,
        late: 20,
        lateness,
    };
    let lossy = Action::Lossy {
        links: all.clone(),
        flaws,
    };
    let (seen, _) = scene.breaks(&lossy, async || {}).await;
    for word in ["lost", "doubled", "overtaken"] {
        assert!(seen.contains(word), "{seen}");
    }
    let corrupt = Action::Corrupt {
        links: all.clone(),
        percent: 20,
    };
    let (seen, _) = scene.breaks(&corrupt, async || {}).await;
    assert!(seen.ends_with("damaged"), "{seen}");
    let throttle = Action::Throttle {
        links: all.clone(),
        bytes_per_second: 20_000,
    };
    scene.breaks(&throttle, async || {}).await;
    let nothing = Action::Lossy {
        links: all,
        flaws: Flaws::default(),
    };
    let late = tokio::time::timeout(Duration::from_millis(300), scene.faults.inject(1, &nothing));
    assert!(late.await.is_err(), "what does nothing was seen in effect");
}

#[tokio::test]
async fn a_clock_stays_wrong_when_its_node_is_restarted_until_it_is_set_right() {
    let name = "a_clock_stays_wrong_when_its_node_is_restarted_until_it_is_set_right";
    if !is_inside(&format!("{HERE}{name}")) || !cfg!(target_arch = "x86_64") {
        return;
    }
    let scene = Scene::with(&[FaultKind::ClockSkew]).await;
    let nodes = std::collections::BTreeSet::from(["n1".into()]);
    let is_right = |node: &str| {
        let processes = scene.site.nodes.processes(&node.into());
        processes
            .iter()
            .all(|process| clocks::is_right(*process).unwrap())
    };
    assert!(is_right("n1"));
    let skew = Action::Skew {
        nodes: nodes.clone(),
        jump_ms: 3_600_000,
        drift_ppm: 100,
    };
    let (seen, _) = scene
        .breaks(&skew, async || {
            assert!(!is_right("n1") && is_right("n2"));
            let kill = Action::Kill {
                nodes: nodes.clone(),
            };
            scene.faults.inject(2, &kill).await.unwrap();
            scene.faults.heal(2).await.unwrap();
            assert!(!is_right("n1"));
        })
        .await;
    assert!(seen.starts_with("the clocks of 1 processes"), "{seen}");
    assert!(is_right("n1"));
}

#[tokio::test]
async fn a_disk_is_full_or_unwritable_and_its_node_goes_on_afterwards() {
    let name = "a_disk_is_full_or_unwritable_and_its_node_goes_on_afterwards";
    if !is_inside(&format!("{HERE}{name}")) {
        return;
    }
    let scene = Scene::with(&[FaultKind::FullDisk]).await;
    let nodes = std::collections::BTreeSet::from(["n1".into()]);
    let data = scene.site.cluster.nodes[0].data.join("file");
    let write = || fs::write(&data, vec![1; 100_000]).map_err(|error| error.kind());
    let fill = Action::FillDisk {
        nodes: nodes.clone(),
    };
    let full = async || assert_eq!(write(), Err(ErrorKind::StorageFull));
    scene.breaks(&fill, full).await;
    assert_eq!(write(), Ok(()));
    let lock = Action::LockDisk { nodes };
    let locked = async || assert_eq!(write(), Err(ErrorKind::ReadOnlyFilesystem));
    scene.breaks(&lock, locked).await;
    assert_eq!(write(), Ok(()));
    assert!(scene.site.status(&"n1".into()).await.is_some());
}

#[tokio::test]
async fn a_starving_node_is_seen_to_stand_still_and_then_answers() {
    let name = "a_starving_node_is_seen_to_stand_still_and_then_answers";
    if !is_inside(&format!("{HERE}{name}")) {
        return;
    }
    let scene = Scene::with(&[]).await;
    let nodes = std::collections::BTreeSet::from(["n1".into()]);
    let starve = Action::Starve { nodes, percent: 10 };
    let (seen, _) = scene.breaks(&starve, async || {}).await;
    assert!(seen.starts_with("n1 stood still for "), "{seen}");
    assert!(scene.site.status(&"n1".into()).await.is_some());
}
