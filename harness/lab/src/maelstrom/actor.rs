//! One node: a process that hears and says messages on its standard streams.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use testimony_engine::NodeName;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::message::{Message, body};
use super::post::Post;
use crate::LabError;
use crate::nodes::watch as watch_over;
use crate::process::{Child, Exit, Pipes, Spawner, Start};
use crate::venue::Notes;

/// Who says `init`, as in Maelstrom itself.
const DIRECTOR: &str = "c0";
/// How much of a line that is no message is told.
const TOLD_MAX: usize = 200;

/// A node and, while it runs, its process.
pub(crate) struct Actor {
    name: NodeName,
    place: usize,
    everyone: Vec<NodeName>,
    command: Vec<String>,
    folder: PathBuf,
    post: Arc<Post>,
    notes: Notes,
    present: Mutex<Option<Present>>,
    is_paused: AtomicBool,
}

/// A process of a node.
struct Present {
    child: Arc<Child>,
    /// Whether it has answered `init`.
    ready: watch::Receiver<bool>,
    /// What reads and writes its streams.
    _streams: JoinSet<()>,
}

impl Actor {
    pub(crate) fn new(
        place: usize,
        everyone: Vec<NodeName>,
        command: Vec<String>,
        folder: PathBuf,
        post: Arc<Post>,
        notes: Notes,
    ) -> Self {
        Actor {
            name: everyone[place].clone(),
            place,
            everyone,
            command,
            folder,
            post,
            notes,
            present: Mutex::new(None),
            is_paused: AtomicBool::new(false),
        }
    }

    /// Starts the process and says `init` to it.
    pub(crate) async fn start(&self, spawner: &Spawner) -> io::Result<()> {
        let mut started = spawner.start(self.command()?).await?;
        let pipes = started.pipes.take();
        let child = Arc::new(Child::new(started)?);
        let pipes = pipes.ok_or_else(|| io::Error::other("it has no standard streams"))?;
        let Pipes { stdin, stdout } = pipes;
        let (lines, inbox) = mpsc::unbounded_channel();
        let (is_ready, ready) = watch::channel(false);
        let mut streams = JoinSet::new();
        streams.spawn(write(sender(stdin)?, inbox));
        let reader = Reader {
            name: self.name.clone(),
            place: self.place,
            post: Arc::clone(&self.post),
            breaks: self.notes.breaks.clone(),
            ready: is_ready,
        };
        streams.spawn(reader.read(receiver(stdout)?));
        // Nobody else can write to it before this.
        let _ = lines.send(self.init().line());
        self.post.attend(self.place, Some(lines));
        let stderr = self.folder.join("stderr");
        let deaths = self.notes.deaths.clone();
        tokio::spawn(watch_over(
            self.name.clone(),
            Arc::clone(&child),
            // It has no disk that could be taken from it: it never may.
            Arc::new(AtomicBool::new(false)),
            stderr,
            deaths,
        ));
        self.is_paused.store(false, Ordering::SeqCst);
        *self.present() = Some(Present {
            child,
            ready,
            _streams: streams,
        });
        Ok(())
    }

    /// SIGKILL; returns when it is gone and reaped.
    pub(crate) async fn kill(&self) -> io::Result<Exit> {
        let child = self.child()?;
        self.post.attend(self.place, None);
        let exit = child.kill().await?;
        *self.present() = None;
        Ok(exit)
    }

    /// SIGSTOP; returns when it stands still.
    pub(crate) async fn pause(&self) -> io::Result<()> {
        self.child()?.pause().await?;
        self.is_paused.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// SIGCONT; returns when it goes on.
    pub(crate) async fn resume(&self) -> io::Result<()> {
        self.child()?.resume().await?;
        self.is_paused.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Whether its process is there.
    pub(crate) fn is_running(&self) -> bool {
        let present = self.present();
        present
            .as_ref()
            .is_some_and(|present| !present.child.has_ended())
    }

    /// Whether it is there, has answered `init`, and does not stand still.
    pub(crate) fn serves(&self) -> bool {
        let is_ready = self
            .present()
            .as_ref()
            .is_some_and(|present| *present.ready.borrow());
        is_ready && self.is_running() && !self.is_paused.load(Ordering::SeqCst)
    }

    /// Asks it to end, and kills it if it does not. What did not go as it should.
    pub(crate) async fn stop(&self, patience: Duration) -> Option<String> {
        let present = self.present().take()?;
        let ended = present.child.terminate(patience).await;
        present.child.destroy();
        ended
            .err()
            .map(|error| format!("{} had to be killed: {error}", self.name))
    }

    /// Kills and reaps it, without the runtime.
    pub(crate) fn destroy(&self) {
        if let Some(present) = self.present().take() {
            present.child.destroy();
        }
    }

    fn init(&self) -> Message {
        let names: Vec<&str> = self.everyone.iter().map(NodeName::as_str).collect();
        Message {
            src: DIRECTOR.to_owned(),
            dest: self.name.to_string(),
            body: body(json!({
                "type": "init", "msg_id": 1, "node_id": self.name.as_str(), "node_ids": names
            })),
        }
    }

    fn command(&self) -> io::Result<Start> {
        let mut words = self.command.iter();
        let program = words
            .next()
            .ok_or_else(|| io::Error::other("no program is named"))?;
        let data = self.folder.join("data");
        fs::create_dir_all(&data)?;
        Ok(Start {
            program: program.into(),
            args: words.map(Into::into).collect(),
            env: vec![("TESTIMONY_DATA".into(), absolute(&data)?.into())],
            stdout: self.folder.join("stdout"),
            stderr: self.folder.join("stderr"),
            talks: true,
            net: None,
            unprivileged: None,
            saves: None,
        })
    }

    fn child(&self) -> io::Result<Arc<Child>> {
        let present = self.present();
        let child = present.as_ref().map(|present| Arc::clone(&present.child));
        let living = child.filter(|child| !child.has_ended());
        living.ok_or_else(|| io::Error::other("it does not run"))
    }

    fn present(&self) -> MutexGuard<'_, Option<Present>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

fn sender(stdin: OwnedFd) -> io::Result<pipe::Sender> {
    pipe::Sender::from_owned_fd(stdin)
}

fn receiver(stdout: OwnedFd) -> io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(stdout)
}

/// Hands a node its lines. One that stands still takes none for a while; one that is gone, no more.
async fn write(mut stdin: pipe::Sender, mut lines: mpsc::UnboundedReceiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Listens to a node.
struct Reader {
    name: NodeName,
    place: usize,
    post: Arc<Post>,
    breaks: mpsc::UnboundedSender<LabError>,
    ready: watch::Sender<bool>,
}

impl Reader {
    async fn read(self, stdout: pipe::Receiver) {
        let mut lines = BufReader::new(stdout).split(b'\n');
        let mut number: u64 = 0;
        while let Ok(Some(line)) = lines.next_segment().await {
            number += 1;
            let line = String::from_utf8_lossy(&line);
            if line.trim().is_empty() {
                continue;
            }
            if let Err(problem) = self.hear(&line) {
                let error = LabError::Protocol {
                    node: self.name.clone(),
                    place: format!(" (line {number} of its standard output)"),
                    problem,
                    text: line.chars().take(TOLD_MAX).collect(),
                };
                // The run is over then, and nobody listens after its end.
                let _ = self.breaks.send(error);
                return;
            }
        }
    }

    fn hear(&self, line: &str) -> Result<(), String> {
        let message = Message::parse(line)?;
        if message.src != self.name.as_str() {
            return Err(format!("it is by {}, not by {}", message.src, self.name));
        }
        if message.dest == DIRECTOR {
            return self.hear_of_init(&message);
        }
        let sent = self.post.send(self.place, message);
        sent.map_err(|nobody| nobody.to_string())
    }

    fn hear_of_init(&self, message: &Message) -> Result<(), String> {
        match message.kind() {
            "init_ok" => {
                self.ready.send_replace(true);
                Ok(())
            }
            other => Err(format!(
                "`init` is answered with `init_ok`, not with `{other}`"
            )),
        }
    }
}
