//! One run: the cluster set up, the conductor's commands carried out in real time, all written
//! down.

mod folder;
pub(crate) mod journal;
mod observer;
mod processes;
mod progress;
pub(crate) mod recording;
mod stage;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::{Plan, RunSummary, Target};
use tokio::sync::mpsc;

use crate::external::Elsewhere;
use crate::faults::Faults;
use crate::maelstrom::Troupe;
use crate::site::Site;
use crate::venue::{Notes, Processes, Venue};
use crate::{Death, LabError, Launcher};

pub(crate) use folder::Folder;
pub use progress::Progress;
use stage::Stage;

/// What a run needs from its caller besides the plan.
pub struct LabOptions {
    /// The folder of this run: an empty one, or one to be made. Its name names the run.
    pub folder: PathBuf,
    /// Starts the node processes.
    pub launcher: Launcher,
    /// How long the nodes may take from their start until all answer and one leads.
    pub start_deadline: Duration,
    /// Called about ten times a second.
    pub progress: Box<dyn FnMut(&Progress) + Send>,
    /// Each message is an interrupt: the first ends the run early, with heal and final reads, the
    /// second at once.
    pub interrupts: mpsc::UnboundedReceiver<()>,
    /// Whether the nodes' data stay in the folder.
    pub keep_data: bool,
}

/// A run that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What it amounted to.
    pub summary: RunSummary,
    /// Nodes that ended by themselves. A run with any of them is broken, whatever else it shows.
    pub deaths: Vec<Death>,
}

/// Runs a plan: starts the nodes, drives the conductor, and records into the folder
/// `history.jsonl`, `injections.jsonl`, `status.jsonl`, and `nodes/<name>/{stdout,stderr}`.
///
/// Whichever way this ends, also if the future is dropped, no process is left when it has; if this
/// process itself is killed, the kernel kills the nodes. Must be called within a runtime that
/// drives sockets and time.
///
/// # Errors
/// If the cluster cannot be set up or does not serve, or if the recording cannot be written.
pub async fn run(
    plan: &Plan,
    target: Arc<dyn Target>,
    options: LabOptions,
) -> Result<Ended, LabError> {
    perform(plan, Setting::Processes(target), options).await
}

/// Carries a plan out where the setting says.
pub(crate) async fn perform(
    plan: &Plan,
    setting: Setting,
    options: LabOptions,
) -> Result<Ended, LabError> {
    let stage = Stage::set(plan, setting, options).await?;
    stage.perform().await
}

/// Which lab a run is made in, and what that has to know.
pub(crate) enum Setting {
    /// Processes of the target, with links of the lab between them.
    Processes(Arc<dyn Target>),
    /// A cluster that already runs.
    External(Arc<dyn Target>),
    /// Processes that talk over their standard streams.
    Maelstrom,
}

impl Setting {
    /// The venue of a run in `folder`. No node runs yet.
    async fn venue(
        self,
        plan: &Plan,
        folder: &Folder,
        options: &LabOptions,
        notes: Notes,
    ) -> Result<Arc<dyn Venue>, LabError> {
        let launcher = options.launcher.clone();
        match self {
            Setting::Processes(target) => {
                let built = Site::build(plan, target, launcher, folder, notes.deaths).await?;
                let site = Arc::new(built);
                let faults = Faults::new(Arc::clone(&site), plan.verify_timeout);
                Ok(Arc::new(Processes { site, faults }))
            }
            Setting::External(target) => {
                let venue = Elsewhere::new(plan, target, launcher, folder)?;
                Ok(Arc::new(venue))
            }
            Setting::Maelstrom => {
                let venue = Troupe::new(plan, launcher, folder, notes)?;
                Ok(Arc::new(venue))
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
