//! A server that answers as it was told, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value as Json;
use testimony_engine::Cluster;
use tokio::io::BufStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::testing::{cluster, read_request, write_answer};

/// Far longer than anything here takes, on any machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A path, empty for any; a status; a body.
type Line = (&'static str, u16, &'static str);

/// The server, as a cluster of one node. Each line is used once, in order; for a request that has
/// none left, the connection is closed.
pub(crate) struct Scripted {
    pub(crate) cluster: Cluster,
    play: Arc<Play>,
    server: JoinHandle<()>,
}

struct Play {
    lines: Mutex<Vec<Line>>,
    asked: Mutex<Vec<(String, Json)>>,
}

impl Scripted {
    /// Answers in this order.
    pub(crate) async fn in_order(script: &[(u16, &'static str)]) -> Self {
        let lines = script.iter().map(|(status, body)| ("", *status, *body));
        Scripted::start(lines.collect()).await
    }

    /// Answers each path in this order.
    pub(crate) async fn by_path(script: &[Line]) -> Self {
        Scripted::start(script.to_vec()).await
    }

    /// What was asked, but for signs of life, which come when they come.
    pub(crate) fn asked(&self) -> Vec<(String, Json)> {
        let asked = self.play.asked.lock().unwrap().clone();
        let told = |(path, _): &(String, Json)| path != "/v3/lease/keepalive";
        asked.into_iter().filter(told).collect()
    }

    async fn start(lines: Vec<Line>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let play = Arc::new(Play {
            lines: Mutex::new(lines),
            asked: Mutex::default(),
        });
        Scripted {
            cluster: cluster(&[listener.local_addr().unwrap()]),
            server: tokio::spawn(Arc::clone(&play).serve(listener)),
            play,
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Play {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&self).answer(BufStream::new(stream)));
        }
    }

    async fn answer(self: Arc<Self>, mut stream: BufStream<TcpStream>) {
        while let Ok((path, body)) = read_request(&mut stream).await {
            self.asked.lock().unwrap().push((path.clone(), body));
            let Some((_, status, body)) = self.next(&path) else {
                return;
            };
            if write_answer(&mut stream, status, "", body).await.is_err() {
                return;
            }
        }
    }

    fn next(&self, path: &str) -> Option<Line> {
        let mut lines = self.lines.lock().unwrap();
        let fits = |line: &Line| line.0.is_empty() || line.0 == path;
        let place = lines.iter().position(fits)?;
        Some(lines.remove(place))
    }
}
