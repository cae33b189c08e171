//! Claims about commands of the user's: what they say decides.

use std::fs;

use testimony_engine::own::UserFault;

use super::*;
use crate::testing::{DEADLINE, Fake, launcher};

fn fault(inject: &str, heal: &str, verify: &str) -> UserFault {
    let text = serde_json::json!({ "inject": inject, "heal": heal, "verify": verify });
    serde_json::from_value(text).unwrap()
}

/// A cluster of one node, in a folder in which faults leave traces.
fn elsewhere(folder: &tempfile::TempDir, fault: UserFault, patience: Duration) -> Elsewhere {
    let external = serde_json::json!({ "nodes": { "n1": "http://127.0.0.1:9" } });
    let mut external: External = serde_json::from_value(external).unwrap();
    external.faults.insert("break".to_owned(), fault);
    let spawner = Spawner::new(launcher()).unwrap();
    Elsewhere {
        cluster: Cluster::default(),
        target: Arc::new(Fake::default()),
        external,
        shell: Shell::new(spawner, folder.path().join("commands")).unwrap(),
        verify_timeout: patience,
        active: Mutex::new(BTreeMap::new()),
    }
}

fn action() -> Action {
    Action::Command {
        name: "break".to_owned(),
        node: "n1".into(),
    }
}

#[tokio::test]
async fn a_fault_is_in_effect_when_verify_says_so_and_healed_when_it_no_longer_does() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace-n1-9").display().to_string();
    let template = trace.replace("n1-9", "{node}-{port}");
    let fault = fault(
        &format!("touch {template}"),
        &format!("rm {template}"),
        &format!("test -e {template}"),
    );
    let place = elsewhere(&folder, fault, DEADLINE);
    place.inject(1, &action()).await.unwrap();
    assert!(fs::exists(&trace).unwrap());
    place.heal(1).await.unwrap();
    assert!(!fs::exists(&trace).unwrap());
    assert!(place.stop().await.is_empty());
}

#[tokio::test]
async fn a_command_that_fails_is_a_fault_that_did_not_take_effect() {
    let folder = tempfile::tempdir().unwrap();
    let fault = fault("echo no route; exit 3", "true", "true");
    let place = elsewhere(&folder, fault, DEADLINE);
    let error = place.inject(1, &action()).await.unwrap_err();
    assert!(
        error.contains("exit code 3") && error.contains("no route"),
        "{error}"
    );
}

#[tokio::test]
async fn a_fault_that_verify_does_not_confirm_did_not_take_effect() {
    let folder = tempfile::tempdir().unwrap();
    let fault = fault("true", "true", "false");
    let place = elsewhere(&folder, fault, Duration::from_millis(500));
    let error = place.inject(1, &action()).await.unwrap_err();
    assert!(error.contains("`verify` did not show"), "{error}");
    // Parts of it may have been done, so it is mended all the same.
    assert_eq!(place.heal(1).await, Ok(None));
}

#[tokio::test]
async fn a_fault_that_does_not_go_away_is_not_healed() {
    let folder = tempfile::tempdir().unwrap();
    let fault = fault("true", "mend {node}; true", "true");
    let place = elsewhere(&folder, fault, Duration::from_millis(500));
    place.inject(1, &action()).await.unwrap();
    assert!(place.heal(1).await.is_err());
    let remarks = place.stop().await;
    assert!(
        remarks[0].contains("run `mend n1; true` by hand"),
        "{remarks:?}"
    );
}

#[tokio::test]
async fn what_a_run_that_broke_off_has_left_broken_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace").display().to_string();
    let fault = fault(
        &format!("touch {trace}"),
        &format!("rm {trace}"),
        &format!("test -e {trace}"),
    );
    let place = elsewhere(&folder, fault, DEADLINE);
    place.inject(1, &action()).await.unwrap();
    assert!(place.stop().await.is_empty());
    assert!(!fs::exists(&trace).unwrap());
}
