//! Commands of the user's, one at a time for each fault, with what they said kept in the recording.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::LabError;
use crate::faults::Seen;
use crate::process::{Child, Exit, Spawner, Start};

/// How much of what a command said is told.
const TOLD_MAX: usize = 300;

/// Runs commands with `sh -c`.
pub(crate) struct Shell {
    spawner: Spawner,
    folder: PathBuf,
    commands: AtomicU64,
}

/// A command that runs. When it is dropped, whatever it started is killed.
struct Running(Child);

impl Shell {
    /// What commands say is kept in `folder`.
    pub(crate) fn new(spawner: Spawner, folder: PathBuf) -> Result<Self, LabError> {
        Ok(Shell {
            spawner,
            folder,
            commands: AtomicU64::new(1),
        })
    }

    /// Runs a command to its end. What it said, or, if it fails, why. A caller who no longer waits
    /// ends it.
    pub(crate) async fn run(&self, text: &str) -> Seen {
        let broken = |error: io::Error| format!("`{text}` could not be run: {error}");
        fs::create_dir_all(&self.folder).map_err(broken)?;
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{number}.txt"));
        fs::write(&path, format!("$ {text}\n")).map_err(broken)?;
        let start = Start {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), text.into()],
            env: Vec::new(),
            net: None,
            unprivileged: None,
            saves: None,
            stdout: path.clone(),
            stderr: path.clone(),
            talks: false,
        };
        let started = self.spawner.start(start).await.map_err(broken)?;
        let running = Running(Child::new(started).map_err(broken)?);
        let exit = running.0.ended().await.map_err(broken)?;
        let said = said(&path);
        match exit {
            Exit { code: Some(0), .. } => Ok((!said.is_empty()).then_some(said)),
            exit => Err(format!("`{text}` ended with {exit}: {said}")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.has_ended() {
            return;
        }
        // Each command leads a group of its own, so this reaches what it has started, too.
        let group = i32::try_from(self.0.pid()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The end of what a command said, without the line that names it.
fn said(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let said = text.split_once('\n').map_or("", |(_, said)| said.trim());
    let too_many = said.chars().count().saturating_sub(TOLD_MAX);
    said.chars().skip(too_many).collect()
}
