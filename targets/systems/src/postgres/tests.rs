//! How a node is described.

use super::*;

fn cluster() -> Cluster {
    crate::testing::apart(2, 7000, 5432)
}

#[test]
fn a_replica_is_a_copy_of_the_first_node() {
    let target = PostgresTarget {
        reads_at_replicas: false,
        programs: "/pg/bin".into(),
    };
    let preparation = |node: &str| target.node(&cluster(), &node.into()).preparations[0].clone();
    let (primary, replica) = (preparation("n1"), preparation("n2"));
    assert_eq!(primary.program, PathBuf::from("/pg/bin/initdb"));
    assert!(primary.unprivileged && replica.unprivileged);
    assert_eq!(replica.args[3..5], ["10.99.0.1", "5432"]);
    assert_eq!(replica.args[6], "/run/nodes/n2/data/postgres");
}

#[test]
fn the_newest_version_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["9", "15", "common"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    assert_eq!(newest(folder.path()), Some(folder.path().join("15")));
    assert_eq!(newest(&folder.path().join("nowhere")), None);
}
