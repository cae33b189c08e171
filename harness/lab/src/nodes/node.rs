//! One node: its files, what is run before its first start, and the programs that it is made of.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use testimony_engine::{NodeFile, NodeName, NodeSpec, Program};

use super::tail;
use crate::disks::Supervisor;
use crate::process::{Child, Exit, Spawner, Start};
use crate::quoted;

/// A node and the processes that it runs as, if it runs.
#[derive(Debug)]
pub(super) struct Node {
    spec: NodeSpec,
    place: Place,
    prepared: AtomicBool,
    children: Mutex<Vec<Arc<Child>>>,
    /// Whether it may end by itself without anybody being surprised.
    may_end: Arc<AtomicBool>,
}

/// Where a node lives.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Where its output is appended.
    pub(crate) folder: PathBuf,
    /// Where it keeps its data.
    pub(crate) data: PathBuf,
    /// Its network namespace, if it has one of its own.
    pub(crate) net: Option<PathBuf>,
    /// Who decides on its saves, if anybody does, and by what name it knows the node.
    pub(crate) supervisor: Option<(Arc<Supervisor>, NodeName)>,
}

impl Node {
    pub(super) fn new(spec: NodeSpec, place: Place) -> Self {
        Node {
            spec,
            place,
            prepared: AtomicBool::new(false),
            children: Mutex::new(Vec::new()),
            may_end: Arc::default(),
        }
    }

    /// Whether it may end by itself; to be set, and to be looked at when it has ended.
    pub(super) fn may_end(&self) -> &Arc<AtomicBool> {
        &self.may_end
    }

    /// The numbers of its processes that have not ended.
    pub(super) fn processes(&self) -> Vec<u32> {
        let children = self.children();
        let living = children.iter().filter(|child| !child.has_ended());
        living.map(|child| child.pid()).collect()
    }

    /// Where its output is appended.
    pub(super) fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// Whether all its programs run.
    pub(super) fn is_running(&self) -> bool {
        let children = self.children();
        !children.is_empty() && children.iter().all(|child| !child.has_ended())
    }

    /// Starts its programs, after what comes before its first start. What a start that failed left
    /// running is killed when the node is started again, or destroyed.
    pub(super) async fn start(&self, spawner: &Spawner) -> io::Result<Vec<Arc<Child>>> {
        if !self.prepared.load(Ordering::Acquire) {
            self.prepare(spawner).await?;
            self.prepared.store(true, Ordering::Release);
        }
        self.destroy();
        for program in &self.spec.programs {
            let mut start = self.command(program);
            if let Some((supervisor, name)) = &self.place.supervisor {
                start.saves = Some(supervisor.expect(name)?);
            }
            let started = spawner.start(start).await?;
            self.children().push(Arc::new(Child::new(started)?));
        }
        Ok(self.children().clone())
    }

    /// SIGKILL to all; returns when they are gone and reaped.
    pub(super) async fn kill(&self) -> io::Result<Vec<Exit>> {
        let children = self.living()?;
        let exits = try_join_all(children.iter().map(|child| child.kill())).await?;
        self.forget(&children);
        Ok(exits)
    }

    /// SIGSTOP to all; returns when they stand still.
    pub(super) async fn pause(&self) -> io::Result<()> {
        let children = self.living()?;
        try_join_all(children.iter().map(|child| child.pause())).await?;
        Ok(())
    }

    /// SIGCONT to all; returns when they go on.
    pub(super) async fn resume(&self) -> io::Result<()> {
        let children = self.living()?;
        try_join_all(children.iter().map(|child| child.resume())).await?;
        Ok(())
    }

    /// Asks all to end, and kills those that do not. How each ended.
    pub(super) async fn stop(&self, patience: Duration) -> Vec<io::Result<Exit>> {
        let children = self.children().clone();
        let ends = children.iter().map(|child| async move {
            let ended = child.terminate(patience).await;
            child.destroy();
            ended
        });
        let ends = join_all(ends).await;
        self.forget(&children);
        ends
    }

    /// Kills and reaps all that is left, without the runtime.
    pub(super) fn destroy(&self) {
        let children = std::mem::take(&mut *self.children());
        children.iter().for_each(|child| child.destroy());
    }

    async fn prepare(&self, spawner: &Spawner) -> io::Result<()> {
        for NodeFile { path, text } in &self.spec.files {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(path, text)?;
        }
        let commands = self.spec.preparations.iter().chain(&self.spec.programs);
        let commands: String = commands.map(command_line).collect();
        fs::write(self.place.folder.join("commands"), commands)?;
        for program in &self.spec.preparations {
            let child = Child::new(spawner.start(self.command(program)).await?)?;
            let exit = child.ended().await?;
            if exit.code != Some(0) {
                return Err(self.unprepared(program, exit));
            }
        }
        Ok(())
    }

    fn unprepared(&self, program: &Program, exit: Exit) -> io::Error {
        let said = tail(&self.place.folder.join("stderr")).unwrap_or_default();
        let program = program.program.display();
        io::Error::other(format!("{program} ended with {exit}: {said}"))
    }

    /// Those that have not ended; an error if the node does not run.
    fn living(&self) -> io::Result<Vec<Arc<Child>>> {
        let children = self.children().clone();
        let living: Vec<_> = children
            .into_iter()
            .filter(|child| !child.has_ended())
            .collect();
        if living.is_empty() {
            return Err(io::Error::other("it does not run"));
        }
        Ok(living)
    }

    fn forget(&self, gone: &[Arc<Child>]) {
        let is_gone = |child: &Arc<Child>| gone.iter().any(|gone| Arc::ptr_eq(gone, child));
        self.children()
            .retain(|child| !is_gone(child) && !child.has_ended());
    }

    fn children(&self) -> MutexGuard<'_, Vec<Arc<Child>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, program: &Program) -> Start {
        let Program {
            program,
            args,
            env,
            unprivileged,
        } = program;
        Start {
            program: program.clone(),
            args: args.iter().map(OsString::from).collect(),
            env: env
                .iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            net: self.place.net.clone(),
            unprivileged: unprivileged.then(|| self.place.data.clone()),
            saves: None,
            stdout: self.place.folder.join("stdout"),
            stderr: self.place.folder.join("stderr"),
            talks: false,
        }
    }
}

/// How a person would start the program in a shell, as one line.
fn command_line(program: &Program) -> String {
    let Program {
        program, args, env, ..
    } = program;
    let variables = env
        .iter()
        .map(|(name, value)| format!("{name}={}", quoted(value)));
    let path = program.display().to_string();
    let words = std::iter::once(&path).chain(args).map(|word| quoted(word));
    let line: Vec<String> = variables.chain(words).collect();
    format!("{}\n", line.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_one_that_a_shell_takes() {
        let program = Program {
            program: "/usr/bin/etcd".into(),
            args: vec!["--name=n1".to_owned(), "it's".to_owned(), String::new()],
            env: [("GOMAXPROCS".to_owned(), "2".to_owned())].into(),
            ..Program::default()
        };
        let line = command_line(&program);
        assert_eq!(line, "GOMAXPROCS=2 /usr/bin/etcd --name=n1 'it'\\''s' ''\n");
    }
}
