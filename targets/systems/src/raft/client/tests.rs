//! The client against servers that follow a script, byte by byte.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value as Json;
use testimony_engine::{ClientOptions, ProcessId};
use testimony_history::{Answer, Call, Ending, Function, Model, Reply, Value};
use tokio::io::BufStream;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

use super::*;
use crate::testing::{cluster, read_request, write_answer};

/// Far longer than anything here takes, on any machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a server does with one operation. The last step of a script is repeated for ever.
#[derive(Clone, Debug)]
enum Step {
    Answer(u16, &'static str),
    /// Names another server of the cluster.
    Redirect(usize),
    /// Reads the request, then closes the connection.
    Lose,
    /// Reads the request, and says nothing.
    Hang,
}

use Step::{Answer as Says, Hang, Lose, Redirect};

const NO_LEADER: Step = Says(503, r#"{"error":"no-leader","outcome":"failed"}"#);
const UNCERTAIN: Step = Says(503, r#"{"error":"uncertain","outcome":"unknown"}"#);
const EXPIRED: Step = Says(409, r#"{"error":"session-expired","outcome":"failed"}"#);
const WRONG_TYPE: Step = Says(422, r#"{"error":"not a number","outcome":"failed"}"#);
const DONE: Step = Says(200, r#"{"index":9,"term":2}"#);

/// What the servers were asked, in order.
type Asked = Arc<Mutex<Vec<(usize, String, Json)>>>;

struct Scene {
    client: RaftClient,
    asked: Asked,
    /// The ports on which nobody listens.
    _refusing: Vec<TcpSocket>,
}

impl Scene {
    /// One server for each script; an empty script is a port that refuses.
    async fn set<const N: usize>(scripts: [&[Step]; N]) -> Scene {
        Scene::with_sessions(scripts, Says(200, r#"{"session":17}"#)).await
    }

    async fn with_sessions<const N: usize>(scripts: [&[Step]; N], sessions: Step) -> Scene {
        let asked = Asked::default();
        let (mut listeners, mut refusing) = (Vec::new(), Vec::new());
        let mut addresses = Vec::new();
        for script in scripts {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            addresses.push(socket.local_addr().unwrap());
            if script.is_empty() {
                refusing.push(socket);
            } else {
                let number = addresses.len() - 1;
                let script = Mutex::new(script.iter().cloned().collect());
                listeners.push((number, socket.listen(64).unwrap(), script));
            }
        }
        for (number, listener, script) in listeners {
            let (asked, sessions) = (Arc::clone(&asked), sessions.clone());
            let script = Arc::new(Script {
                number,
                script,
                sessions,
                asked,
                addresses: addresses.clone(),
            });
            tokio::spawn(script.serve(listener));
        }
        let options = ClientOptions {
            timeout: DEADLINE,
            model: Model::Kv,
            apart: false,
        };
        let exchange = Exchange::new(
            crate::http::client(crate::wire::CONNECT_TIMEOUT),
            &cluster(&addresses),
        );
        let client = RaftClient::new(ProcessId(0), exchange, options, DEADLINE);
        Scene {
            client,
            asked,
            _refusing: refusing,
        }
    }

    /// For scripts that end only with the client's patience.
    fn hasty(mut self) -> Scene {
        self.client.options.timeout = Duration::from_millis(600);
        self.client.attempt = Duration::from_millis(200);
        self
    }

    async fn call(&mut self, f: Function, value: Option<Value>) -> Reply {
        let call = Call {
            f,
            key: Some("k".into()),
            value,
        };
        self.client.invoke(&"n1".into(), &call).await
    }

    async fn write(&mut self) -> Reply {
        self.call(Function::Write, Some(5.into())).await
    }

    async fn read(&mut self) -> Reply {
        self.call(Function::Read, None).await
    }

    /// The operations that the servers were asked for, with the number of the server.
    fn operations(&self) -> Vec<(usize, Json)> {
        let asked = self.asked.lock().unwrap();
        let operations = asked.iter().filter(|(_, path, _)| path == OPERATION_PATH);
        operations
            .map(|(server, _, body)| (*server, body.clone()))
            .collect()
    }
}

/// One server.
struct Script {
    number: usize,
    script: Mutex<VecDeque<Step>>,
    sessions: Step,
    asked: Asked,
    addresses: Vec<SocketAddr>,
}

impl Script {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let script = Arc::clone(&self);
            tokio::spawn(async move { script.converse(BufStream::new(stream)).await });
        }
    }

    async fn converse(&self, mut stream: BufStream<TcpStream>) -> io::Result<()> {
        loop {
            let (path, body) = read_request(&mut stream).await?;
            let step = if path == SESSION_PATH {
                self.sessions.clone()
            } else {
                self.step()
            };
            self.asked
                .lock()
                .unwrap()
                .push((self.number, path.clone(), body));
            let (status, location, body) = match step {
                Says(status, body) => (status, String::new(), body),
                Redirect(to) => {
                    let location = format!("Location: http://{}{path}\r\n", self.addresses[to]);
                    (
                        307,
                        location,
                        r#"{"error":"not-leader","outcome":"failed"}"#,
                    )
                }
                Lose => return Ok(()),
                Hang => std::future::pending().await,
            };
            write_answer(&mut stream, status, &location, body).await?;
        }
    }

    fn step(&self) -> Step {
        let mut script = self.script.lock().unwrap();
        if script.len() > 1 {
            script.pop_front().unwrap()
        } else {
            script[0].clone()
        }
    }
}

fn fail(error: &str) -> Ending {
    Ending::Fail(error.into())
}

fn info(error: &str) -> Ending {
    Ending::Info(error.into())
}

#[tokio::test]
async fn updates_run_in_one_session_under_rising_numbers_and_reads_in_none() {
    let read = Says(200, r#"{"value":5,"index":3}"#);
    let mut scene = Scene::set([&[DONE, DONE, read]]).await;
    let written = scene.write().await;
    assert_eq!(written.ending, Ending::Ok(Answer::default()));
    assert_eq!(
        written.extra,
        [("index".into(), 9.into()), ("term".into(), 2.into())]
    );
    assert_eq!((written.attempts, written.node.as_deref()), (1, Some("n1")));
    scene.write().await;
    let read = scene.read().await;
    assert_eq!(
        read.ending,
        Ending::Ok(Answer {
            value: Some(5.into()),
            ..Answer::default()
        })
    );
    let numbers: Vec<_> = scene
        .operations()
        .iter()
        .map(|(_, body)| numbers_of(body))
        .collect();
    assert_eq!(
        numbers,
        [(Some(17), Some(1)), (Some(17), Some(2)), (None, None)]
    );
    assert_eq!(
        scene.asked.lock().unwrap().len(),
        4,
        "the session is opened once"
    );
}

fn numbers_of(body: &Json) -> (Option<u64>, Option<u64>) {
    (body["session"].as_u64(), body["sequence"].as_u64())
}

#[tokio::test]
async fn a_redirect_is_followed_and_is_no_attempt() {
    let mut scene = Scene::set([&[Redirect(1)], &[DONE]]).await;
    let reply = scene.write().await;
    assert_eq!(reply.ending, Ending::Ok(Answer::default()));
    assert_eq!((reply.attempts, reply.node.as_deref()), (1, Some("n2")));
}

#[tokio::test]
async fn nodes_that_name_each_other_do_not_hold_a_client_for_ever() {
    let mut scene = Scene::set([&[Redirect(1)], &[Redirect(0)]]).await.hasty();
    let start = Instant::now();
    assert_eq!(scene.write().await.ending, fail("not-leader"));
    assert!(start.elapsed() < DEADLINE);
    assert!(
        scene.operations().len() > 5,
        "it was tried for as long as there was time"
    );
}

#[tokio::test]
async fn an_update_that_nobody_took_has_failed() {
    let mut scene = Scene::set([&[], &[]]).await.hasty();
    assert_eq!(scene.write().await.ending, fail("no session: refused"));
    assert_eq!(scene.read().await.ending, fail("refused"));
    let mut scene = Scene::set([&[NO_LEADER], &[NO_LEADER]]).await.hasty();
    assert_eq!(scene.write().await.ending, fail("no-leader"));
}

#[tokio::test]
async fn a_lost_update_is_repeated_under_its_numbers_until_it_is_answered() {
    let mut scene = Scene::set([&[Lose], &[NO_LEADER, UNCERTAIN, DONE], &[NO_LEADER]]).await;
    let reply = scene.write().await;
    // n1 lost, n2 without leader, n3 too, n1 lost, n2 uncertain, n3, n1 lost, n2 done.
    assert_eq!(
        (reply.ending, reply.attempts),
        (Ending::Ok(Answer::default()), 8)
    );
    for (_, body) in scene.operations() {
        assert_eq!(numbers_of(&body), (Some(17), Some(1)));
    }
}

#[tokio::test]
async fn a_repetition_that_certainly_failed_does_not_make_the_update_failed() {
    for first in [Lose, UNCERTAIN, Hang] {
        for later in [NO_LEADER, EXPIRED, WRONG_TYPE] {
            let scripts = [
                &[first.clone(), later.clone()][..],
                std::slice::from_ref(&later),
            ];
            let mut scene = Scene::set(scripts).await.hasty();
            let ending = scene.write().await.ending;
            assert!(
                matches!(ending, Ending::Info(_)),
                "{first:?}, then {later:?}: {ending:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_read_without_an_answer_has_failed_whatever_happened() {
    for (step, error) in [
        (Lose, "connection-lost"),
        (UNCERTAIN, "uncertain"),
        (Hang, "timeout"),
    ] {
        let mut scene = Scene::set([&[step]]).await.hasty();
        assert_eq!(scene.read().await.ending, fail(error));
    }
}

#[tokio::test]
async fn a_silent_node_is_given_up_for_the_next_one() {
    let mut scene = Scene::set([&[Hang], &[DONE]]).await;
    scene.client.attempt = Duration::from_millis(200);
    let reply = scene.write().await;
    assert_eq!(reply.ending, Ending::Ok(Answer::default()));
    assert_eq!(reply.node.as_deref(), Some("n2"));
    assert!(reply.attempts >= 2, "{reply:?}");
}

#[tokio::test]
async fn a_call_ends_when_its_time_is_over() {
    let mut scene = Scene::set([&[Hang], &[Hang]]).await.hasty();
    let start = Instant::now();
    assert_eq!(scene.write().await.ending, info("timeout"));
    assert!(
        start.elapsed() >= Duration::from_millis(400),
        "{:?}",
        start.elapsed()
    );
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn without_a_session_the_update_was_never_sent() {
    for (step, error) in [
        (NO_LEADER, "no-leader"),
        (Lose, "connection-lost"),
        (Hang, "timeout"),
    ] {
        let mut scene = Scene::with_sessions([&[DONE]], step).await.hasty();
        assert_eq!(
            scene.write().await.ending,
            fail(&format!("no session: {error}"))
        );
        assert!(scene.operations().is_empty());
    }
}

#[tokio::test]
async fn a_session_that_expired_is_replaced_for_the_next_update() {
    let mut scene = Scene::set([&[EXPIRED, DONE]]).await;
    assert_eq!(scene.write().await.ending, fail("session-expired"));
    assert_eq!(scene.write().await.ending, Ending::Ok(Answer::default()));
    let numbers: Vec<_> = scene
        .operations()
        .iter()
        .map(|(_, body)| numbers_of(body))
        .collect();
    assert_eq!(
        numbers,
        [(Some(17), Some(1)); 2],
        "each is the first of its session"
    );
}

#[tokio::test]
async fn what_will_be_answered_the_same_is_not_asked_again() {
    let mut scene = Scene::set([&[WRONG_TYPE], &[DONE]]).await;
    assert_eq!(scene.write().await.ending, fail("not a number"));
    assert_eq!(scene.operations().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_not_understood_leaves_an_update_unknown() {
    for body in ["gibberish", "[]"] {
        let mut scene = Scene::set([&[Says(200, body)]]).await;
        assert!(
            matches!(scene.write().await.ending, Ending::Info(_)),
            "{body}"
        );
        assert!(
            matches!(scene.read().await.ending, Ending::Fail(_)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_unforeseen_status_leaves_an_update_unknown() {
    let mut scene = Scene::set([&[Says(500, r#"{"outcome":"failed"}"#)]])
        .await
        .hasty();
    assert_eq!(scene.write().await.ending, info("status-500"));
}

#[tokio::test]
async fn an_operation_that_the_target_lacks_fails_without_a_request() {
    let mut scene = Scene::set([&[DONE]]).await;
    let reply = scene.call(Function::Enqueue, Some(1.into())).await;
    assert!(matches!(reply.ending, Ending::Fail(_)));
    assert!(scene.asked.lock().unwrap().is_empty());
}
