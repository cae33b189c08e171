//! `testimony check --follow`: histories that are still being written.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;

use serde_json::Value;

use crate::program::{Answer, command, file, testimony, wait_for};

const HEADER: &str = "{\"testimony\":1,\"model\":\"kv\"}\n";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A history of so many writes, each read back; the last read sees an older value if it is `stale`.
fn history(writes: u64, stale: bool) -> String {
    let mut text = HEADER.to_owned();
    let mut time = 0;
    let mut line = |process: u64, kind: &str, f: &str, value: Option<u64>| {
        time += 10;
        let value = value.map_or(String::new(), |value| format!(",\"value\":{value}"));
        text.push_str(&format!(
            "{{\"time\":{time},\"process\":{process},\"type\":\"{kind}\",\"f\":\"{f}\",\
             \"key\":\"x\"{value}}}\n"
        ));
    };
    for write in 1..=writes {
        line(0, "invoke", "write", Some(write));
        line(0, "ok", "write", Some(write));
        let seen = if stale && write == writes { 1 } else { write };
        line(1, "invoke", "read", None);
        line(1, "ok", "read", Some(seen));
    }
    text
}

fn follow(folder: &Path, words: &[&str]) -> Child {
    command(folder)
        .args(["check", "--follow"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// What a program answered that ends by itself.
fn answer_of(mut child: Child) -> Answer {
    wait_for("the end of the program", || {
        child.try_wait().expect("it can be waited for").is_some()
    });
    Answer::of(child.wait_with_output().expect("it has ended"))
}

/// Appends text in small pieces that break lines, each when the last is on the disk.
fn grow(path: &Path, text: &str) {
    let mut file = OpenOptions::new()
        .append(true)
        .open(path)
        .expect("the file is there");
    for piece in text.as_bytes().chunks(37) {
        file.write_all(piece).expect("the file grows");
        thread::yield_now();
    }
}

/// A program that answers a growing file with these words added, after the whole text was written.
fn followed(text: &str, words: &[&str]) -> (tempfile::TempDir, Child) {
    let folder = folder();
    let path = file(folder.path(), "h.jsonl", "");
    let child = follow(folder.path(), &[&["h.jsonl"], words].concat());
    let text = text.to_owned();
    thread::spawn(move || grow(&path, &text))
        .join()
        .expect("the writer does not fail");
    (folder, child)
}

#[test]
fn a_violation_ends_it_at_once_with_evidence() {
    let (folder, child) = followed(&history(50, true), &["--evidence", "out"]);
    // Nobody closes the file or says that it is over.
    let answer = answer_of(child).exits_with(1);
    assert!(answer.stderr.contains("line 201"), "{}", answer.stderr);
    assert!(answer.stdout.contains("p1"), "{}", answer.stdout);
    testimony(folder.path(), &["check", "out/counterexample.jsonl"]).exits_with(1);
}

#[test]
fn a_history_that_goes_quiet_passes_if_it_is_asked_to_end() {
    let words = ["--until-quiet", "300ms", "--json"];
    let (_folder, child) = followed(&history(50, false), &words);
    let answer = answer_of(child).exits_with(0);
    let verdict: Value = serde_json::from_str(&answer.stdout).expect("one JSON object");
    assert_eq!(verdict["verdict"], "linearizable");
    assert_eq!(verdict["operations"], 100);
    assert_eq!(verdict["followed"], true);
}

#[test]
fn ctrl_c_ends_it_with_what_is_known() {
    let folder = folder();
    // Only the last byte is missing to a violation, so it is not one yet.
    let text = history(50, true);
    file(folder.path(), "h.jsonl", &text[..text.len() - 3]);
    let child = follow(folder.path(), &["h.jsonl"]);
    let pid = rustix::process::Pid::from_child(&child);
    wait_for("the program to listen", || listens(pid.as_raw_pid()));
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("Ctrl-C is sent");
    let answer = answer_of(child).exits_with(0);
    assert!(answer.stderr.contains("warning"), "{}", answer.stderr);
    assert!(answer.stdout.contains("linearizable"), "{}", answer.stdout);
}

/// Whether a process has a handler for Ctrl-C.
fn listens(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 2 != 0))
}

#[test]
fn a_file_that_was_cut_or_replaced_is_refused() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil); 2] = [
        ("was cut", |path| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(10).unwrap();
        }),
        ("was replaced", |path| {
            let other = path.with_extension("new");
            File::create(&other).unwrap();
            fs::rename(other, path).unwrap();
        }),
    ];
    for (what, spoil) in cases {
        let folder = folder();
        let path = file(folder.path(), "h.jsonl", history(3, false));
        let child = follow(folder.path(), &["h.jsonl"]);
        let pid = rustix::process::Pid::from_child(&child).as_raw_pid();
        let descriptors = format!("/proc/{pid}/fdinfo");
        let length = history(3, false).len();
        wait_for("the file to be read", || has_read(&descriptors, length));
        spoil(&path);
        answer_of(child).exits_with(2).complains(&["h.jsonl", what]);
    }
}

/// Whether some file of a process has been read up to this position.
fn has_read(descriptors: &str, position: usize) -> bool {
    let entries = fs::read_dir(descriptors).into_iter().flatten().flatten();
    let mut infos = entries.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    infos.any(|info| info.starts_with(&format!("pos:\t{position}\n")))
}

fn piped(text: &str, words: &[&str]) -> Answer {
    let folder = folder();
    let mut child = command(folder.path())
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("it has an input");
    // A program that has seen enough closes its end.
    let _ = input.write_all(text.as_bytes());
    drop(input);
    answer_of(child)
}

#[test]
fn standard_input_is_judged_whole_or_as_it_comes() {
    for words in [&["check", "-"][..], &["check", "--follow", "-"]] {
        piped(&history(50, false), words).exits_with(0);
        let answer = piped(&history(50, true), words).exits_with(1);
        assert!(answer.stdout.contains("illegal") || answer.stdout.contains("p1"));
        piped("", words).exits_with(2).complains(&["empty"]);
        piped("{}\n", words).exits_with(2).complains(&["header"]);
        piped(HEADER, words).exits_with(4);
    }
    let answer = piped(&history(50, true), &["check", "--follow", "--json", "-"]);
    let verdict: Value = serde_json::from_str(&answer.stdout).expect("one JSON object");
    assert_eq!(
        (&verdict["line"], &verdict["key"]),
        (&201.into(), &"x".into())
    );
}

#[test]
fn a_violation_on_standard_input_is_told_before_its_end() {
    let folder = folder();
    let mut child = follow(folder.path(), &["-"]);
    let mut input = child.stdin.take().expect("it has an input");
    input
        .write_all(history(50, true).as_bytes())
        .expect("it reads");
    // One event more, so that none of the same time can follow; the input stays open.
    let next = r#"{"time":99999,"process":3,"type":"invoke","f":"read","key":"x"}"#;
    writeln!(input, "{next}").expect("it reads");
    answer_of(child).exits_with(1);
    drop(input);
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let folder = folder();
    let follow = |words: &[&str]| {
        testimony(folder.path(), &[&["check", "--follow"], words].concat()).exits_with(2)
    };
    follow(&["absent.jsonl"]).complains(&["absent.jsonl"]);
    follow(&["a.jsonl", "b.jsonl"]).complains(&["one file"]);
    follow(&["--format", "edn", "a.edn"]).complains(&["JSON lines"]);
    file(folder.path(), "nameless.jsonl", "{\"testimony\":1}\n");
    follow(&["--until-quiet", "1ms", "nameless.jsonl"]).complains(&["--model"]);
    let text = history(3, false) + "{\"process\":9,\"type\":\"ok\",\"f\":\"read\"}\n";
    file(folder.path(), "wrong.jsonl", text);
    follow(&["--until-quiet", "1ms", "wrong.jsonl"]).complains(&["line 14, column 12"]);
}
