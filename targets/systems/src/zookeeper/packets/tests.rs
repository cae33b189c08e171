//! Requests and answers, as they were seen on a wire.

use super::*;

/// Statistics of a node with that version.
fn statistics(version: i32) -> Vec<u8> {
    let record = Writer::new().long(1).long(2).long(3).long(4).int(version);
    let record = record.int(0).int(0).long(0).int(1).int(0).long(1);
    record.framed()[4..].to_vec()
}

fn answer(code: i32, body: &[u8]) -> Vec<u8> {
    let head = Writer::new().int(7).long(0x2_0000_000a).int(code).framed();
    [&head[4..], body].concat()
}

fn get() -> Request {
    Request::Get("/testimony/x".to_owned())
}

#[test]
fn a_read_is_what_a_server_takes() {
    let expected = [
        &[0, 0, 0, 25][..],
        &[0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0, 12],
        b"/testimony/x",
        &[0],
    ];
    assert_eq!(get().framed(7), expected.concat());
}

#[test]
fn what_was_read_has_a_version() {
    let body = [&[0, 0, 0, 2][..], b"41", &statistics(3)].concat();
    let response = get().response(&answer(0, &body)).unwrap();
    assert_eq!((response.xid, response.zxid), (7, 0x2_0000_000a));
    let (text, version) = ("41".to_owned(), 3);
    assert_eq!(response.result, Ok(Found { text, version }));
}

#[test]
fn a_refusal_has_a_code_and_no_body() {
    let response = get().response(&answer(-101, &[])).unwrap();
    assert_eq!(response.result, Err(Code::NO_NODE));
}

#[test]
fn of_many_requests_the_first_refusal_is_told() {
    let multi = Request::Multi(vec![
        Request::Check("/a".to_owned(), 1),
        Request::Set("/b".to_owned(), String::new(), 2),
    ]);
    let refused = |writer: Writer, code| writer.int(-1).truth(false).int(code).int(code);
    let end = |writer: Writer| writer.int(-1).truth(true).int(-1).framed()[4..].to_vec();
    let all = [0, -103, -2].into_iter().fold(Writer::new(), refused);
    let response = multi.response(&answer(0, &end(all))).unwrap();
    assert_eq!(response.result, Err(Code::BAD_VERSION));

    let checked = Writer::new().int(13).truth(false).int(0);
    let set = Writer::new().int(5).truth(false).int(0).framed();
    let body = [
        &checked.framed()[4..],
        &set[4..],
        &statistics(3),
        &end(Writer::new()),
    ];
    let response = multi.response(&answer(0, &body.concat())).unwrap();
    assert_eq!(response.result, Ok(Found::default()));
}

#[test]
fn a_session_is_given_or_has_expired() {
    let answer = |timeout, session| {
        let record = Writer::new().int(0).int(timeout).long(session);
        record.bytes(&[9; 16]).truth(false).framed()[4..].to_vec()
    };
    let identity = connected(&answer(10_000, 5)).unwrap().unwrap();
    assert_eq!((identity.session, identity.password.len()), (5, 16));
    assert_eq!(connected(&answer(0, 0)), Ok(None));
}

#[test]
fn nonsense_is_refused_and_never_panics() {
    let body = [&[0, 0, 0, 2][..], b"41", &statistics(3)].concat();
    let whole = answer(0, &body);
    for length in 0..whole.len() {
        assert!(get().response(&whole[..length]).is_err(), "{length} bytes");
    }
    let multi = Request::Multi(Vec::new());
    let odd = Writer::new().int(99).truth(false).int(0).framed();
    assert!(multi.response(&answer(0, &odd[4..])).is_err());
    assert!(connected(&[1, 2, 3]).is_err());
}
