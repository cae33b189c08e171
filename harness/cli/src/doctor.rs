//! `testimony doctor`: what this machine offers, and what would enable the rest.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use testimony_report::RunOutcome;

use crate::failure::Failure;
use crate::terminal;

/// One thing that a run needs.
struct Finding {
    what: &'static str,
    /// What to do, if it is missing.
    missing: Option<String>,
}

/// Looks, and says what it saw. Missing things make it exit 4.
pub(crate) fn run() -> Result<RunOutcome, Failure> {
    let findings = [loopback(), processes(), own_program(), temporary_folder()];
    let mut text = String::new();
    for finding in &findings {
        // Writing to a string cannot fail.
        let _ = match &finding.missing {
            None => writeln!(text, "ok       {}", finding.what),
            Some(advice) => writeln!(text, "missing  {}: {advice}", finding.what),
        };
    }
    terminal::answer(&text)?;
    let all = findings.iter().all(|finding| finding.missing.is_none());
    terminal::answer(if all {
        "The process lab works here.\n"
    } else {
        "The process lab does not work here.\n"
    })?;
    Ok(if all {
        RunOutcome::Pass
    } else {
        RunOutcome::Broken
    })
}

fn loopback() -> Finding {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let advice = bound
        .err()
        .map(|error| format!("127.0.0.1 cannot be bound ({error}); bring up lo"));
    Finding {
        what: "loopback network",
        missing: advice,
    }
}

fn processes() -> Finding {
    let linux = cfg!(target_os = "linux") && Path::new("/proc/self/stat").exists();
    let advice =
        (!linux).then(|| "pausing and killing is verified in /proc; run on Linux".to_owned());
    Finding {
        what: "process faults: kill, stop, continue",
        missing: advice,
    }
}

fn own_program() -> Finding {
    let found = std::env::current_exe().and_then(std::fs::metadata);
    let advice = found.err().map(|error| {
        format!("this program starts its servers from its own file, which is not there ({error})")
    });
    Finding {
        what: "the bundled servers",
        missing: advice,
    }
}

fn temporary_folder() -> Finding {
    let here = std::env::current_dir().and_then(|folder| {
        let probe = folder.join(".testimony-doctor");
        std::fs::write(&probe, b"x")?;
        std::fs::remove_file(probe)
    });
    let advice = here
        .err()
        .map(|error| format!("run folders are made here ({error}); give --out"));
    Finding {
        what: "a writable folder for runs",
        missing: advice,
    }
}
