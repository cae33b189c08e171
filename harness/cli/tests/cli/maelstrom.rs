//! Programs that speak Maelstrom's protocol: those of `examples/maelstrom`.

use std::fs;
use std::path::Path;

use crate::example::{again_from_its_plan, example};
use crate::program::{Answer, testimony};

fn run(folder: &Path, options: &[&str], program: &[&str]) -> Answer {
    let words = ["run", "--lab", "maelstrom", "--seed", "5", "--time", "8s"];
    let all = [&words, options, &["--"], program].concat();
    testimony(folder, &all)
}

#[test]
fn a_right_node_passes_under_every_fault_of_the_network() {
    let Some(folder) = example("maelstrom") else {
        return;
    };
    let nemesis = "halves,one-way,bridge,lossy-links,slow-links,drop-connections,pause-one";
    let options = ["--nemesis", nemesis];
    let answer = run(folder.path(), &options, &["./forward.py"]).exits_with(0);
    assert!(answer.stdout.contains("PASS"), "{}", answer.stdout);
    let stderr = fs::read_to_string(folder.path().join("runs/latest/nodes/n1/stderr")).unwrap();
    assert_eq!(stderr, "I am n1\n");
    // The plan names the program: the run can be made again from it alone.
    again_from_its_plan(folder.path()).exits_with(0);
}

#[test]
fn a_node_that_keeps_all_in_a_linearizable_service_passes_while_nodes_are_killed() {
    let Some(folder) = example("maelstrom") else {
        return;
    };
    let options = ["--nemesis", "kill-one,rolling-restart,halves"];
    run(folder.path(), &options, &["./proxy.py"]).exits_with(0);
}

#[test]
fn nodes_that_tell_each_other_afterwards_are_found() {
    let Some(folder) = example("maelstrom") else {
        return;
    };
    let answer = run(folder.path(), &[], &["./broadcast.py"]).exits_with(1);
    assert!(answer.stdout.contains("VIOLATION"), "{}", answer.stdout);
    let words = ["check", "runs/latest/counterexample.jsonl"];
    testimony(folder.path(), &words).exits_with(1);
}

#[test]
fn a_service_that_is_only_sequentially_consistent_is_found() {
    let Some(folder) = example("maelstrom") else {
        return;
    };
    run(folder.path(), &[], &["./proxy.py", "seq-kv"]).exits_with(1);
}

#[test]
fn a_node_that_forgets_what_it_answered_is_found_when_it_is_killed() {
    let Some(folder) = example("maelstrom") else {
        return;
    };
    let options = ["--nemesis", "kill-all"];
    run(folder.path(), &options, &["./forward.py"]).exits_with(1);
}

#[test]
fn a_program_that_does_not_speak_the_protocol_is_told_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let chatty = ["sh", "-c", "echo hello; exec cat > /dev/null"];
    run(folder.path(), &[], &chatty).exits_with(4).complains(&[
        "does not keep to the protocol",
        "line 1",
        "hello",
    ]);
    let absent = ["./no-such-program"];
    run(folder.path(), &[], &absent)
        .exits_with(4)
        .complains(&["no-such-program"]);
    testimony(folder.path(), &["run", "--lab", "maelstrom"])
        .exits_with(2)
        .complains(&["-- ./node.py"]);
    testimony(folder.path(), &["run", "--", "./node.py"])
        .exits_with(2)
        .complains(&["--lab maelstrom"]);
}
