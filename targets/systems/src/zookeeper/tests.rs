//! How a node is described.

use super::*;

fn cluster() -> Cluster {
    crate::testing::apart(3, 3888, 2181)
}

#[test]
fn every_server_knows_all_and_its_own_number() {
    let cluster = cluster();
    let text = configuration(&cluster, &cluster.nodes[1], &Settings::default());
    assert!(text.contains("clientPortAddress=10.99.0.2\n"), "{text}");
    // The port of elections gives way.
    assert!(text.contains("server.3=10.99.0.3:3888:3889\n"), "{text}");
    assert_eq!(number(&cluster, &cluster.nodes[2]), 3);
}

#[test]
fn an_object_is_a_node_of_its_own() {
    assert_eq!(path(Some(&"k1".into())), "/testimony/k1");
    assert_eq!(path(None), "/testimony/object");
}
