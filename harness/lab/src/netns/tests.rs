//! Networks of namespaces, in namespaces of the tests' own; skipped where those are not allowed.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::{
    Action, Draft, Fault, FaultKind, Link, NodeName, Plan, PlannedInjection, Target,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Network;
use crate::faults::Faults;
use crate::run::Folder;
use crate::site::{Site, Wires};
use crate::testing::{DEADLINE, Fake, eventually, is_inside, launcher};

mod breakage;

/// Long for a packet between two namespaces, short for a test.
const A_MOMENT: Duration = Duration::from_millis(300);

fn names(count: u32) -> Vec<NodeName> {
    (1..=count).map(NodeName::numbered).collect()
}

fn links(words: &str) -> BTreeSet<Link> {
    words.split(' ').map(|word| word.parse().unwrap()).collect()
}

/// Three nodes that run, each a process in a namespace of its own.
struct Scene {
    site: Arc<Site>,
    faults: Faults,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn set() -> Scene {
        Scene::with(&[]).await
    }

    /// With all that faults of these kinds need.
    async fn with(kinds: &[FaultKind]) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let target = Arc::new(Fake::default()) as Arc<dyn Target>;
        let draft = Draft {
            seed: Some(1),
            nodes: Some(3),
            lab: Some(super::LAB.to_owned()),
            ..Draft::default()
        };
        let mut plan = Plan::resolve(draft, &target.info()).unwrap();
        let planned = |kind: &FaultKind| PlannedInjection {
            id: 1,
            at: Duration::ZERO,
            duration: Duration::ZERO,
            kind: *kind,
            fault: Fault::Snapshot { node: "n1".into() },
        };
        plan.injections = kinds.iter().map(planned).collect();
        let files = Folder::create(folder.path(), &plan.node_names()).unwrap();
        let (notes, _) = mpsc::unbounded_channel();
        let site = Site::build(&plan, target, launcher(), &files, notes)
            .await
            .unwrap();
        let site = Arc::new(site);
        for node in site.nodes.names() {
            site.nodes.start(node).await.unwrap();
            while site.status(node).await.is_none() {
                tokio::task::yield_now().await;
            }
        }
        Scene {
            faults: Faults::new(Arc::clone(&site), DEADLINE),
            site,
            _folder: folder,
        }
    }

    fn network(&self) -> &Network {
        match &self.site.wires {
            Wires::Bridge(network) => network,
            Wires::Proxies(_) => panic!("this is the netns lab"),
        }
    }

    /// Whether a client beside one node is answered by another.
    async fn reaches(&self, from: &str, to: &str) -> bool {
        let post = self.network().post(&from.into()).unwrap();
        let address = self.site.cluster.node(&to.into()).unwrap().client_listen;
        let asked = post
            .tasks()
            .spawn(async move { ask(address).await.is_ok() });
        asked.await.unwrap()
    }
}

async fn ask(address: SocketAddr) -> io::Result<u8> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"?").await?;
        stream.read_u8().await
    };
    timeout(A_MOMENT, asking).await?
}

#[tokio::test]
async fn a_network_is_set_up_taken_down_and_set_up_again() {
    if !is_inside("netns::tests::a_network_is_set_up_taken_down_and_set_up_again") {
        return;
    }
    for _ in 0..2 {
        let network = Network::build(&names(5), None).await.unwrap();
        let address: IpAddr = [10, 99, 0, 5].into();
        assert_eq!(network.address(&"n5".into()), Some(address));
        let link = "n5>n1".parse().unwrap();
        assert!(network.passes(&link, DEADLINE).await.unwrap());
    }
    let left = std::fs::read_to_string("/proc/net/dev").unwrap();
    assert!(!left.contains("br0") && !left.contains("v1"), "{left}");
}

#[tokio::test]
async fn a_cut_parts_processes_and_its_heal_joins_them() {
    if !is_inside("netns::tests::a_cut_parts_processes_and_its_heal_joins_them") {
        return;
    }
    let scene = Scene::set().await;
    assert!(scene.reaches("n1", "n2").await && scene.reaches("n2", "n1").await);
    let cut = Action::Cut {
        links: links("n1>n2 n2>n1"),
    };
    let note = scene.faults.inject(1, &cut).await.unwrap().unwrap();
    assert_eq!(note, "2 links seen to drop packets");
    assert!(!scene.reaches("n1", "n2").await && !scene.reaches("n2", "n1").await);
    assert!(scene.reaches("n1", "n3").await && scene.reaches("n3", "n2").await);
    assert!(
        scene.reaches("n1", "n1").await,
        "beside a node it is reached"
    );
    assert!(ask(scene.site.cluster.nodes[0].client_listen).await.is_ok());
    let note = scene.faults.heal(1).await.unwrap().unwrap();
    assert!(
        note.ends_with("had been dropped") && !note.starts_with("0 "),
        "{note}"
    );
    assert!(scene.reaches("n1", "n2").await && scene.reaches("n2", "n1").await);
}

#[tokio::test]
async fn a_cut_of_one_direction_lets_the_other_pass() {
    if !is_inside("netns::tests::a_cut_of_one_direction_lets_the_other_pass") {
        return;
    }
    let scene = Scene::set().await;
    let there = Action::Cut {
        links: links("n1>n2"),
    };
    let back = Action::Cut {
        links: links("n2>n1"),
    };
    scene.faults.inject(1, &there).await.unwrap();
    let passes = async |link: &str| {
        let link = link.parse().unwrap();
        scene.network().passes(&link, A_MOMENT).await.unwrap()
    };
    assert!(!passes("n1>n2").await && passes("n2>n1").await);
    scene.faults.inject(2, &back).await.unwrap();
    assert!(!passes("n1>n2").await && !passes("n2>n1").await);
    scene.faults.heal(1).await.unwrap();
    assert!(passes("n1>n2").await && !passes("n2>n1").await);
    scene.faults.heal(2).await.unwrap();
    assert!(passes("n2>n1").await);
}

#[tokio::test]
async fn packets_that_pass_during_a_cut_are_told() {
    if !is_inside("netns::tests::packets_that_pass_during_a_cut_are_told") {
        return;
    }
    let scene = Scene::set().await;
    let cut = Action::Cut {
        links: links("n1>n2"),
    };
    scene.faults.inject(1, &cut).await.unwrap();
    // Somebody opens it meanwhile, and closes it again.
    let link: Link = "n1>n2".parse().unwrap();
    scene.network().join(&[link.clone()].into()).await.unwrap();
    assert!(scene.network().passes(&link, DEADLINE).await.unwrap());
    scene.network().cut(&[link].into()).await.unwrap();
    let told = scene.faults.heal(1).await.unwrap_err();
    assert_eq!(told, "n1>n2 passed packets while it was cut");
}

#[tokio::test]
async fn connections_are_reset_at_both_ends_and_made_anew() {
    if !is_inside("netns::tests::connections_are_reset_at_both_ends_and_made_anew") {
        return;
    }
    let scene = Scene::set().await;
    let reset = Action::Reset {
        links: links("n1>n2 n2>n1"),
    };
    let link: Link = "n1>n2".parse().unwrap();
    // The nodes chatter, so there are connections again before long.
    for injection in 1..=2 {
        eventually(|| scene.network().connections(&link).unwrap() > 0).await;
        let note = scene
            .faults
            .inject(injection, &reset)
            .await
            .unwrap()
            .unwrap();
        assert!(note.ends_with("ends of connections dropped"), "{note}");
    }
    let nobody = Action::Reset {
        links: links("n1>n4"),
    };
    assert!(scene.faults.inject(3, &nobody).await.is_err());
}
