//! Nothing that a file can hold makes a reader panic.

use proptest::collection::vec;
use proptest::prelude::*;
use testimony_history::{FailedCas, Format, Keyed, Model, ReadOptions, read, write};

/// Reads bytes in every way, and does with the result whatever can be done.
fn survives(bytes: &[u8]) {
    let formats = Format::ALL.into_iter().map(Some).chain([None]);
    for format in formats {
        for (keyed, failed_cas, sort_by_time) in [
            (Keyed::Detect, FailedCas::Silent, false),
            (Keyed::Yes, FailedCas::Mismatch, true),
        ] {
            let options = ReadOptions {
                format,
                keyed,
                failed_cas,
                sort_by_time,
            };
            match read(bytes, &options) {
                Err(error) => assert!(error.place.line > 0 && error.place.column > 0, "{error}"),
                Ok(recording) => {
                    for model in Model::ALL {
                        if let Err(error) = recording.history(model) {
                            assert!(error.place.line > 0 && error.place.column > 0, "{error}");
                        }
                    }
                    for format in [Format::JsonLines, Format::Edn] {
                        write(&recording, format, &mut Vec::new()).expect("a vector takes it");
                    }
                }
            }
        }
    }
}

/// Pieces of which files are made.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{\"testimony\":1}\n",
        "{\"index\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n",
        "{\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"value\":",
        "{:process 0, :type :invoke, :f :cas, :value [1 2]}\n",
        "{:process 0, :type :fail, :f :cas, :value #jepsen/tuple [1 [1 2]], :error [:no-match",
        "INFO  jepsen.util - 0 :invoke :read nil\n",
        "INFO  jepsen.util - 0 :ok :read",
        "\"time\":18446744073709551615,",
        ":time 18446744073709551615",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "#",
        "#_",
        "#{",
        "#:a{",
        "##",
        "\\",
        "\"",
        "\\u",
        "\\ud83d",
        "^",
        "\\ude00",
        ":",
        ",",
        " ",
        "\n",
        "\r\n",
        ";",
        "-",
        "+",
        "1",
        "0",
        ".",
        "e",
        "1/2",
        "N",
        "M",
        "0x",
        "null",
        "nil",
        "tru",
        "é",
        "\u{feff}",
        "\u{0}",
        "\"a\":1",
        ":a 1",
        "\u{a0}",
        "\\newline",
    ]);
    let bytes = prop_oneof![
        20 => pieces.prop_map(|piece| piece.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    vec(bytes, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }

    #[test]
    fn any_pieces_are_survived(bytes in soup()) {
        survives(&bytes);
    }

    #[test]
    fn any_pieces_after_a_header_are_survived(bytes in soup()) {
        survives(&[b"{\"testimony\":1}\n", &bytes[..]].concat());
    }
}
