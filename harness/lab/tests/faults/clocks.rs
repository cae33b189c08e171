//! The clock of one process goes wrong and is set right, seen by the process itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::namespace::{free_port, say};
use testimony_lab::clocks::{ClockError, Skew, restore, skew};

/// A program that says what it takes for the time of day whenever it is asked.
struct Teller {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// The role that this executable plays when it is called for it.
const TELLER: &str = "clocks::a_process_tells_the_time_when_asked";

#[test]
fn a_process_tells_the_time_when_asked() {
    if std::env::var_os("TESTIMONY_TEST_TELLER").is_none() {
        return;
    }
    for _ in std::io::stdin().lines() {
        let mono = now().duration_since(started());
        say(&format!("told {} {}", here(), mono.as_nanos()));
    }
}

fn started() -> Instant {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *START.get_or_init(now)
}

#[expect(clippy::disallowed_methods, reason = "clocks are what is tested")]
fn now() -> Instant {
    Instant::now()
}

/// The time of day in this process, in nanoseconds since 1970.
fn here() -> i128 {
    #[expect(clippy::disallowed_methods, reason = "clocks are what is tested")]
    let now = SystemTime::now();
    i128::try_from(now.duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test of what the lab does to programs"
    )]
    Command::new(program)
}

impl Teller {
    fn start() -> Teller {
        let mut command = command(std::env::current_exe().unwrap());
        command
            .args(["--exact", TELLER, "--nocapture"])
            .env("TESTIMONY_TEST_TELLER", "yes");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut teller = Teller {
            child,
            questions,
            answers,
        };
        teller.tell();
        teller
    }

    /// By how many seconds its clock is ahead of ours.
    fn ahead(&mut self) -> f64 {
        self.tell().0
    }

    /// That, and the span that it has measured with its other clock.
    fn tell(&mut self) -> (f64, Duration) {
        self.questions.write_all(b"\n").unwrap();
        loop {
            let mut line = String::new();
            assert!(
                self.answers.read_line(&mut line).unwrap() > 0,
                "it has ended"
            );
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [.., "told", time, span] = words[..] {
                let ahead: i128 = time.parse::<i128>().unwrap() - here();
                let span = Duration::from_nanos(span.parse().unwrap());
                return (ahead as f64 / 1e9, span);
            }
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether this machine has what it takes; it says so if not.
fn can<T>(done: Result<T, ClockError>) -> Option<T> {
    match done {
        Err(error @ ClockError::Impossible { .. }) if !cfg!(target_arch = "x86_64") => {
            say(&format!("skipped: {error}"));
            None
        }
        done => Some(done.unwrap()),
    }
}

#[tokio::test]
async fn a_clock_jumps_both_ways_and_is_set_right() {
    let mut teller = Teller::start();
    let (before, _) = teller.tell();
    assert!(before.abs() < 1.0, "{before}");
    for seconds in [-3_600_i64, 3_600] {
        let jump = Skew::from_now(seconds * 1_000, 0);
        let Some(processes) = can(skew(teller.child.id(), jump).await) else {
            return;
        };
        assert_eq!(processes, 1);
        let ahead = teller.ahead();
        assert!((ahead - seconds as f64).abs() < 1.0, "{ahead}");
    }
    restore(teller.child.id()).await.unwrap();
    let after = teller.ahead();
    assert!(after.abs() < 1.0, "{after}");
}

#[tokio::test]
async fn a_clock_runs_fast_and_the_monotonic_one_does_not() {
    let mut teller = Teller::start();
    // A hundred times as fast.
    let fast = Skew::from_now(0, 99_000_000);
    if can(skew(teller.child.id(), fast).await).is_none() {
        return;
    }
    let (ahead, span) = teller.tell();
    let mut passed = Duration::ZERO;
    let mut gained = 0.0;
    while passed < Duration::from_millis(100) {
        let told = teller.tell();
        (gained, passed) = (told.0 - ahead, told.1 - span);
    }
    let rate = gained / passed.as_secs_f64();
    assert!(
        (80.0..=100.0).contains(&rate),
        "gained {rate} seconds a second"
    );
    restore(teller.child.id()).await.unwrap();
    assert!(teller.ahead().abs() < 1.0);
}

#[tokio::test]
async fn a_process_and_its_children_have_one_clock() {
    let mut shell = command("sh");
    shell.args(["-c", "sleep 1000 & exec sleep 1000"]);
    let family = Family(
        shell
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap(),
    );
    let deadline = now() + Duration::from_secs(10);
    // A program that has just begun has not looked yet for what tells the time.
    let done = loop {
        match skew(family.0.id(), Skew::from_now(1_000, 0)).await {
            Ok(2) => break Ok(2),
            done if now() > deadline => break done,
            _ => tokio::task::yield_now().await,
        }
    };
    assert!(can(done).is_none_or(|processes| processes == 2));
}

/// Processes of one group, killed when the test ends.
struct Family(Child);

impl Drop for Family {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let mut kill = command("kill");
        let _ = kill
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_process_that_is_gone_has_no_clock() {
    let mut gone = command("true").spawn().unwrap();
    gone.wait().unwrap();
    let error = skew(gone.id(), Skew::from_now(0, 0)).await.unwrap_err();
    assert!(matches!(error, ClockError::Process { .. }), "{error}");
}

/// Waits until somebody listens there.
fn connect(port: u16) -> TcpStream {
    let deadline = now() + Duration::from_secs(20);
    loop {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
            return stream;
        }
        assert!(now() < deadline, "nobody listens on port {port}");
        std::thread::yield_now();
    }
}

/// Ends a program when a test ends.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn redis_tells_another_time() {
    if !Path::new("/usr/bin/redis-server").exists() {
        return say("skipped: redis-server is not installed");
    }
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let mut redis = command("/usr/bin/redis-server");
    redis.args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
    ]);
    let redis = Ends(
        redis
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut stream = connect(port);
    let mut time = || -> i128 {
        stream.write_all(b"TIME\r\n").unwrap();
        let mut answer = [0; 64];
        let length = stream.read(&mut answer).unwrap();
        let text = String::from_utf8_lossy(&answer[..length]).into_owned();
        text.lines().nth(2).unwrap().parse::<i128>().unwrap() - here() / 1_000_000_000
    };
    assert!(time().abs() <= 1);
    if can(skew(redis.0.id(), Skew::from_now(86_400_000, 0)).await).is_none() {
        return;
    }
    let ahead = time();
    assert!((ahead - 86_400).abs() <= 1, "{ahead}");
    restore(redis.0.id()).await.unwrap();
    assert!(time().abs() <= 1);
}

#[tokio::test]
async fn etcd_which_asks_no_library_of_c_tells_another_time() {
    if !Path::new("/usr/bin/etcd").exists() {
        return say("skipped: etcd is not installed");
    }
    let (client, peer) = (free_port(), free_port());
    let folder = tempfile::tempdir().unwrap();
    let url = |port| format!("http://127.0.0.1:{port}");
    let mut etcd = command("/usr/bin/etcd");
    etcd.args(["--data-dir", folder.path().to_str().unwrap()]);
    etcd.args([
        "--listen-client-urls",
        &url(client),
        "--advertise-client-urls",
        &url(client),
    ]);
    etcd.args(["--listen-peer-urls", &url(peer), "--initial-cluster"]);
    etcd.args([
        format!("default={}", url(peer)),
        "--initial-advertise-peer-urls".to_owned(),
    ]);
    etcd.arg(url(peer))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let etcd = Ends(etcd.spawn().unwrap());
    let date = || -> String {
        let mut stream = connect(client);
        stream.write_all(b"GET /version HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let date = answer
            .lines()
            .find(|line| line.starts_with("Date: "))
            .unwrap();
        date.to_owned()
    };
    let before = date();
    // Far enough for another year to stand there.
    let year = Skew::from_now(400 * 86_400_000, 0);
    if can(skew(etcd.0.id(), year).await).is_none() {
        return;
    }
    let year = |date: &str| -> u32 { date.split(' ').nth(4).unwrap().parse().unwrap() };
    assert!(year(&date()) > year(&before), "{before}, then {}", date());
    restore(etcd.0.id()).await.unwrap();
    assert!(year(&date()) <= year(&before) + u32::from(before.contains(" Dec ")));
}
