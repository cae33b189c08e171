//! What this machine lets the lab do, found out by doing it, and what would enable the rest.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use testimony_engine::{FaultKind, Link, NodeName};
use tokio::net::{TcpListener, TcpStream};

use super::network::Network;
use super::passage;

mod equipment;

/// The hidden subcommand that must call [`try_out`] inside, and write what it returns to its
/// standard output as JSON.
pub const TRY_SUBCOMMAND: &str = "__try";

/// Something that the lab does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faculty {
    /// What it is.
    pub what: String,
    /// The faults that need it.
    pub faults: BTreeSet<FaultKind>,
    /// Why it is not there, and what to do about that.
    pub missing: Option<String>,
}

/// Tries everything, in namespaces of its own: calls this program with [`TRY_SUBCOMMAND`].
///
/// # Errors
/// If the lab cannot be here at all: why, and what to do about that.
pub fn try_from_outside() -> Result<Vec<Faculty>, String> {
    let tried = passage::call(TRY_SUBCOMMAND).and_then(|mut command| {
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        command.output()
    });
    let tried = tried.map_err(|error| format!("this program cannot be started ({error})"))?;
    serde_json::from_slice(&tried.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&tried.stderr);
        let said = said.lines().next_back().unwrap_or("nothing was said");
        let said = said.trim_start_matches("error: ");
        let cause = said.split("; `testimony doctor`").next().unwrap_or(said);
        format!("{cause}; {}", advice(Path::new("/")))
    })
}

/// Tries everything here, which is in namespaces of their own. If there can be no network, nothing
/// else is tried.
pub async fn try_out() -> Vec<Faculty> {
    let names = [NodeName::numbered(1), NodeName::numbered(2)];
    let network = Network::build(&names, None).await;
    let there = Link::new(&names[0], &names[1]);
    let mut faculties = vec![Faculty {
        what: "a network namespace for each node, joined by a bridge".to_owned(),
        faults: BTreeSet::new(),
        missing: network.as_ref().err().map(ToString::to_string),
    }];
    if let Ok(network) = network {
        faculties.push(cuts(&network, &there).await);
        faculties.push(resets(&network, &there).await);
        faculties.push(prompt_recovery());
        // There is one bridge at a time.
        drop(network);
        faculties.push(equipment::treated_packets(&names).await);
        faculties.push(equipment::clocks().await);
        faculties.push(equipment::saves());
        faculties.push(equipment::disks());
    }
    faculties
}

async fn cuts(network: &Network, there: &Link) -> Faculty {
    use FaultKind::{Bridge, CutSite, Flapping, Halves, IsolateLeader, MajoritiesRing, OneWay};
    let links: BTreeSet<Link> = [there.clone()].into();
    let tried = async {
        network.cut(&links).await?;
        let counts = network.counts().await?;
        network.join(&links).await?;
        if counts.dropped.contains_key(there) && counts.passed.contains_key(there) {
            return Ok(());
        }
        Err(io::Error::other(
            "nft does not count what it drops; use nftables 1.0 and Linux 5.7 or later",
        ))
    };
    Faculty {
        what: "packets dropped and counted in the bridge".to_owned(),
        faults: [
            Bridge,
            CutSite,
            Flapping,
            Halves,
            IsolateLeader,
            MajoritiesRing,
            OneWay,
        ]
        .into(),
        missing: tried.await.err().map(|error: io::Error| error.to_string()),
    }
}

async fn resets(network: &Network, there: &Link) -> Faculty {
    let tried = async {
        let address = network.address(&there.to);
        let address = address.ok_or_else(|| io::Error::other("the node has no address"))?;
        let (here, beyond) = (network.post(&there.from)?, network.post(&there.to)?);
        let listen = beyond.tasks().spawn(TcpListener::bind((address, 0)));
        let listener = listen.await.map_err(io::Error::other)??;
        let connect = here
            .tasks()
            .spawn(TcpStream::connect(listener.local_addr()?));
        let _connection = connect.await.map_err(io::Error::other)??;
        match network.reset(there)? {
            0 => Err(io::Error::other(
                "the kernel lists no connections; it needs CONFIG_INET_DIAG",
            )),
            _ => Ok(()),
        }
    };
    Faculty {
        what: "connections reset".to_owned(),
        faults: [FaultKind::DropConnections].into(),
        missing: tried.await.err().map(|error: io::Error| error.to_string()),
    }
}

/// Nothing needs it, but runs are duller without.
fn prompt_recovery() -> Faculty {
    let known = Path::new("/proc/sys/net/ipv4/tcp_rto_max_ms").exists();
    let advice = "Linux before 6.15 lets TCP wait ever longer when nothing passes: after a cut of \
                  some seconds nodes may take as long again to talk on old connections";
    Faculty {
        what: "connections that go on at once after a cut".to_owned(),
        faults: BTreeSet::new(),
        missing: (!known).then(|| advice.to_owned()),
    }
}

/// What most likely forbids namespaces on the machine whose files are under `root`, and what would
/// allow them.
fn advice(root: &Path) -> String {
    let setting = |name: &str| {
        let text = fs::read_to_string(root.join("proc/sys").join(name)).unwrap_or_default();
        text.trim().to_owned()
    };
    let in_container = ["run/.containerenv", ".dockerenv"]
        .iter()
        .any(|file| root.join(file).exists());
    if setting("user/max_user_namespaces") == "0" {
        "allow them with `sysctl -w user.max_user_namespaces=10000`".to_owned()
    } else if setting("kernel/unprivileged_userns_clone") == "0" {
        "allow them with `sysctl -w kernel.unprivileged_userns_clone=1`, or run as root".to_owned()
    } else if setting("kernel/apparmor_restrict_unprivileged_userns") == "1" {
        "allow them with `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or run as root"
            .to_owned()
    } else if in_container {
        "start this container with `--privileged`, or with `--security-opt seccomp=unconfined \
         --security-opt apparmor=unconfined --security-opt systempaths=unconfined`"
            .to_owned()
    } else {
        "run as root, or on a kernel that has CONFIG_USER_NS".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> String {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        advice(root.path())
    }

    #[test]
    fn each_way_to_forbid_namespaces_has_its_way_to_allow_them() {
        let none = machine(&[("proc/sys/user/max_user_namespaces", "0\n")]);
        assert!(none.contains("user.max_user_namespaces=10000"), "{none}");
        let debian = machine(&[("proc/sys/kernel/unprivileged_userns_clone", "0\n")]);
        assert!(debian.contains("unprivileged_userns_clone=1"), "{debian}");
        let ubuntu = "proc/sys/kernel/apparmor_restrict_unprivileged_userns";
        let ubuntu = machine(&[(ubuntu, "1\n")]);
        assert!(
            ubuntu.contains("apparmor_restrict_unprivileged_userns=0"),
            "{ubuntu}"
        );
        assert!(machine(&[(".dockerenv", "")]).contains("--privileged"));
        assert!(machine(&[]).contains("run as root"));
    }

    #[tokio::test]
    async fn what_works_here_is_found_to_work() {
        let name = "netns::trial::tests::what_works_here_is_found_to_work";
        if !crate::testing::is_inside(name) {
            return;
        }
        let faculties = try_out().await;
        assert_eq!(faculties.len(), 8);
        assert_eq!(faculties[0].missing, None);
        assert_eq!(faculties[1].missing, None);
    }
}
