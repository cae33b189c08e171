//! A place for clients beside a node: a thread in the node's namespace that carries out tasks.
//!
//! A socket belongs to the namespace of the thread that opens it. Tasks that are spawned here open
//! theirs here, since the runtime has no other thread.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread; it ends, and its tasks with it, when this is dropped.
#[derive(Debug)]
pub(crate) struct Post {
    tasks: Handle,
    /// Dropped to end the thread.
    open: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Post {
    /// Opens one in the namespace that is found there.
    pub(super) fn open(space: PathBuf) -> io::Result<Self> {
        let (open, closed) = oneshot::channel::<()>();
        let (answer, answered) = mpsc::channel();
        let work = move || {
            let ready = || {
                let space = File::open(&space)?;
                move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))?;
                Builder::new_current_thread().enable_all().build()
            };
            match ready() {
                Ok(runtime) => {
                    let _ = answer.send(Ok(runtime.handle().clone()));
                    // An error says that this is dropped, which is what is waited for.
                    let _ = runtime.block_on(closed);
                }
                Err(error) => {
                    let _ = answer.send(Err(error));
                }
            }
        };
        let thread = thread::Builder::new().name("post".to_owned()).spawn(work)?;
        let died = |_| io::Error::other("the thread of a node's clients panicked");
        let tasks = answered.recv().map_err(died)??;
        Ok(Post {
            tasks,
            open: Some(open),
            thread: Some(thread),
        })
    }

    /// Where tasks are spawned that are to be carried out here.
    pub(crate) fn tasks(&self) -> &Handle {
        &self.tasks
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.open = None;
        if let Some(thread) = self.thread.take() {
            // A panic of a task has been told where the task was waited for.
            let _ = thread.join();
        }
    }
}
