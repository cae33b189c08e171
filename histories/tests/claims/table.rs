//! Histories as tables.

use testimony_history::write_csv;

use crate::{jsonl, reads};

fn table(events: &[&str]) -> String {
    let mut bytes = Vec::new();
    write_csv(&reads(&jsonl(events)), &mut bytes).expect("a vector takes every byte");
    String::from_utf8(bytes).expect("a table is text")
}

#[test]
fn a_row_is_an_operation_with_its_answer_and_both_times() {
    let table = table(&[
        r#"{"index":3,"time":5,"process":0,"type":"invoke","f":"write","key":"x","value":1,"node":"n2"}"#,
        r#"{"index":4,"time":6,"process":1,"type":"invoke","f":"read","key":"x","value":null}"#,
        r#"{"index":5,"time":6,"process":"nemesis","type":"info","f":"kill"}"#,
        r#"{"index":6,"time":7,"process":0,"type":"ok","f":"write","key":"x","value":1}"#,
        r#"{"index":7,"time":8,"process":1,"type":"ok","f":"read","key":"x","value":[1,"a\"b"]}"#,
        r#"{"index":8,"process":0,"type":"invoke","f":"cas","value":[null,2]}"#,
        r#"{"index":9,"process":1,"type":"invoke","f":"acquire"}"#,
        r#"{"index":10,"process":0,"type":"ok","f":"cas","value":[null,2],"swapped":false,"actual":7}"#,
        r#"{"index":11,"process":1,"type":"ok","f":"acquire","result":12}"#,
        r#"{"index":12,"process":0,"type":"invoke","f":"dequeue"}"#,
        r#"{"index":13,"process":0,"type":"ok","f":"dequeue","value":""}"#,
    ]);
    let rows: Vec<&str> = table.split_terminator("\r\n").collect();
    assert_eq!(
        rows,
        [
            "index,process,f,key,value,old,new,answer,actual,outcome,call_time_ns,return_time_ns,\
             node,error",
            "3,0,write,x,1,,,,,completed,5,7,n2,",
            "4,1,read,x,,,,\"[1,\"\"a\\\"\"b\"\"]\",,completed,6,8,,",
            "8,0,cas,,,,2,false,7,completed,,,,",
            "9,1,acquire,,,,,12,,completed,,,,",
            "12,0,dequeue,,,,,\"\",,completed,,,,",
        ]
    );
}

#[test]
fn what_does_not_fit_is_shown_as_it_stands() {
    let table = table(&[
        r#"{"process":0,"type":"ok","f":"read","value":"a, b"}"#,
        r#"{"process":1,"type":"invoke","f":"write","value":"line\nbreak"}"#,
        r#"{"process":1,"type":"info","f":"write","error":"said \"no\""}"#,
        r#"{"process":1,"type":"invoke","f":"write","value":" x"}"#,
        r#"{"process":1,"type":"invoke","f":"write","value":3}"#,
        r#"{"process":1,"type":"fail","f":"write","value":9}"#,
    ]);
    let (_, rows) = table.split_once("\r\n").unwrap();
    assert_eq!(
        rows,
        "0,0,read,,,,,\"a, b\",,completed,,,,\r\n\
         1,1,write,,\"line\nbreak\",,,,,unknown,,,,\"said \"\"no\"\"\"\r\n\
         3,1,write,,\" x\",,,,,unknown,,,,\r\n\
         4,1,write,,3,,,,,failed,,,,\r\n"
    );
}
