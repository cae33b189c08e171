//! A system of one's own, described in a scenario: `examples/your-system`.

use crate::example::{again_from_its_plan, change, example};
use crate::program::testimony;

const SCENARIO: &str = "scenario.toml";

#[test]
fn a_right_server_passes_while_it_is_killed_cut_off_and_paused() {
    let Some(folder) = example("your-system") else {
        return;
    };
    let nemesis = "kill-leader,kill-all,halves,pause-one,slow-links";
    let words = [
        "run",
        SCENARIO,
        "--time",
        "8s",
        "--seed",
        "5",
        "--nemesis",
        nemesis,
    ];
    let answer = testimony(folder.path(), &words).exits_with(0);
    assert!(answer.stdout.contains("PASS"), "{}", answer.stdout);
    // The plan says all there is to say: the run can be made again from it alone.
    again_from_its_plan(folder.path()).exits_with(0);
}

#[test]
fn a_server_whose_followers_answer_reads_themselves_is_found() {
    let Some(folder) = example("your-system") else {
        return;
    };
    change(
        folder.path(),
        SCENARIO,
        "\"--data={data}\"",
        "\"--data={data}\", \"--stale\"",
    );
    let words = ["run", SCENARIO, "--time", "8s", "--seed", "5"];
    let answer = testimony(folder.path(), &words).exits_with(1);
    assert!(answer.stdout.contains("VIOLATION"), "{}", answer.stdout);
    testimony(
        folder.path(),
        &["check", "runs/latest/counterexample.jsonl"],
    )
    .exits_with(1);
}

#[test]
fn a_server_that_cannot_be_started_is_named() {
    let Some(folder) = example("your-system") else {
        return;
    };
    change(
        folder.path(),
        SCENARIO,
        "\"python3\"",
        "\"./no-such-program\"",
    );
    testimony(folder.path(), &["run", SCENARIO, "--time", "3s"])
        .exits_with(4)
        .complains(&["no-such-program"]);
}

#[test]
fn a_mistake_in_a_scenario_is_shown_with_its_line() {
    let Some(folder) = example("your-system") else {
        return;
    };
    change(folder.path(), SCENARIO, "/kv/{key}", "/kv/{kye}");
    testimony(folder.path(), &["run", SCENARIO])
        .exits_with(2)
        .complains(&["scenario.toml", "line 2", "{kye} means nothing"]);
}

#[test]
fn an_operation_that_is_not_described_is_not_made() {
    let Some(folder) = example("your-system") else {
        return;
    };
    let words = ["run", SCENARIO, "--workload", "append"];
    testimony(folder.path(), &words)
        .exits_with(2)
        .complains(&["makes `contains`", "[system.http.contains]"]);
}
