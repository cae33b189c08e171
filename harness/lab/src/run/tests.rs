//! Whole runs, of real processes that are no system at all.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use testimony_engine::{Draft, InjectionRecord, Plan, StatusSample, Target};
use testimony_history::{Kind, Process, ReadOptions, Recording, Value};
use tokio::sync::mpsc;

use super::*;
use crate::testing::{DEADLINE, Fake, eventually, harness, is_there, launcher};

/// Every fault that a lab can do, one after the other, in three seconds.
const SCENARIO: &str = r#"
    seed = 7
    lab = "process"
    nodes = 3
    clients = 4
    rate = 150
    warm_up = "300ms"
    time = "3s"
    workload = { name = "register", keys = 3 }
    injections = [
        { at = "0s", duration = "300ms", kind = "isolate-leader",
          fault = { do = "partition", groups = [["leader"], ["follower-1", "follower-2"]] } },
        { at = "500ms", duration = "300ms", kind = "slow-links",
          fault = { do = "slow", nodes = ["n2"], delay = "20ms", jitter = "5ms" } },
        { at = "1s", duration = "300ms", kind = "kill-one",
          fault = { do = "kill", nodes = ["follower-2"] } },
        { at = "1s", duration = "200ms", kind = "pause-one",
          fault = { do = "pause", nodes = ["follower-1"] } },
        { at = "1600ms", duration = "200ms", kind = "membership",
          fault = { do = "remove", node = "n2" } },
        { at = "1700ms", kind = "drop-connections",
          fault = { do = "reset", nodes = ["n1"] } },
        { at = "2s", kind = "transfer-leader",
          fault = { do = "transfer", to = "n3" } },
        { at = "2200ms", kind = "snapshot-now",
          fault = { do = "snapshot", node = "n1" } },
    ]
"#;

/// A run's folder, and the way to interrupt it.
struct Scene {
    folder: TempDir,
    interrupts: mpsc::UnboundedSender<()>,
    options: Option<LabOptions>,
}

impl Scene {
    fn set() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let (interrupts, heard) = mpsc::unbounded_channel();
        let options = LabOptions {
            folder: folder.path().to_owned(),
            launcher: launcher(),
            start_deadline: DEADLINE,
            progress: Box::new(|_| {}),
            interrupts: heard,
            keep_data: false,
        };
        Scene {
            folder,
            interrupts,
            options: Some(options),
        }
    }

    async fn run(&mut self, plan: &Plan, fake: Fake) -> Result<Ended, LabError> {
        run(plan, Arc::new(fake), self.options.take().unwrap()).await
    }

    fn lines<T: serde::de::DeserializeOwned>(&self, file: &str) -> Vec<T> {
        let text = fs::read_to_string(self.folder.path().join(file)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn history(&self) -> Recording {
        let bytes = fs::read(self.folder.path().join("history.jsonl")).unwrap();
        testimony_history::read(&bytes, &ReadOptions::default()).unwrap()
    }
}

fn plan(text: &str) -> Plan {
    Plan::resolve(Draft::from_toml(text).unwrap(), &Fake::default().info()).unwrap()
}

/// The numbers of all processes that this process has started and not reaped.
fn children() -> Vec<u32> {
    let mut children = Vec::new();
    for thread in fs::read_dir("/proc/self/task").unwrap() {
        let path = thread.unwrap().path().join("children");
        // A thread may end between the listing and the reading.
        let text = fs::read_to_string(path).unwrap_or_default();
        children.extend(
            text.split_whitespace()
                .map(|pid| pid.parse::<u32>().unwrap()),
        );
    }
    children
}

/// Those of them whose files are in that folder.
fn nodes_of(folder: &Path) -> Vec<u32> {
    let stdout = |pid: &u32| fs::read_link(format!("/proc/{pid}/fd/1"));
    let own = |pid: &u32| stdout(pid).is_ok_and(|file| file.starts_with(folder));
    children().into_iter().filter(own).collect()
}

#[tokio::test]
async fn a_run_breaks_and_heals_everything_and_writes_it_down() {
    let mut scene = Scene::set();
    let plan = plan(SCENARIO);
    let ended = scene.run(&plan, Fake::default()).await.unwrap();
    assert_eq!(ended.deaths, []);
    assert_eq!(ended.summary.shortcomings(), [], "{:?}", ended.summary);
    let all = ended.summary.all_injections();
    assert_eq!(
        (all.planned, all.verified, all.healed),
        (8, 8, 8),
        "{:?}",
        ended.summary.troubles
    );

    let records: Vec<InjectionRecord> = scene.lines("injections.jsonl");
    assert_eq!(records.len(), 8);
    for record in &records {
        assert!(record.verified && record.healed, "{record:?}");
        assert!(
            record.requested_at <= record.started_at.unwrap(),
            "{record:?}"
        );
        assert!(record.started_at < record.ended_at, "{record:?}");
    }
    let samples: Vec<StatusSample> = scene.lines("status.jsonl");
    assert!(samples.len() > 20 && samples.iter().all(|sample| sample.nodes.len() == 3));
    assert!(
        samples
            .iter()
            .any(|sample| sample.nodes.values().any(|node| !node.alive))
    );

    check_history(&scene.history(), &ended, &records);
    for node in ["n1", "n2", "n3"] {
        let node = scene.folder.path().join("nodes").join(node);
        assert!(node.join("stdout").exists() && !node.join("data").exists());
    }
    assert_eq!(nodes_of(scene.folder.path()), [0; 0], "a node is left");
}

fn check_history(history: &Recording, ended: &Ended, records: &[InjectionRecord]) {
    assert_eq!(history.warnings, []);
    assert_eq!(history.header.seed, Some(7));
    assert_eq!(history.header.nodes.len(), 3);
    assert!(history.header.started.is_some());
    let of_kind = |kind| {
        let client = |process: &Process| matches!(process, Process::Client(_));
        let events = history.events.iter();
        events
            .filter(|event| client(&event.process) && event.kind == kind)
            .count() as u64
    };
    assert_eq!(of_kind(Kind::Ok), ended.summary.completed());
    assert_eq!(of_kind(Kind::Fail), ended.summary.failed());
    assert_eq!(of_kind(Kind::Info), ended.summary.unknown());
    let nemesis: Vec<_> = history.nemesis().collect();
    assert_eq!(nemesis.len(), 2 * records.len(), "a start and an end each");
    let extra = |key: &str, at: usize| {
        let mut extra = nemesis[at].extra.iter().flatten();
        extra
            .find(|(name, _)| &**name == key)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(extra("state", 0), Some(Value::str("start")));
    assert_eq!(nemesis[0].time, records[0].started_at.map(|time| time.0));
    assert_eq!(nemesis[0].f.name(), "isolate-leader");
    assert!(history.history(testimony_history::Model::Register).is_ok());
}

#[tokio::test]
async fn an_interrupt_ends_a_run_early_but_in_order() {
    let mut scene = Scene::set();
    let long = SCENARIO.replace("time = \"3s\"", "time = \"1h\"");
    let interrupts = scene.interrupts.clone();
    let mut told = false;
    scene.options.as_mut().unwrap().progress = Box::new(move |progress| {
        // A second interrupt would end it at once.
        if !told && progress.phase == testimony_engine::Phase::Faults && progress.completed > 50 {
            interrupts.send(()).unwrap();
            told = true;
        }
    });
    let ended = scene.run(&plan(&long), Fake::default()).await.unwrap();
    assert!(
        ended.summary.interrupted && ended.summary.finished,
        "{:?}",
        ended.summary
    );
    assert!(ended.summary.final_reads.completed > 0);
    assert_eq!(nodes_of(scene.folder.path()), [0; 0]);
}

#[tokio::test]
async fn a_run_that_is_dropped_in_the_middle_leaves_no_process() {
    let mut scene = Scene::set();
    let (works, mut working) = mpsc::unbounded_channel();
    scene.options.as_mut().unwrap().progress = Box::new(move |progress| {
        if progress.completed > 10 {
            let _ = works.send(());
        }
    });
    let path = scene.folder.path().to_owned();
    let plan = plan(SCENARIO);
    tokio::select! {
        ended = scene.run(&plan, Fake::default()) => panic!("ended already: {ended:?}"),
        _ = working.recv() => {}
    }
    assert_eq!(nodes_of(&path), [0; 0]);
    // What had been recorded until then is there, and can be read.
    assert!(!scene.history().events.is_empty());
}

/// Runs without an end in sight.
pub(crate) async fn be_harness(folder: &Path) -> ! {
    let (_interrupts, heard) = mpsc::unbounded_channel();
    let options = LabOptions {
        folder: folder.to_owned(),
        launcher: launcher(),
        start_deadline: DEADLINE,
        progress: Box::new(|_| {}),
        interrupts: heard,
        keep_data: false,
    };
    let long = SCENARIO.replace("time = \"3s\"", "time = \"1h\"");
    let ended = run(&plan(&long), Arc::new(Fake::default()), options).await;
    panic!("ended: {ended:?}");
}

/// The numbers of all living processes whose output goes into that folder.
fn processes_of(folder: &Path) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse().ok()
    });
    let stdout = |pid: &u32| fs::read_link(format!("/proc/{pid}/fd/1"));
    numbers
        .filter(|pid| stdout(pid).is_ok_and(|file| file.starts_with(folder)))
        .collect()
}

#[tokio::test]
async fn a_harness_that_is_killed_leaves_no_node_and_a_readable_history() {
    let scene = Scene::set();
    let folder = scene.folder.path();
    let (program, args) = harness(folder);
    #[expect(clippy::disallowed_methods, reason = "the harness is what is tested")]
    let mut harness = std::process::Command::new(program)
        .args(args)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let events = || fs::read_to_string(folder.join("history.jsonl")).unwrap_or_default();
    eventually(|| events().lines().count() > 100).await;
    assert_eq!(processes_of(folder).len(), 3);
    harness.kill().unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with what the history says"
    )]
    let killed = chrono::Utc::now();
    harness.wait().unwrap();
    eventually(|| processes_of(folder).is_empty()).await;

    let history = scene.history();
    assert!(history.history(testimony_history::Model::Register).is_ok());
    let started = history.header.started.as_deref().unwrap();
    let started: chrono::DateTime<chrono::Utc> = started.parse().unwrap();
    let last = history.events.last().unwrap().time.unwrap();
    let last = started + chrono::Duration::nanoseconds(last.try_into().unwrap());
    // A tenth of a second is promised; the rest is for a machine that is busy with other tests.
    assert!(
        killed - last < chrono::Duration::milliseconds(1_100),
        "{killed} {last}"
    );
}

#[tokio::test]
async fn a_node_that_dies_at_the_start_ends_the_run_with_its_last_words() {
    let mut scene = Scene::set();
    let program = Some(("sh", &["-c", "echo no disk >&2; exit 9"][..]));
    let error = scene
        .run(
            &plan(SCENARIO),
            Fake {
                program,
                ..Fake::default()
            },
        )
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("exit code 9") && text.contains("no disk"),
        "{text}"
    );
    assert_eq!(nodes_of(scene.folder.path()), [0; 0]);
}

#[tokio::test]
async fn a_cluster_that_never_serves_is_an_error_that_says_where_to_look() {
    let mut scene = Scene::set();
    scene.options.as_mut().unwrap().start_deadline = std::time::Duration::from_millis(300);
    let program = Some(("sleep", &["1000"][..]));
    let error = scene
        .run(
            &plan(SCENARIO),
            Fake {
                program,
                ..Fake::default()
            },
        )
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, LabError::NotServing { .. }), "{text}");
    assert!(
        text.contains("n1 does not answer") && text.contains("nodes"),
        "{text}"
    );
    assert_eq!(nodes_of(scene.folder.path()), [0; 0]);
}

#[tokio::test]
async fn a_node_that_dies_later_is_told_and_the_run_goes_on() {
    let mut scene = Scene::set();
    let path = scene.folder.path().to_owned();
    let mut killed = None;
    scene.options.as_mut().unwrap().progress = Box::new(move |progress| {
        if progress.completed > 20 && killed.is_none() {
            let victim = nodes_of(&path)[0];
            let pid = rustix::process::Pid::from_raw(victim.try_into().unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
            killed = Some(victim);
        }
    });
    let quiet = SCENARIO.split("injections").next().unwrap().to_owned() + "nemesis = \"none\"";
    let short = quiet.replace("time = \"3s\"", "time = \"1s\"\nrecovery = \"1s\"");
    let ended = scene.run(&plan(&short), Fake::default()).await.unwrap();
    assert_eq!(ended.deaths.len(), 1);
    assert_eq!(ended.deaths[0].exit.signal, Some(6));
    assert!(ended.summary.finished);
    assert_eq!(nodes_of(scene.folder.path()), [0; 0]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let mut scene = Scene::set();
    let file = scene.folder.path().join("file");
    fs::write(&file, "").unwrap();
    scene.options.as_mut().unwrap().folder = file.join("run");
    let error = scene
        .run(&plan(SCENARIO), Fake::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("file/run"), "{error}");
}

#[tokio::test]
async fn the_children_of_this_process_can_be_listed() {
    // What the other tests rely on to see that nothing is left.
    let folder = tempfile::tempdir().unwrap();
    let spawner = crate::process::Spawner::new(launcher()).unwrap();
    let start = crate::process::Start {
        program: "sleep".into(),
        args: vec!["1000".into()],
        env: Vec::new(),
        net: None,
        unprivileged: None,
        saves: None,
        stdout: folder.path().join("stdout"),
        stderr: folder.path().join("stderr"),
        talks: false,
    };
    let child = crate::process::Child::new(spawner.start(start).await.unwrap()).unwrap();
    eventually(|| nodes_of(folder.path()) == [child.pid()]).await;
    child.kill().await.unwrap();
    assert!(!is_there(child.pid()) && nodes_of(folder.path()).is_empty());
}

/// The faults of packets and processes, with each client beside a node.
const IN_NAMESPACES: &str = r#"
    seed = 7
    lab = "netns"
    nodes = 3
    clients = 4
    clients_at = "beside"
    rate = 150
    warm_up = "300ms"
    time = "2500ms"
    call_timeout = "300ms"
    workload = { name = "register", keys = 3 }
    injections = [
        { at = "0s", duration = "500ms", kind = "isolate-leader",
          fault = { do = "partition", groups = [["leader"], ["follower-1", "follower-2"]] } },
        { at = "800ms", duration = "300ms", kind = "one-way",
          fault = { do = "one-way", from = ["n2"], to = ["n1", "n3"] } },
        { at = "1300ms", duration = "300ms", kind = "kill-one",
          fault = { do = "kill", nodes = ["follower-2"] } },
        { at = "1300ms", duration = "200ms", kind = "pause-one",
          fault = { do = "pause", nodes = ["follower-1"] } },
        { at = "2s", kind = "drop-connections",
          fault = { do = "reset", nodes = ["n1"] } },
    ]
"#;

#[tokio::test]
async fn a_run_in_namespaces_cuts_off_the_clients_beside_its_nodes() {
    let name = "run::tests::a_run_in_namespaces_cuts_off_the_clients_beside_its_nodes";
    if !crate::testing::is_inside(name) {
        return;
    }
    let mut scene = Scene::set();
    let plan = plan(IN_NAMESPACES);
    let ended = scene.run(&plan, Fake::default()).await.unwrap();
    assert_eq!(ended.deaths, []);
    let all = ended.summary.all_injections();
    assert_eq!(
        (all.planned, all.verified, all.healed),
        (5, 5, 5),
        "{:?}",
        ended.summary.troubles
    );
    let records: Vec<InjectionRecord> = scene.lines("injections.jsonl");
    let cut = records.iter().find(|record| record.injection == 1).unwrap();
    let (start, end) = (cut.started_at.unwrap(), cut.ended_at.unwrap());
    let lost = scene.history().events.into_iter().filter(|event| {
        event.kind == Kind::Info
            && event
                .time
                .is_some_and(|time| time > start.0 && time < end.0 + 300_000_000)
    });
    assert!(lost.count() > 0, "a client that roams asks across the cut");
    let node = scene.folder.path().join("nodes/n1");
    assert!(node.join("stderr").exists() && node.join("commands").exists());
}
