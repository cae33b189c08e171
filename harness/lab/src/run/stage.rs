//! The loop of a run: signals to the conductor, its commands to the world.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use testimony_engine::{
    Action, BoxFuture, ClusterStatus, Command, Conductor, FaultKind, Nanos, NodeName, NodeStatus,
    Plan, Role, Signal,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use super::folder::Folder;
use super::journal::Journal;
use super::observer::{self, Observer};
use super::processes::Processes;
use super::progress::Tally;
use super::recording::Recording;
use super::{Ended, LabOptions, Setting};
use crate::clock::Clock;
use crate::faults::Seen;
use crate::venue::{Notes, Venue};
use crate::{Death, LabError};

/// Everything of a run.
pub(super) struct Stage {
    _guard: Guard,
    clock: Clock,
    conductor: Conductor,
    node_names: Vec<NodeName>,
    folder: Folder,
    options: LabOptions,
    venue: Arc<dyn Venue>,
    works: FuturesUnordered<BoxFuture<'static, Work>>,
    recording: Recording,
    journal: Journal<File>,
    journal_path: PathBuf,
    observer: Observer,
    processes: Processes,
    signals: mpsc::UnboundedReceiver<Signal>,
    death_notes: mpsc::UnboundedReceiver<Death>,
    breaks: mpsc::UnboundedReceiver<LabError>,
    deaths: Vec<Death>,
    tally: Tally,
    wake: Option<Nanos>,
    ticks: Interval,
}

/// Ends all nodes at once when a run is dropped in the middle, by a panic or by its caller. Tasks
/// that still hold the venue would otherwise keep them for a moment.
struct Guard(Arc<dyn Venue>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

/// What the lab has finished doing to the cluster.
enum Work {
    Injected(u64, Seen),
    Healed(u64, Seen),
}

/// What happened.
enum Event {
    Signal(Signal),
    Work(Work),
    Death(Death),
    Break(LabError),
    Tick,
    Interrupt,
}

impl Stage {
    /// Makes the folder, the venue and the files, and starts the nodes.
    pub(super) async fn set(
        plan: &Plan,
        setting: Setting,
        options: LabOptions,
    ) -> Result<Self, LabError> {
        let clock = Clock::start();
        let node_names = plan.node_names();
        let folder = Folder::create(&options.folder, &node_names)?;
        let (deaths, death_notes) = mpsc::unbounded_channel();
        let (sender, breaks) = mpsc::unbounded_channel();
        let notes = Notes {
            deaths,
            breaks: sender,
        };
        let venue = setting.venue(plan, &folder, &options, notes).await?;
        let guard = Guard(Arc::clone(&venue));
        let recording = Recording::create(&folder, plan, clock)?;
        let journal_path = folder.file("injections.jsonl");
        let out = File::create(&journal_path).map_err(LabError::write(&journal_path))?;
        let journal = Journal::new(out, Arc::clone(recording.recorder()));
        venue.start().await?;
        let (sender, signals) = mpsc::unbounded_channel();
        let recorder = Arc::clone(recording.recorder());
        let mut ticks = interval(observer::INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Stage {
            _guard: guard,
            clock,
            conductor: Conductor::new(plan),
            options,
            works: FuturesUnordered::new(),
            recording,
            journal,
            journal_path,
            observer: Observer::create(&folder, &node_names, &venue)?,
            processes: Processes::new(Arc::clone(&venue), plan, recorder, sender)?,
            node_names,
            folder,
            venue,
            signals,
            death_notes,
            breaks,
            deaths: Vec::new(),
            tally: Tally::default(),
            wake: None,
            ticks,
        })
    }

    /// From the first look at the nodes to the conductor's `Finish`; then takes everything down.
    pub(super) async fn perform(mut self) -> Result<Ended, LabError> {
        let performed = self.play().await;
        while let Ok(death) = self.death_notes.try_recv() {
            self.deaths.push(death);
        }
        let finished = self.conductor.summary();
        let Stage {
            venue,
            processes,
            observer,
            works,
            ..
        } = self;
        processes.stop().await;
        drop((works, observer));
        let remarks = venue.stop().await;
        remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
        venue.put_away(self.options.keep_data);
        drop(venue);
        if !self.options.keep_data {
            self.folder.remove_data(&self.node_names);
        }
        let written = self.journal.finish().and_then(|out| out.sync_all());
        let written = written.map_err(LabError::write(&self.journal_path));
        let written = written.and(self.recording.finish());
        performed?;
        written?;
        Ok(Ended {
            summary: finished,
            deaths: self.deaths,
        })
    }

    async fn play(&mut self) -> Result<(), LabError> {
        self.await_service().await?;
        self.venue.set_up().await.map_err(LabError::SetUp)?;
        let mut commands = self.signal(Signal::Started);
        loop {
            for command in commands {
                if command == Command::Finish {
                    return Ok(());
                }
                self.carry_out(command);
            }
            commands = match self.next_event().await {
                Event::Signal(signal) => self.signal(signal),
                Event::Work(work) => self.worked(work)?,
                Event::Tick => {
                    let status = self.look()?;
                    self.signal(Signal::Status(status))
                }
                Event::Interrupt => self.signal(Signal::Interrupted),
                Event::Death(death) => {
                    self.deaths.push(death);
                    Vec::new()
                }
                Event::Break(error) => return Err(error),
            };
        }
    }

    /// Waits until every node answers and one leads.
    async fn await_service(&mut self) -> Result<(), LabError> {
        let waited = self.options.start_deadline;
        let deadline = Instant::now() + waited;
        loop {
            match self.next_event().await {
                Event::Tick => {
                    let status = self.look()?;
                    if self.serves(&status) {
                        return Ok(());
                    }
                    if Instant::now() > deadline {
                        let nodes = self.folder.nodes();
                        return Err(LabError::NotServing {
                            waited,
                            seen: words(&status),
                            nodes,
                        });
                    }
                }
                Event::Death(death) => return Err(LabError::DiedAtStart(Box::new(death))),
                Event::Break(error) => return Err(error),
                Event::Interrupt => return Err(LabError::Interrupted),
                Event::Signal(_) | Event::Work(_) => {}
            }
        }
    }

    fn serves(&self, status: &ClusterStatus) -> bool {
        if self.venue.is_leaderless() {
            let answers = |name| status.nodes.get(name).is_some_and(|node| node.alive);
            return self.node_names.iter().all(answers);
        }
        one_leads(status)
    }

    async fn next_event(&mut self) -> Event {
        let wake = self.wake.map(|point| self.clock.instant(point));
        tokio::select! {
            Some(signal) = self.signals.recv() => Event::Signal(signal),
            Some(work) = self.works.next() => Event::Work(work),
            Some(death) = self.death_notes.recv() => Event::Death(death),
            Some(error) = self.breaks.recv() => Event::Break(error),
            Some(()) = self.options.interrupts.recv() => Event::Interrupt,
            () = wait_until(wake) => {
                self.wake = None;
                Event::Signal(Signal::Woke)
            }
            _ = self.ticks.tick() => Event::Tick,
        }
    }

    fn signal(&mut self, signal: Signal) -> Vec<Command> {
        if let Signal::Replied { ending, .. } = &signal {
            self.tally.count(ending);
        }
        self.conductor.step(self.clock.now(), signal)
    }

    fn look(&mut self) -> Result<ClusterStatus, LabError> {
        let now = self.clock.now();
        let status = self.observer.sample(now)?;
        let (phase, faults) = (self.conductor.phase(), self.journal.active().collect());
        (self.options.progress)(&self.tally.progress(now, phase, &status, faults));
        Ok(status)
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Invoke {
                process,
                node,
                call,
            } => self.processes.invoke(process, node, call),
            Command::Retire { process } => self.processes.retire(process),
            Command::WakeAt(point) => self.wake = Some(point),
            Command::Inject {
                injection,
                kind,
                action,
            } => self.inject(injection, kind, action),
            Command::Heal { injection } => self.heal(injection),
            Command::Finish => {}
        }
    }

    fn inject(&mut self, injection: u64, kind: FaultKind, action: Action) {
        tracing::info!(injection, %kind, %action, "injecting");
        self.journal
            .requested(injection, kind, action.clone(), self.clock.now());
        let venue = Arc::clone(&self.venue);
        self.works.push(Box::pin(async move {
            Work::Injected(injection, venue.inject(injection, &action).await)
        }));
    }

    fn heal(&mut self, injection: u64) {
        tracing::info!(injection, "healing");
        let venue = Arc::clone(&self.venue);
        let work = async move { Work::Healed(injection, venue.heal(injection).await) };
        self.works.push(Box::pin(work));
    }

    fn worked(&mut self, work: Work) -> Result<Vec<Command>, LabError> {
        let signal = match work {
            Work::Injected(injection, seen) => {
                let written = self.journal.injected(injection, &seen);
                written.map_err(LabError::write(&self.journal_path))?;
                match seen {
                    Ok(_) => Signal::Injected { injection },
                    Err(reason) => Signal::InjectFailed { injection, reason },
                }
            }
            Work::Healed(injection, seen) => {
                let written = self.journal.healed(injection, &seen);
                written.map_err(LabError::write(&self.journal_path))?;
                match seen {
                    Ok(_) => Signal::Healed { injection },
                    Err(reason) => Signal::HealFailed { injection, reason },
                }
            }
        };
        Ok(self.signal(signal))
    }
}

async fn wait_until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Every node answers, and one of them leads the others.
fn one_leads(status: &ClusterStatus) -> bool {
    let leader = status.leader();
    let follows = |(name, node): (&NodeName, &NodeStatus)| {
        node.alive && (Some(name) == leader || node.role != Some(Role::Leader))
    };
    leader.is_some() && status.nodes.iter().all(follows)
}

/// What the nodes said, for an error message.
fn words(status: &ClusterStatus) -> String {
    let describe = |(name, node): (&NodeName, &NodeStatus)| match node.role {
        _ if !node.alive => format!("{name} does not answer"),
        Some(role) => format!(
            "{name} is {role:?} in term {}",
            node.term.unwrap_or_default()
        ),
        None => format!("{name} answers"),
    };
    status
        .nodes
        .iter()
        .map(describe)
        .collect::<Vec<_>>()
        .join(", ")
}
