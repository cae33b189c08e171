//! Real processes: started, stopped, continued, killed, reaped, and gone with their starter.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::testing::{DEADLINE, eventually, is_there, launcher, play_role};

fn command(folder: &Path, program: &str, args: &[&str]) -> Start {
    Start {
        program: program.into(),
        args: args.iter().map(OsString::from).collect(),
        env: Vec::new(),
        net: None,
        unprivileged: None,
        saves: None,
        stdout: folder.join("stdout"),
        stderr: folder.join("stderr"),
        talks: false,
    }
}

async fn sleeper(spawner: &Spawner, folder: &Path) -> Child {
    let start = command(folder, "sleep", &["1000"]);
    let child = Child::new(spawner.start(start).await.unwrap()).unwrap();
    // The launcher has become the node when the node's name stands in /proc.
    eventually(|| name_of(child.pid()).is_some_and(|name| name == "sleep")).await;
    child
}

fn name_of(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim().to_owned())
}

#[tokio::test]
async fn a_node_dies_with_the_thread_that_started_it() {
    play_role().await;
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new(launcher()).unwrap();
    let child = sleeper(&spawner, folder.path()).await;
    // Nobody signals it but the kernel, when the thread ends.
    drop(spawner);
    let exit = timeout(DEADLINE, child.ended()).await.unwrap().unwrap();
    assert_eq!(
        exit,
        Exit {
            code: None,
            signal: Some(9)
        }
    );
}

#[tokio::test]
async fn a_killed_node_is_gone_and_reaped() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new(launcher()).unwrap();
    let child = sleeper(&spawner, folder.path()).await;
    assert!(!child.expected_to_end());
    let exit = child.kill().await.unwrap();
    assert_eq!(exit.signal, Some(9));
    assert!(child.expected_to_end());
    assert!(!is_there(child.pid()), "a zombie is left");
    assert_eq!(
        child.kill().await.unwrap(),
        exit,
        "a second kill is no error"
    );
}

#[tokio::test]
async fn dropping_a_node_kills_and_reaps_it_even_while_it_is_paused() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new(launcher()).unwrap();
    let child = sleeper(&spawner, folder.path()).await;
    child.pause().await.unwrap();
    let pid = child.pid();
    drop(child);
    assert!(!is_there(pid));
}

#[tokio::test]
async fn a_paused_node_is_stopped_until_it_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new(launcher()).unwrap();
    let child = sleeper(&spawner, folder.path()).await;
    child.pause().await.unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap();
    assert!(stat.contains(") T "), "{stat}");
    child.resume().await.unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap();
    assert!(!stat.contains(") T "), "{stat}");
}

#[tokio::test]
async fn pausing_a_node_that_is_gone_fails() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new(launcher()).unwrap();
    let child = sleeper(&spawner, folder.path()).await;
    child.kill().await.unwrap();
    assert!(child.pause().await.is_err());
}

#[tokio::test]
async fn termination_lets_a_node_end_by_itself_and_reports_one_that_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new(launcher()).unwrap();
    let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let start = command(folder.path(), "sh", &["-c", script]);
    let child = Child::new(spawner.start(start).await.unwrap()).unwrap();
    let ready = |file: &str| {
        fs::read_to_string(folder.path().join(file)).is_ok_and(|text| text.contains("ready"))
    };
    eventually(|| ready("stdout")).await;
    child.pause().await.unwrap();
    let exit = child.terminate(DEADLINE).await.unwrap();
    assert_eq!(
        exit,
        Exit {
            code: Some(7),
            signal: None
        }
    );

    let script = "trap '' TERM; echo ready >&2; while :; do sleep 0.01; done";
    let start = command(folder.path(), "sh", &["-c", script]);
    let stubborn = Child::new(spawner.start(start).await.unwrap()).unwrap();
    eventually(|| ready("stderr")).await;
    assert!(stubborn.terminate(Duration::from_millis(50)).await.is_err());
}

#[tokio::test]
async fn an_unexpected_end_is_told_with_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new(launcher()).unwrap();
    let start = command(folder.path(), "sh", &["-c", "echo why >&2; exit 3"]);
    let child = Child::new(spawner.start(start).await.unwrap()).unwrap();
    let exit = timeout(DEADLINE, child.ended()).await.unwrap().unwrap();
    assert_eq!(exit.to_string(), "exit code 3");
    assert!(!child.expected_to_end());
    let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert!(said.ends_with("why\n"), "{said}");
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_told_by_the_launcher() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new(launcher()).unwrap();
    let start = command(folder.path(), "/nonexistent/node", &[]);
    let child = Child::new(spawner.start(start).await.unwrap()).unwrap();
    let exit = timeout(DEADLINE, child.ended()).await.unwrap().unwrap();
    assert_ne!(exit.code, Some(0));
    let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert!(said.contains("cannot execute /nonexistent/node"), "{said}");
}

#[test]
fn a_node_is_not_started_under_a_harness_that_is_gone() {
    let Launcher { program, args } = launcher();
    // Process 0 is nobody's parent.
    let rest = [EXEC_SUBCOMMAND, "--parent", "0", "--", "sleep", "1000"];
    #[expect(clippy::disallowed_methods, reason = "the launcher is what is tested")]
    let output = std::process::Command::new(program)
        .args(args)
        .args(rest)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        said.contains("the harness (process 0) that started this process is gone"),
        "{said}"
    );
}

#[tokio::test]
async fn a_reserved_port_refuses_connections_until_a_node_listens_on_it() {
    let port = ReservedPort::new().unwrap();
    let error = TcpStream::connect(port.address()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let stranger = TcpSocket::new_v4().unwrap();
    let taken = stranger.bind(port.address());
    assert!(taken.is_err(), "anyone can take the port");
    // One of the two is enough, and most programs set the first only.
    for options in [(true, false), (false, true)] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(options.0).unwrap();
        socket.set_reuseport(options.1).unwrap();
        socket.bind(port.address()).unwrap();
        let listener = socket.listen(8).unwrap();
        let connecting = TcpStream::connect(port.address());
        let (connected, accepted) = tokio::join!(connecting, listener.accept());
        connected.unwrap();
        accepted.unwrap();
    }
}

#[tokio::test]
async fn nobody_who_asks_for_any_port_is_given_a_reserved_one() {
    let reserved: Vec<_> = (0..50).map(|_| ReservedPort::new().unwrap()).collect();
    let mut given = Vec::new();
    for _ in 0..50 {
        given.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    for listener in given {
        let address = listener.local_addr().unwrap();
        let is_reserved = reserved.iter().any(|port| port.address() == address);
        assert!(!is_reserved, "{address}");
    }
}

#[tokio::test]
async fn a_program_that_refuses_to_be_root_is_somebody_else_and_owns_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new(launcher()).unwrap();
    let mut start = command(
        folder.path(),
        "sh",
        &["-c", "id -u && touch \"$DATA/mine\""],
    );
    start.env.push(("DATA".into(), folder.path().into()));
    start.unprivileged = Some(folder.path().to_owned());
    let child = Child::new(spawner.start(start).await.unwrap()).unwrap();
    let exit = timeout(DEADLINE, child.ended()).await.unwrap().unwrap();
    let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert_eq!(exit.code, Some(0), "{said}");
    assert!(folder.path().join("mine").exists());
    let output = fs::read_to_string(folder.path().join("stdout")).unwrap();
    assert!(!output.lines().any(|line| line == "0"), "{output}");
}
