//! Claims about requests, answers and clients of a system of the user's own.

use serde_json::json;
use testimony_engine::own::{Api, Heard, Meaning};
use testimony_history::{Answer, Call, Ending, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use request::request;

fn api() -> Api {
    let text = r#"
        [read]
        path = "/kv/{key}"
        value = "/value"
        ok = 200
        absent = 404
        elsewhere = 503
        [write]
        method = "PUT"
        path = "/kv/{key}"
        body = '{"value": {value}, "text": "{value}"}'
        ok = 200
        redirect = 307
        failed = 400
        [cas]
        method = "POST"
        path = "/kv/{key}?old={old}"
        body = "{new}"
        actual = "/actual"
        ok = 200
        no_match = 409
        absent = 404
        [remove]
        method = "DELETE"
        path = "/kv/{key}"
        ok = 200
        absent = 404
    "#;
    toml_of(text)
}

fn toml_of(text: &str) -> Api {
    let scenario = format!(
        "[system.http]\n{}",
        text.replace("        [", "[system.http.")
    );
    let draft = testimony_engine::Draft::from_toml(&scenario).unwrap();
    draft.system.unwrap().http
}

fn call(f: &str, value: Option<Value>) -> Call {
    Call {
        f: Function::from_name(f),
        key: Some("k 1".into()),
        value,
    }
}

#[test]
fn a_value_is_written_as_the_place_wants_it() {
    let api = api();
    let write = call("write", Some("a\"b,".into()));
    let asked = request(&api, "r7-", &write).unwrap();
    assert_eq!(asked.path, "/kv/r7-k%201");
    assert_eq!(
        asked.body.unwrap(),
        r#"{"value": "a\"b,", "text": "a\"b,"}"#
    );
    let cas = call("cas", Some(Value::list([Value::Int(1), Value::Int(2)])));
    let asked = request(&api, "", &cas).unwrap();
    assert_eq!(
        (asked.path.as_str(), asked.body.as_deref()),
        ("/kv/k%201?old=1", Some("2"))
    );
    assert_eq!(asked.content_type, "text/plain");
}

#[test]
fn a_cas_that_expects_nothing_is_not_sent_as_one_that_expects_null() {
    let cas = call("cas", Some(Value::list([Value::Null, Value::Int(2)])));
    let error = request(&api(), "", &cas).unwrap_err();
    assert!(error.contains("`create`"), "{error}");
}

fn answered(f: &str, meaning: Meaning, body: &str) -> Result<Answer, String> {
    let (api, call) = (api(), call(f, None));
    let operation = api.operation(&call.f).unwrap();
    answer::answer(
        &call,
        Model::Kv,
        operation,
        meaning,
        &Heard::new(200, body.to_owned()),
    )
}

#[test]
fn an_answer_is_understood_or_it_is_unknown() {
    let value =
        |body: &str| answered("read", Meaning::Ok, body).map(|answer| answer.value.unwrap());
    assert_eq!(value(r#"{"value": 7}"#), Ok(Value::Int(7)));
    assert_eq!(value(r#"{"value": "7"}"#), Ok(Value::Int(7)));
    assert_eq!(value(r#"{"value": "7,8,"}"#), Ok("7,8,".into()));
    assert_eq!(value(r#"{"value": null}"#), Ok(Value::Null));
    assert!(value("{}").is_err() && value("an error page").is_err());
    let absent = answered("read", Meaning::Absent, "").unwrap();
    assert_eq!(absent.value, Some(Value::Null));
    let cas = answered("cas", Meaning::NoMatch, r#"{"actual": 3}"#).unwrap();
    assert_eq!(
        (cas.swapped, cas.actual),
        (Some(false), Some(Value::Int(3)))
    );
    let cas = answered("cas", Meaning::Absent, "").unwrap();
    assert_eq!((cas.swapped, cas.actual), (Some(false), Some(Value::Null)));
    let gone = answered("remove", Meaning::Ok, "").unwrap();
    assert_eq!(gone.result, Some(true.into()));
}

/// A node that answers every request with these answers, one after the other.
async fn node(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

fn http(status: u16, header: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n{header}\r\n{body}"
    )
}

async fn ending(urls: &[&str], call: &Call) -> (Ending, u32) {
    let system = serde_json::from_value(json!({ "http": {} })).unwrap();
    let mut system: OwnSystem = system;
    system.http = api();
    let names = (1..).map(NodeName::numbered);
    let mut client = OwnClient {
        system: Arc::new(system),
        http: http::client(CONNECT_TIMEOUT),
        nodes: names
            .zip(urls.iter().map(|url| (*url).to_owned()))
            .collect(),
        prefix: "".into(),
        options: ClientOptions {
            timeout: Duration::from_secs(20),
            model: Model::Kv,
            apart: false,
        },
    };
    let reply = client.invoke(&"n1".into(), call).await;
    (reply.ending, reply.attempts)
}

/// A place where nobody listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn what_was_certainly_not_applied_is_asked_of_another_node() {
    let second = node(vec![http(200, "", "")]).await;
    let write = call("write", Some(1.into()));
    let first = node(vec![http(307, &format!("location: {second}/kv/k\r\n"), "")]).await;
    let (redirected, attempts) = ending(&[&first, &second], &write).await;
    assert!(matches!(redirected, Ending::Ok(_)), "{redirected:?}");
    assert_eq!(attempts, 2);
    let second = node(vec![http(200, "", "")]).await;
    let (moved_on, _) = ending(&[&nowhere().await, &second], &write).await;
    assert!(matches!(moved_on, Ending::Ok(_)), "{moved_on:?}");
}

#[tokio::test]
async fn what_may_have_been_applied_is_asked_only_once() {
    let write = call("write", Some(1.into()));
    for answer in [
        http(500, "", ""),
        http(404, "", ""),
        "HTTP/1.1 ".to_owned(),
        String::new(),
    ] {
        let first = node(vec![answer.clone(), http(200, "", "")]).await;
        let second = node(vec![http(200, "", "")]).await;
        let (unknown, attempts) = ending(&[&first, &second], &write).await;
        assert!(matches!(unknown, Ending::Info(_)), "{answer}: {unknown:?}");
        assert_eq!(attempts, 1);
    }
}

#[tokio::test]
async fn an_update_that_is_listed_as_failed_has_failed_and_a_silent_read_too() {
    let first = node(vec![http(400, "", ""), http(500, "", "")]).await;
    let (failed, _) = ending(&[&first], &call("write", Some(1.into()))).await;
    assert!(matches!(failed, Ending::Fail(_)), "{failed:?}");
    let (silent, _) = ending(&[&first], &call("read", None)).await;
    assert!(matches!(silent, Ending::Fail(_)), "{silent:?}");
}

#[test]
fn a_node_is_started_with_its_addresses_and_the_labs_way_to_the_others() {
    let start = r#"
        [system.start]
        command = ["{data}/run", "{node}", "{ip}:{port}", "{peer-port}", "{peers}", "{members}"]
        [system.http]
    "#;
    let draft = testimony_engine::Draft::from_toml(start).unwrap();
    let system = draft.system.unwrap();
    assert!(system.is_connected());
    let node = |number: u16, other: &str| ClusterNode {
        name: NodeName::numbered(u32::from(number)),
        ip: [127, 0, 0, 1].into(),
        peer_listen: ([127, 0, 0, 1], 7000 + number).into(),
        client_listen: ([127, 0, 0, 1], 8000 + number).into(),
        data: format!("/data/n{number}").into(),
        routes: [(other.into(), ([127, 0, 0, 1], 9000 + number).into())].into(),
    };
    let cluster = Cluster {
        nodes: vec![node(1, "n2"), node(2, "n1")],
    };
    let target = OwnTarget::new(system, None, "");
    let program = &target.node(&cluster, &"n1".into()).programs[0];
    assert_eq!(program.program.to_str(), Some("/data/n1/run"));
    let expected = [
        "n1",
        "127.0.0.1:8001",
        "7001",
        "n2=127.0.0.1:9001",
        "n1=127.0.0.1:7001,n2=127.0.0.1:9001",
    ];
    assert_eq!(program.args, expected);
}
