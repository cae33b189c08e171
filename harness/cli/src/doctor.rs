//! `testimony doctor`: what this machine offers, and what would enable the rest.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::Context;
use testimony_engine::{FaultKind, TargetInfo};
use testimony_lab::netns::{self, Faculty};
use testimony_report::RunOutcome;
use testimony_systems::{TargetOptions, target, targets};

use crate::failure::Failure;
use crate::{simulation, terminal};

/// One thing that is there, or what to do about it.
struct Finding {
    what: String,
    /// What to do, if it is missing.
    missing: Option<String>,
}

/// A lab, and whether it works.
struct Examined {
    name: &'static str,
    findings: Vec<Finding>,
    faults: BTreeSet<FaultKind>,
    works: bool,
}

/// Looks, and says what it saw. Without the process lab it exits 4: nothing else needs less.
pub(crate) fn run() -> Result<RunOutcome, Failure> {
    let labs = [process_lab(), netns_lab(), simulated_lab()];
    let mut text = String::new();
    for lab in &labs {
        describe(&mut text, &format!("{} lab", lab.name), &lab.findings);
        let faults: Vec<&str> = lab.faults.iter().map(|kind| kind.name()).collect();
        if lab.works {
            line(&mut text, &format!("  faults   {}", faults.join(", ")));
        }
    }
    describe(&mut text, "systems", &systems());
    for lab in &labs {
        let verb = if lab.works { "works" } else { "does not work" };
        line(&mut text, &format!("The {} lab {verb} here.", lab.name));
    }
    terminal::answer(&text)?;
    Ok(if labs[0].works {
        RunOutcome::Pass
    } else {
        RunOutcome::Broken
    })
}

/// What `netns::try_from_outside` calls this program for.
pub(crate) fn try_out() -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
        .map_err(Failure::Broken)?;
    let found = serde_json::to_string(&runtime.block_on(netns::try_out()));
    terminal::answer(&found.expect("what was found is words"))?;
    Ok(RunOutcome::Pass.exit_code())
}

fn describe(text: &mut String, title: &str, findings: &[Finding]) {
    line(text, title);
    for Finding { what, missing } in findings {
        match missing {
            None => line(text, &format!("  ok       {what}")),
            Some(advice) => line(text, &format!("  missing  {what}: {advice}")),
        }
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

fn process_lab() -> Examined {
    let findings = vec![loopback(), processes(), own_program(), run_folder()];
    let works = findings.iter().all(|finding| finding.missing.is_none());
    Examined {
        name: "process",
        faults: possible("process").filter(|_| works).collect(),
        findings,
        works,
    }
}

/// It is there if a network can be made; what else is missing takes kinds of faults away.
fn netns_lab() -> Examined {
    let tried = netns::try_from_outside();
    let faculties = tried.unwrap_or_else(|missing| {
        vec![Faculty {
            what: "namespaces".to_owned(),
            faults: BTreeSet::new(),
            missing: Some(missing),
        }]
    });
    let works = faculties
        .first()
        .is_some_and(|faculty| faculty.missing.is_none());
    let lost: BTreeSet<FaultKind> = faculties
        .iter()
        .filter(|faculty| faculty.missing.is_some())
        .flat_map(|faculty| faculty.faults.iter().copied())
        .collect();
    let findings = faculties.into_iter().map(|faculty| Finding {
        what: faculty.what,
        missing: faculty.missing,
    });
    Examined {
        name: netns::LAB,
        findings: findings.collect(),
        faults: possible(netns::LAB)
            .filter(|kind| works && !lost.contains(kind))
            .collect(),
        works,
    }
}

fn simulated_lab() -> Examined {
    Examined {
        name: simulation::LAB,
        findings: Vec::new(),
        faults: possible(simulation::LAB).collect(),
        works: true,
    }
}

fn possible(lab: &'static str) -> impl Iterator<Item = FaultKind> {
    let all = FaultKind::ALL.into_iter();
    all.filter(move |kind| kind.is_possible_in(lab))
}

/// Those that others wrote, and their distributions pack.
fn systems() -> Vec<Finding> {
    let foreign = |info: &TargetInfo| {
        let labs = &info.labs;
        labs.iter().any(|lab| lab == netns::LAB) && !labs.iter().any(|lab| lab == simulation::LAB)
    };
    let infos = targets().into_iter().filter(foreign);
    infos.map(|info| system(info.name)).collect()
}

fn system(name: String) -> Finding {
    let options = TargetOptions {
        program: "/proc/self/exe".into(),
        mode: None,
        bug: None,
        settings: Default::default(),
    };
    let missing = target(&name, options).err();
    Finding {
        what: name,
        missing: missing.map(|error| error.to_string()),
    }
}

fn loopback() -> Finding {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let advice = bound
        .err()
        .map(|error| format!("127.0.0.1 cannot be bound ({error}); bring up lo"));
    Finding {
        what: "loopback network".to_owned(),
        missing: advice,
    }
}

fn processes() -> Finding {
    let linux = cfg!(target_os = "linux") && Path::new("/proc/self/stat").exists();
    let advice =
        (!linux).then(|| "pausing and killing is verified in /proc; run on Linux".to_owned());
    Finding {
        what: "process faults: kill, stop, continue".to_owned(),
        missing: advice,
    }
}

fn own_program() -> Finding {
    let found = std::env::current_exe().and_then(std::fs::metadata);
    let advice = found.err().map(|error| {
        format!("this program starts its servers from its own file, which is not there ({error})")
    });
    Finding {
        what: "the bundled servers".to_owned(),
        missing: advice,
    }
}

fn run_folder() -> Finding {
    let here = std::env::current_dir().and_then(|folder| {
        let probe = folder.join(".testimony-doctor");
        std::fs::write(&probe, b"x")?;
        std::fs::remove_file(probe)
    });
    let advice = here
        .err()
        .map(|error| format!("run folders are made here ({error}); give --out"));
    Finding {
        what: "a writable folder for runs".to_owned(),
        missing: advice,
    }
}
