//! The folder that a run leaves: where it is made, and how it is read back.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use testimony_engine::{InjectionRecord, Moment, Plan, RunSummary, StatusSample};
use testimony_lab::sim::{Costs, Finding};
use testimony_report::StoppedEarly;

use crate::failure::Failure;
use crate::terminal;

/// A run's folder.
#[derive(Clone, Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
}

/// What the harness knows of a run that is over, kept in `summary.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Closing {
    /// What it amounted to. That of a run which did not come to its end says so.
    pub(crate) summary: RunSummary,
    /// Nodes that ended by themselves, with the end of what they had to say, and whatever else
    /// makes the run worthless.
    pub(crate) deaths: Vec<String>,
    /// The violation that ended it before its time.
    #[serde(default)]
    pub(crate) stopped_early: Option<StoppedEarly>,
    /// What must hold across all nodes and did not, where a simulation looked inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) breach: Option<Finding>,
    /// What it took, where a simulation counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) costs: Option<Costs>,
}

/// What a run left, but for its history.
#[derive(Debug)]
pub(crate) struct Leftovers {
    pub(crate) plan: Plan,
    pub(crate) closing: Closing,
    pub(crate) injections: Vec<InjectionRecord>,
    pub(crate) status: Vec<StatusSample>,
    /// What went on inside, where a simulation looked.
    pub(crate) story: Vec<Moment>,
}

impl RunFolder {
    /// Makes `OUT/<utc time>-<target>-<seed>`, writes the plan into it, and points `OUT/latest` at
    /// it.
    pub(crate) fn make(out: &Path, plan: &Plan) -> Result<Self, Failure> {
        let name = format!("{}-{}-{}", utc_now(), plan.target, plan.seed);
        let folder = make_fresh(out, &name)
            .with_context(|| format!("no run folder can be made in {}", out.display()))
            .map_err(Failure::usage)?;
        folder.write("plan.toml", plan.to_toml().as_bytes())?;
        folder.point_latest_here(out);
        Ok(folder)
    }

    /// The folder of a run that is over.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let is_run = path.join("plan.toml").is_file();
        let described = || format!("{} is no run's folder: it has no plan.toml", path.display());
        if is_run {
            Ok(RunFolder {
                path: path.to_path_buf(),
            })
        } else {
            Err(no_run(described()))
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a small file whole.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let path = self.file(name);
        fs::write(&path, content)
            .with_context(|| format!("{} cannot be written", path.display()))
            .map_err(Failure::Broken)
    }

    /// Reads back what the run left. A harness that was killed left no summary.
    pub(crate) fn leftovers(&self) -> Result<Leftovers, Failure> {
        let read = || -> anyhow::Result<Leftovers> {
            let plan = fs::read_to_string(self.file("plan.toml")).context("plan.toml")?;
            Ok(Leftovers {
                plan: Plan::from_toml(&plan).context("plan.toml")?,
                closing: self.closing()?,
                injections: self.lines("injections.jsonl")?,
                status: self.lines("status.jsonl")?,
                story: self.lines("story.jsonl")?,
            })
        };
        read()
            .with_context(|| self.path.display().to_string())
            .map_err(Failure::usage)
    }

    fn closing(&self) -> anyhow::Result<Closing> {
        match fs::read(self.file("summary.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).context("summary.json"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Closing::default()),
            Err(error) => Err(error).context("summary.json"),
        }
    }

    /// One object a line; a last line that a crash tore is left out.
    fn lines<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Vec<T>> {
        let file = match fs::File::open(self.file(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened.context(name.to_owned())?,
        };
        let mut parsed = Vec::new();
        let mut lines = BufReader::new(file).split(b'\n').enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            match serde_json::from_slice(&line?) {
                Ok(value) => parsed.push(value),
                Err(_) if lines.peek().is_none() => break,
                Err(error) => {
                    return Err(error).with_context(|| format!("{name}, line {}", number + 1));
                }
            }
        }
        Ok(parsed)
    }

    /// That `latest` cannot be moved harms nobody.
    #[cfg(unix)]
    fn point_latest_here(&self, out: &Path) {
        let (link, fresh) = (out.join("latest"), out.join(".latest"));
        let Some(name) = self.path.file_name() else {
            return;
        };
        let _ = fs::remove_file(&fresh);
        let moved = std::os::unix::fs::symlink(name, &fresh).and_then(|()| fs::rename(fresh, link));
        if let Err(error) = moved {
            terminal::tell(&format!(
                "warning: {}/latest was not moved: {error}",
                out.display()
            ));
        }
    }
}

/// Two runs of one second, and of one seed, get folders of their own.
fn make_fresh(out: &Path, name: &str) -> anyhow::Result<RunFolder> {
    fs::create_dir_all(out)?;
    for suffix in std::iter::once(String::new()).chain((2..1000).map(|n| format!("-{n}"))) {
        let path = out.join(format!("{name}{suffix}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(RunFolder { path }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(false, "there are a thousand folders called {name}");
    Ok(RunFolder {
        path: out.join(name),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a run folder is named after the time it is made"
)]
fn utc_now() -> String {
    chrono::Utc::now().format("%Y%m%dT%H%M%SZ").to_string()
}

fn no_run(why: String) -> Failure {
    Failure::usage(anyhow::anyhow!(why))
}
