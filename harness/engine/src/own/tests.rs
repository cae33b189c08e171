//! What a scenario of a system of one's own may say, and how it is refused what it may not.

use std::fmt::Write as _;

use super::*;
use crate::Draft;

/// A scenario that says all there is to say.
const WHOLE: &str = r#"
[system.start]
command = ["./server", "--id={node}", "--listen={ip}:{port}", "--peers={peers}", "{data}"]
env = { PEER = "{peer-port}" }
files = [{ path = "{data}/conf", text = "all = {members}" }]
peer = { each = "{node}@{ip}:{port}", separator = " " }

[system.ready]
path = "/health"

[system.leader]
path = "/status"
role = "/role"
leads = "leader"

[system.http.read]
path = "/kv/{key}"
value = "/value"
ok = 200
absent = { status = 200, at = "/value", missing = true }
elsewhere = 503

[system.http.write]
method = "PUT"
path = "/kv/{key}"
body = '{"value": {value}}'
ok = [200, 204]

[system.http.cas]
method = "POST"
path = "/kv/{key}"
body = '{"old": {old}, "new": {new}}'
actual = "/actual"
ok = { status = 200, at = "/swapped", is = true }
no_match = { status = 200, at = "/swapped", is = false }
failed = 400
"#;

#[test]
fn a_system_is_read_as_it_is_written() {
    let draft = Draft::from_toml(WHOLE).unwrap();
    let again = toml::to_string(&draft).unwrap();
    assert_eq!(Draft::from_toml(&again).unwrap(), draft, "{again}");
}

/// Each is the whole scenario with one thing replaced.
const MISTAKES: [(&str, &str); 17] = [
    ("path = \"/health\"", "pathh = \"/health\""),
    ("[system.http.write]", "[system.http.wriet]"),
    ("--id={node}", "--id={nod}"),
    ("{node}@{ip}", "{name}@{ip}"),
    ("path = \"/kv/{key}\"\nvalue", "path = \"/kv/{kye}\"\nvalue"),
    ("path = \"/kv/{key}\"\nvalue", "path = \"/kv\"\nvalue"),
    ("{\"value\": {value}}", "{\"value\": 1}"),
    (
        "{\"value\": {value}}",
        "{\"value\": {value}, \"was\": {old}}",
    ),
    ("value = \"/value\"", "value = \"value\""),
    ("value = \"/value\"\n", ""),
    ("ok = [200, 204]", "ok = [200, 20]"),
    ("ok = [200, 204]", "ok = 200\nfailed = [200]"),
    ("ok = [200, 204]", "ok = 200\nabsent = 404"),
    (
        "no_match = { status = 200, at = \"/swapped\", is = false }",
        "",
    ),
    ("at = \"/swapped\", is = true", "at = \"/swapped\""),
    ("role = \"/role\"", "role = \"role\""),
    ("method = \"PUT\"", "method = \"put\""),
];

#[test]
fn a_mistake_is_refused_with_its_line() {
    let mut told = String::new();
    for (right, wrong) in MISTAKES {
        assert!(WHOLE.contains(right), "{right}");
        let error = Draft::from_toml(&WHOLE.replacen(right, wrong, 1)).unwrap_err();
        assert!(error.to_string().contains("line "), "{error}");
        // Writing to a string cannot fail.
        let _ = writeln!(told, "{error}");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_mistake_about_a_cluster_that_runs_is_refused_with_its_line() {
    let whole = r#"
[external.nodes]
n1 = "http://127.0.0.1:8001"
n2 = "http://127.0.0.1:8002/"

[external.faults.partition]
inject = "cut {node}"
heal = "join {node}"
verify = "is-cut {url} {host} {port}"
node = "leader"
"#;
    let draft = Draft::from_toml(whole).unwrap();
    let external = draft.external.unwrap();
    let second = &external.nodes[&"n2".into()];
    assert_eq!((second.host(), second.port()), ("127.0.0.1", 8002));
    let mistakes = [
        ("http://127.0.0.1:8001", "https://127.0.0.1:8001"),
        ("http://127.0.0.1:8001", "127.0.0.1:8001"),
        ("http://127.0.0.1:8001", "http://127.0.0.1:80011"),
        ("n1 =", "n3 ="),
        ("cut {node}", "cut {nodes}"),
        ("verify = \"is-cut {url} {host} {port}\"\n", ""),
        ("\"leader\"", "\"leaders\""),
        ("heal =", "healed ="),
    ];
    let mut told = String::new();
    for (right, wrong) in mistakes {
        let error = Draft::from_toml(&whole.replacen(right, wrong, 1)).unwrap_err();
        // Writing to a string cannot fail.
        let _ = writeln!(told, "{error}");
    }
    insta::assert_snapshot!(told);
}

fn meaning(operation: &str, status: u16, body: &str) -> Meaning {
    let api: Api = toml::from_str(operation).unwrap();
    let operation = api.read.or(api.cas).unwrap();
    operation.meaning(&Heard::new(status, body.to_owned()))
}

#[test]
fn what_is_not_listed_is_unknown() {
    let read = "[read]\npath = \"/{key}\"\nvalue = \"body\"\nok = 200\nabsent = 404\nfailed = 400";
    assert_eq!(meaning(read, 200, "7"), Meaning::Ok);
    assert_eq!(meaning(read, 404, ""), Meaning::Absent);
    for status in [100, 201, 204, 302, 401, 500, 503] {
        assert_eq!(meaning(read, status, ""), Meaning::Unknown, "{status}");
    }
}

#[test]
fn a_condition_wins_over_a_bare_status_and_two_that_disagree_say_nothing() {
    let cas = r#"
        [cas]
        path = "/{key}/{old}/{new}"
        ok = 200
        no_match = [{ status = 200, at = "/ok", is = false }, { status = 200, body = "no" }]
        absent = { status = 200, at = "/found", missing = true }
    "#;
    assert_eq!(meaning(cas, 200, r#"{"found": 1}"#), Meaning::Ok);
    let no = r#"{"ok": false, "found": 1}"#;
    assert_eq!(meaning(cas, 200, no), Meaning::NoMatch);
    assert_eq!(meaning(cas, 200, r#"{"found": null}"#), Meaning::Absent);
    assert_eq!(meaning(cas, 200, r#"{"ok": false}"#), Meaning::Unknown);
    // No JSON at all, so that nobody knows what is missing in it.
    assert_eq!(meaning(cas, 200, "no"), Meaning::NoMatch);
}
