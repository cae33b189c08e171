//! What single faults need: a switch, clocks, saves that are asked about, disks of one's own.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use testimony_engine::{FaultKind, Link, NodeName};

use super::super::{Network, passage};
use super::Faculty;
use crate::EXEC_SUBCOMMAND;
use crate::clocks::{self, Skew};
use crate::disks::{SmallDisk, Supervisor};
use crate::packets::Treatment;

/// Long for a packet between two namespaces.
const A_MOMENT: Duration = Duration::from_secs(2);

pub(super) async fn treated_packets(names: &[NodeName; 2]) -> Faculty {
    let tried = async {
        let network = Network::build(names, Some(0)).await?;
        let there = Link::new(&names[0], &names[1]);
        let delay = Duration::from_millis(1);
        network.treat(
            &there,
            Treatment {
                delay,
                ..Treatment::default()
            },
        )?;
        let passes = network.passes(&there, A_MOMENT).await?;
        match passes && network.treated(&there)?.delayed > 0 {
            true => Ok(()),
            false => Err(io::Error::other("no packet passes the switch")),
        }
    };
    use FaultKind::{CorruptLinks, LossyLinks, SlowLinks, Throttle};
    faculty(
        "single packets late, lost, doubled, damaged",
        [CorruptLinks, LossyLinks, SlowLinks, Throttle].into(),
        tried.await,
    )
}

pub(super) async fn clocks() -> Faculty {
    let tried = async {
        let mut child = sleeper()?;
        let process = child.id();
        let skewed = clocks::skew(process, Skew::from_now(1_000, 0)).await;
        let _ = child.kill();
        child.wait()?;
        skewed.map(drop).map_err(io::Error::other)
    };
    let faults = [FaultKind::ClockSkew].into();
    faculty("clocks of single processes changed", faults, tried.await)
}

/// A process that has looked for what tells the time, and waits.
fn sleeper() -> io::Result<Child> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the lab starts what it tries things on"
    )]
    let mut command = std::process::Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    // It answers, so it has begun.
    let mut answer = [0];
    if let (Some(stdin), Some(stdout)) = (&mut child.stdin, &mut child.stdout) {
        io::Write::write_all(stdin, b"?")?;
        io::Read::read_exact(stdout, &mut answer)?;
    }
    Ok(child)
}

pub(super) fn saves() -> Faculty {
    let tried = || -> io::Result<()> {
        let supervisor = Supervisor::start()?;
        let node = NodeName::numbered(1);
        let mut command = passage::call(EXEC_SUBCOMMAND)?;
        command.arg("--parent").arg(std::process::id().to_string());
        command.args(["--announce-saves", "--", "sync", "/proc/self"]);
        command.stdin(supervisor.expect(&node)?);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let output = command.output()?;
        if supervisor.counts(&node).asked > 0 {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next_back().unwrap_or("the kernel asks nobody");
        Err(io::Error::other(format!(
            "{said}; it needs Linux 5.5 with CONFIG_SECCOMP_FILTER"
        )))
    };
    let faults = [FaultKind::SlowDisk, FaultKind::DiskFailure].into();
    faculty("saves of programs delayed and failed", faults, tried())
}

pub(super) fn disks() -> Faculty {
    let tried = || -> io::Result<()> {
        let folder = scratch()?;
        let disk = SmallDisk::mount(&folder, 1 << 20)?;
        let filled = disk.fill().map(drop);
        let away = disk.put_away(false);
        std::fs::remove_dir(&folder)?;
        filled.and(away)
    };
    let faults = [FaultKind::FullDisk, FaultKind::ReadOnlyDisk].into();
    faculty("a small disk for each node", faults, tried())
}

fn scratch() -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("testimony-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    Ok(folder)
}

fn faculty(what: &str, faults: BTreeSet<FaultKind>, tried: io::Result<()>) -> Faculty {
    Faculty {
        what: what.to_owned(),
        faults,
        missing: tried.err().map(|error| error.to_string()),
    }
}
