//! Disks of nodes that are slow, fail, are full, or cannot be written, seen by the programs.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use testimony_engine::NodeName;
use testimony_lab::disks::{Obstacle, Saves, SmallDisk, Supervisor, announce_saves};

use crate::namespace::{entered, free_port, say, shell};

/// The role that this executable plays when it is called for it.
const SAVER: &str = "disks::a_process_announces_its_saves_and_becomes_another";
const PROGRAM: &str = "TESTIMONY_TEST_PROGRAM";
/// Far longer than anything here takes, on any machine.
const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn a_process_announces_its_saves_and_becomes_another() {
    if let Some(script) = std::env::var_os(PROGRAM) {
        announce_saves().unwrap();
        panic!("{}", command("sh").arg("-c").arg(script).exec());
    }
}

fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test of what the lab does to programs"
    )]
    Command::new(program)
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is measured is how long saves take"
)]
fn now() -> Instant {
    Instant::now()
}

/// A script whose saves are decided on.
struct Saver {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Saver {
    fn start(supervisor: &Supervisor, folder: &Path, script: &str) -> Saver {
        let mut command = command(std::env::current_exe().unwrap());
        command
            .args(["--exact", SAVER, "--nocapture"])
            .env(PROGRAM, script);
        command
            .stdin(supervisor.expect(&node()).unwrap())
            .stdout(Stdio::piped());
        command
            .stderr(Stdio::null())
            .current_dir(folder)
            .process_group(0);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Saver { child, lines }
    }

    /// One that saves again and again, and says each time whether that worked.
    fn that_goes_on(supervisor: &Supervisor, folder: &Path) -> Saver {
        let save = "dd if=/dev/zero of=file bs=1 count=1 conv=fsync";
        let script = format!("while :; do {save} && echo saved || echo failed; done");
        Saver::start(supervisor, folder, &script)
    }

    /// Waits until it says that.
    fn says(&mut self, word: &str) {
        let deadline = now() + DEADLINE;
        let mut line = String::new();
        while line.trim() != word {
            assert!(now() < deadline, "it never said {word}");
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it has ended");
        }
    }

    fn ended(&mut self) -> std::process::ExitStatus {
        let deadline = now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(now() < deadline, "it has not ended");
            std::thread::yield_now();
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let mut kill = command("kill");
        let _ = kill
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }
}

fn node() -> NodeName {
    "n1".into()
}

#[test]
fn saves_of_a_program_and_its_children_fail_and_work_again() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::start().unwrap();
    let mut saver = Saver::that_goes_on(&supervisor, folder.path());
    saver.says("saved");
    assert!(supervisor.counts(&node()).asked > 0);
    supervisor.decide(&node(), Saves::Fail);
    saver.says("failed");
    assert!(supervisor.counts(&node()).failed > 0);
    supervisor.decide(&node(), Saves::AsUsual);
    saver.says("saved");
    let failed = supervisor.counts(&node()).failed;
    (0..10).for_each(|_| saver.says("saved"));
    assert_eq!(supervisor.counts(&node()).failed, failed);
}

#[test]
fn saves_take_longer_by_the_delay_and_those_that_wait_go_on_at_the_heal() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::start().unwrap();
    let mut saver = Saver::that_goes_on(&supervisor, folder.path());
    saver.says("saved");
    let delay = Duration::from_millis(100);
    supervisor.decide(&node(), Saves::Late(delay));
    while supervisor.counts(&node()).delayed == 0 {
        saver.says("saved");
    }
    let since = now();
    (0..3).for_each(|_| saver.says("saved"));
    // What is said before may be of a save that was under way.
    assert!(since.elapsed() >= delay * 2);
    supervisor.decide(&node(), Saves::Late(DEADLINE * 2));
    let before = supervisor.counts(&node()).asked;
    while supervisor.counts(&node()).asked == before {
        std::thread::yield_now();
    }
    supervisor.decide(&node(), Saves::AsUsual);
    (0..10).for_each(|_| saver.says("saved"));
}

#[test]
fn redis_which_must_save_what_it_confirms_ends_when_it_cannot() {
    if !Path::new("/usr/bin/redis-server").exists() {
        return say("skipped: redis-server is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::start().unwrap();
    let options = "--port 0 --unixsocket ./socket --appendonly yes --appendfsync always";
    let script = format!("exec /usr/bin/redis-server {options}");
    let mut redis = Saver::start(&supervisor, folder.path(), &script);
    let deadline = now() + DEADLINE;
    let set = || {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(folder.path().join("socket"))?;
        stream.write_all(b"SET key value\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    while set().is_err() {
        assert!(now() < deadline, "redis does not serve");
        std::thread::yield_now();
    }
    assert_eq!(&set().unwrap(), b"+OK\r\n");
    supervisor.decide(&node(), Saves::Fail);
    assert!(set().is_err(), "it confirms what it did not save");
    assert!(!redis.ended().success());
    assert!(supervisor.counts(&node()).failed > 0);
}

#[test]
fn etcd_ends_when_its_saves_fail_and_starts_when_they_work() {
    if !Path::new("/usr/bin/etcd").exists() {
        return say("skipped: etcd is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::start().unwrap();
    supervisor.decide(&node(), Saves::Fail);
    let (client, peer) = (free_port(), free_port());
    let (client, peer) = (
        format!("http://127.0.0.1:{client}"),
        format!("http://127.0.0.1:{peer}"),
    );
    let urls = format!(
        "--listen-client-urls {client} --advertise-client-urls {client} \
         --listen-peer-urls {peer} --initial-advertise-peer-urls {peer} \
         --initial-cluster default={peer}"
    );
    let script = format!("exec /usr/bin/etcd --data-dir data {urls} 2>&1");
    let mut etcd = Saver::start(&supervisor, folder.path(), &script);
    assert!(!etcd.ended().success());
    assert!(supervisor.counts(&node()).failed > 0);
    supervisor.decide(&node(), Saves::AsUsual);
    fs::remove_dir_all(folder.path().join("data")).unwrap();
    let mut etcd = Saver::start(&supervisor, folder.path(), &script);
    let mut line = String::new();
    while !line.contains("ready to serve client requests") {
        line.clear();
        assert!(etcd.lines.read_line(&mut line).unwrap() > 0, "it has ended");
    }
}

#[test]
fn a_small_disk_is_full_or_unwritable_and_mended() {
    if !entered("disks::a_small_disk_is_full_or_unwritable_and_mended") {
        return;
    }
    shell("mount -t tmpfs tmpfs /mnt; mkdir /mnt/data");
    let disk = SmallDisk::mount(Path::new("/mnt/data"), 4 << 20).unwrap();
    let file = disk.folder().join("file");
    for used in [0, 100_000] {
        fs::write(&file, vec![1; used]).unwrap();
        disk.fill().unwrap();
        let error = fs::write(disk.folder().join("more"), vec![1; 100_000]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read(&file).unwrap().len(), used);
        disk.make_room().unwrap();
        fs::write(disk.folder().join("more"), vec![1; 1_000_000]).unwrap();
        fs::remove_file(disk.folder().join("more")).unwrap();
    }
    let open = File::options().append(true).open(&file).unwrap();
    assert!(disk.lock().is_err(), "somebody has a file open for writing");
    assert_eq!(disk.obstacle().unwrap(), None);
    drop(open);
    disk.lock().unwrap();
    assert_eq!(disk.obstacle().unwrap(), Some(Obstacle::ReadOnly));
    disk.unlock().unwrap();
    let left: Vec<_> = fs::read_dir(disk.folder()).unwrap().collect();
    assert_eq!(left.len(), 1, "probes are left behind");
    disk.put_away(true).unwrap();
    assert!(file.exists(), "what was to be kept is gone");
    let disk = SmallDisk::mount(Path::new("/mnt/data"), 4 << 20).unwrap();
    assert!(!file.exists());
    drop(disk);
    assert!(file.exists(), "the disk is still mounted");
}
