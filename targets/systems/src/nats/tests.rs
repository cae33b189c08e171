//! How a server is started.

use super::*;
use crate::testing::cluster;

#[test]
fn a_server_is_told_where_the_others_are() {
    let cluster = cluster(&[([10, 99, 0, 1], 7).into(), ([10, 99, 0, 2], 7).into()]);
    let text = configuration(&cluster, &cluster.nodes[0]);
    assert!(text.contains("server_name: n1\n"), "{text}");
    assert!(text.contains("routes: [\"nats://10.99.0.2:7\"]"), "{text}");
    assert!(text.contains("http: \"10.99.0.1:8222\""), "{text}");
}

#[test]
fn there_is_nothing_to_set() {
    let options = TargetOptions {
        program: "/bin/testimony".into(),
        mode: None,
        bug: None,
        settings: [("heartbeat".to_owned(), "5".to_owned())].into(),
    };
    let error = NatsTarget::new(&options).unwrap_err().to_string();
    assert!(error.contains("heartbeat"), "{error}");
}
