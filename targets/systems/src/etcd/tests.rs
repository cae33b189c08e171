//! How a node is started.

use super::*;
use crate::testing::cluster;

fn options(settings: &[(&str, &str)]) -> TargetOptions {
    let pairs = settings.iter().copied();
    TargetOptions {
        program: "/bin/testimony".into(),
        mode: None,
        bug: None,
        settings: pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

#[test]
fn every_node_is_told_the_same_members() {
    let cluster = cluster(&[([10, 99, 0, 1], 7).into(), ([10, 99, 0, 2], 7).into()]);
    let args = arguments(&cluster, &"n2".into()).join(" ");
    assert!(args.starts_with("--name=n2 --data-dir=/nowhere"), "{args}");
    let members = "--initial-cluster=n1=http://10.99.0.1:7,n2=http://10.99.0.2:7";
    assert!(args.contains(members), "{args}");
}

#[test]
fn no_bug_can_be_planted_in_what_others_wrote() {
    let options = TargetOptions {
        bug: Some("forgetful".to_owned()),
        ..options(&[])
    };
    let error = EtcdTarget::new(&options).unwrap_err().to_string();
    assert!(error.contains("forgetful"), "{error}");
}

#[test]
fn a_setting_that_does_not_exist_is_refused() {
    let error = EtcdTarget::new(&options(&[("hartbeat", "5")])).unwrap_err();
    assert!(matches!(error, TargetError::BadSetting { .. }));
}
