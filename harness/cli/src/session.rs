//! One run in real time: a runtime, Ctrl-C, a progress display.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use testimony_engine::{Plan, Target};
use testimony_lab::{Ended, LabOptions, Launcher, external, maelstrom};
use testimony_report::StoppedEarly;
use tokio::sync::mpsc::unbounded_channel;

use crate::failure::Failure;
use crate::lookout::{Interrupter, Lookout};
use crate::progress::Display;
use crate::terminal;

/// How long the servers may take until one of them leads.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// Where a run is made, and of what.
pub(crate) enum Setting {
    /// Processes of a target.
    Processes(Arc<dyn Target>),
    /// A cluster that already runs.
    External(Arc<dyn Target>),
    /// The plan's program, over its standard streams.
    Maelstrom,
}

/// Carries the plan out in `folder`; unless it is to go on `to_the_end`, the first violation ends
/// it early. Whatever goes wrong, what was recorded until then is there.
pub(crate) fn run(
    plan: &Plan,
    setting: Setting,
    folder: &Path,
    to_the_end: bool,
) -> Result<(Ended, Option<StoppedEarly>), Failure> {
    let program = std::env::current_exe().context("this program cannot be found on the disk");
    let launcher = Launcher {
        program: program.map_err(Failure::Broken)?,
        args: Vec::new(),
    };
    let (interrupt, interrupts) = unbounded_channel();
    let mut display = Display::new(plan);
    let options = LabOptions {
        folder: folder.to_path_buf(),
        launcher,
        progress: Box::new(move |progress| display.show(progress)),
        interrupts,
        start_deadline: START_DEADLINE,
        keep_data: false,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
        .map_err(Failure::Broken)?;
    let interrupter = Interrupter::new(interrupt);
    let lookout = (!to_the_end).then(|| Lookout::start(plan, folder, interrupter.clone()));
    let ended = runtime.block_on(async {
        tokio::spawn(forward_interrupts(interrupter));
        match setting {
            Setting::Processes(target) => testimony_lab::run(plan, target, options).await,
            Setting::External(target) => external::run(plan, target, options).await,
            Setting::Maelstrom => maelstrom::run(plan, options).await,
        }
    });
    let stopped_early = lookout.and_then(Lookout::end);
    let where_to_look = || format!("the run in {} broke off", folder.display());
    let ended = ended.with_context(where_to_look).map_err(Failure::Broken)?;
    Ok((ended, stopped_early))
}

/// The first Ctrl-C ends the run early, with heal and final reads; the second at once.
async fn forward_interrupts(interrupter: Interrupter) {
    while tokio::signal::ctrl_c().await.is_ok() {
        terminal::tell("interrupted: healing and reading every key; once more to stop at once");
        if !interrupter.interrupt() {
            return;
        }
    }
}
