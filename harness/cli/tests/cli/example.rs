//! The example programs of the repository, copied to where a person would try them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::{Answer, testimony};

/// A folder with a copy of `examples/NAME`; `None`, said aloud, where there is no `python3`.
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests sees what was skipped"
)]
pub(crate) fn example(name: &str) -> Option<tempfile::TempDir> {
    if !has_python() {
        eprintln!("skipped: there is no python3");
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let from = examples().join(name);
    for entry in fs::read_dir(&from).expect("the example is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_file() {
            let name = path.file_name().expect("a file has a name");
            fs::copy(&path, folder.path().join(name)).expect("it can be copied");
        }
    }
    Some(folder)
}

/// Makes the last run of the folder again from its plan alone, for a short time and without faults.
pub(crate) fn again_from_its_plan(folder: &Path) -> Answer {
    let plan = "runs/latest/plan.toml";
    let words = ["run", plan, "--time", "3s", "--nemesis", "none"];
    testimony(folder, &words)
}

/// Changes one thing in a file of the copy.
pub(crate) fn change(folder: &Path, name: &str, old: &str, new: &str) {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).expect("the file is text");
    assert!(text.contains(old), "{name} has no {old}");
    fs::write(path, text.replacen(old, new, 1)).expect("it can be written");
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the examples are started by hand, as a person does"
)]
fn has_python() -> bool {
    let mut python = Command::new("python3");
    python.arg("--version").stdout(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}
