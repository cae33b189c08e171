//! How a node is described.

use super::*;

fn cluster() -> Cluster {
    crate::testing::apart(3, 26379, 6379)
}

fn texts(mode: Mode, node: &str) -> (String, String) {
    let cluster = cluster();
    let node = cluster.node(&node.into()).unwrap();
    let files = configuration::files(&cluster, node, mode, &Settings::default());
    (files[0].text.clone(), files[1].text.clone())
}

#[test]
fn the_first_node_is_the_first_master() {
    let (master, _) = texts(Mode::Plain, "n1");
    let (replica, sentinel) = texts(Mode::Plain, "n2");
    assert!(!master.contains("replicaof"), "{master}");
    assert!(replica.contains("replicaof 10.99.0.1 6379\n"), "{replica}");
    assert!(
        sentinel.contains("sentinel monitor testimony 10.99.0.1 6379 2\n"),
        "{sentinel}"
    );
    let files = configuration::files(
        &cluster(),
        &cluster().nodes[1],
        Mode::Plain,
        &Settings::default(),
    );
    assert_eq!(files[0].path, PathBuf::from("/run/nodes/n2/redis.conf"));
}

#[test]
fn only_one_mode_wants_replicas_that_keep_up() {
    assert!(
        texts(Mode::MinReplicas, "n1")
            .0
            .contains("min-replicas-to-write 1\n")
    );
    assert!(!texts(Mode::ReplicaReads, "n1").0.contains("min-replicas"));
}
