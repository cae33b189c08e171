//! Namespaces for a test: it runs itself again in ones of its own, where it may do as it likes.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Set for the process in the namespaces.
const INSIDE: &str = "TESTIMONY_TEST_INSIDE";

/// Whether to go on with the test of this name: true in namespaces of its own. Otherwise it has
/// been run there, and passed, or this machine has no namespaces to offer and says so.
pub(crate) fn entered(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let mut unshare = namespaces();
    let allowed = unshare.arg("true").stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        say("skipped: no namespaces can be made here (unshare --user --net)");
        return false;
    }
    let mut again = namespaces();
    again.arg(std::env::current_exe().unwrap());
    again
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "yes");
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{test} failed in its namespaces:\n{said}"
    );
    assert!(
        said.contains("1 passed"),
        "{test} was not run in its namespaces"
    );
    false
}

/// For a person who reads what a test says.
pub(crate) fn say(what: &str) {
    #[expect(clippy::print_stdout, reason = "a test that skips itself says so")]
    {
        println!("{what}");
    }
}

fn namespaces() -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test of what the lab does to programs"
    )]
    let mut command = Command::new("unshare");
    let own = [
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--pid",
        "--mount-proc",
    ];
    command.args(own).args(["--fork", "--kill-child"]);
    command
}

/// Runs a script that must succeed. Returns what it printed.
pub(crate) fn shell(script: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "namespaces are set up by commands"
    )]
    let output = Command::new("sh").args(["-euc", script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Does something in the network namespace of a node, on a thread that ends with it.
pub(crate) fn within<T: Send>(node: &str, what: impl FnOnce() -> T + Send) -> T {
    let path = PathBuf::from(format!("/run/netns/{node}"));
    let enter = || -> io::Result<()> {
        let network = Some(LinkNameSpaceType::Network);
        Ok(move_into_link_name_space(
            File::open(path)?.as_fd(),
            network,
        )?)
    };
    thread::scope(|scope| {
        let work = scope.spawn(|| {
            enter().unwrap();
            what()
        });
        work.join().unwrap()
    })
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
