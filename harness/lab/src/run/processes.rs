//! The client processes: one task each, which makes one call at a time and writes down both ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use testimony_engine::{ClientOptions, NodeName, Plan, ProcessId, Signal};
use testimony_history::{Call, Ending, Recorder, Reply};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::LabError;
use crate::netns::Post;
use crate::venue::Venue;

/// A client keeps its timeout itself; this is how long after it the lab gives up on one that does
/// not.
const CLIENT_GRACE: Duration = Duration::from_millis(500);

/// All processes that have called and are not retired.
pub(crate) struct Processes {
    venue: Arc<dyn Venue>,
    options: ClientOptions,
    recorder: Arc<Recorder<File>>,
    signals: mpsc::UnboundedSender<Signal>,
    open: BTreeMap<ProcessId, mpsc::UnboundedSender<(NodeName, Call)>>,
    tasks: JoinSet<()>,
    plan: Plan,
    /// Where the clients of each node are, if not all in one place. Dropped when all tasks have
    /// ended.
    posts: BTreeMap<NodeName, Post>,
}

impl Processes {
    pub(crate) fn new(
        venue: Arc<dyn Venue>,
        plan: &Plan,
        recorder: Arc<Recorder<File>>,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> Result<Self, LabError> {
        let (open, tasks) = (BTreeMap::new(), JoinSet::new());
        let posts = venue.posts(plan)?;
        let options = ClientOptions {
            timeout: plan.call_timeout,
            model: plan.model(),
            apart: !posts.is_empty(),
        };
        Ok(Processes {
            venue,
            options,
            recorder,
            signals,
            open,
            tasks,
            plan: plan.clone(),
            posts,
        })
    }

    /// Lets a process make a call; a new process comes to life.
    pub(crate) fn invoke(&mut self, process: ProcessId, node: NodeName, call: Call) {
        let calls = self.open.entry(process).or_insert_with(|| {
            let (calls, inbox) = mpsc::unbounded_channel();
            let task = Task {
                process,
                venue: Arc::clone(&self.venue),
                options: self.options.clone(),
                recorder: Arc::clone(&self.recorder),
                signals: self.signals.clone(),
            };
            match self.posts.get(&self.plan.home(process)) {
                Some(post) => self.tasks.spawn_on(task.serve(inbox), post.tasks()),
                None => self.tasks.spawn(task.serve(inbox)),
            };
            calls
        });
        if calls.send((node, call)).is_err() {
            tracing::error!(%process, "the client of this process has panicked");
        }
    }

    /// The process will not call again. A call that is still open runs to its end.
    pub(crate) fn retire(&mut self, process: ProcessId) {
        self.open.remove(&process);
        while self.tasks.try_join_next().is_some() {}
    }

    /// Ends all; calls that are still open stay open in the history.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// What a process's task has.
struct Task {
    process: ProcessId,
    venue: Arc<dyn Venue>,
    options: ClientOptions,
    recorder: Arc<Recorder<File>>,
    signals: mpsc::UnboundedSender<Signal>,
}

impl Task {
    async fn serve(self, mut calls: mpsc::UnboundedReceiver<(NodeName, Call)>) {
        let process = self.process;
        // Made here, where the client is: it may open sockets at once.
        let mut client = self.venue.client(process, &self.options);
        let limit = self.options.timeout + CLIENT_GRACE;
        while let Some((node, call)) = calls.recv().await {
            self.recorder.invoke(process.0, &call, Some(node.as_str()));
            let answered = timeout(limit, client.invoke(&node, &call)).await;
            let reply = answered.unwrap_or_else(|_| silent());
            self.recorder.complete(process.0, &call, &reply);
            // The loop that listens is gone only when the run is over.
            let _ = self.signals.send(Signal::Replied {
                process,
                call,
                ending: reply.ending,
            });
        }
    }
}

/// What is known of a call whose client did not come back: nothing.
fn silent() -> Reply {
    let ending = Ending::Info("the client did not return".into());
    Reply {
        ending,
        attempts: 1,
        node: None,
        extra: Vec::new(),
    }
}
