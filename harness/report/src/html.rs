//! The report as one self-contained HTML file: no network, no fonts, no scripts.

mod check;
mod contradiction;
mod page;

pub use check::check;

#[cfg(test)]
mod preview {
    use super::*;
    use crate::plot::frame::Band;
    use crate::scene::*;
    use testimony_history::*;
    fn shown(
        n: usize,
        p: u64,
        f: Function,
        v: Option<Value>,
        o: Outcome<Answer>,
        c: u32,
        r: Option<u32>,
        from: u64,
        to: u64,
        marked: bool,
    ) -> Shown {
        Shown {
            number: n,
            process: p,
            call: Call {
                f,
                key: Some("k17".into()),
                value: v,
            },
            outcome: o,
            called: c,
            returned: r,
            from: Some(from * 1000),
            to: Some(to * 1000),
            node: Some("n3".into()),
            marked,
            note: None,
            index: n as u64 * 7,
        }
    }
    #[test]
    fn look() {
        let done = || Outcome::Completed(Answer::default());
        let got = |v: Value| {
            Outcome::Completed(Answer {
                value: Some(v),
                ..Answer::default()
            })
        };
        let mut ops = vec![
            shown(
                1,
                2,
                Function::Write,
                Some(1.into()),
                done(),
                0,
                Some(1),
                2_104_100,
                2_109_400,
                false,
            ),
            shown(
                2,
                4,
                Function::Write,
                Some(2.into()),
                done(),
                2,
                Some(5),
                19_104_100,
                19_129_400,
                true,
            ),
            shown(
                3,
                7,
                Function::Cas,
                Some(Value::list([
                    1.into(),
                    Value::str("a very long value that goes on and on <script>"),
                ])),
                Outcome::Unknown,
                3,
                None,
                19_105_100,
                20_129_400,
                false,
            ),
            shown(
                4,
                1,
                Function::Read,
                None,
                got(2.into()),
                4,
                Some(6),
                19_109_400,
                19_130_000,
                true,
            ),
            shown(
                5,
                3,
                Function::Read,
                None,
                got(1.into()),
                7,
                Some(8),
                19_131_400,
                19_133_000,
                true,
            ),
        ];
        let mut small = Scene {
            key: Some("k17".into()),
            headline: "".into(),
            sentences: vec![
                "p3 read x=1 at 1.90 s, but x=2 was already read by p1, which ended at 1.72 s."
                    .into(),
            ],
            operations: ops.clone(),
            hidden: 0,
            cycle: vec![
                Because {
                    from: 4,
                    to: 5,
                    why: "p1's read ended at 19.130 s, before p3's read began at 19.131 s".into(),
                },
                Because {
                    from: 5,
                    to: 2,
                    why: "it read 1, which write 2 replaced".into(),
                },
            ],
            faults: vec![
                Band {
                    from: 18_500_000_000,
                    to: 19_120_000_000,
                    label: "isolate-leader".into(),
                    verified: true,
                    title: "x".into(),
                },
                Band {
                    from: 19_110_000_000,
                    to: 25_120_000_000,
                    label: "pause-one".into(),
                    verified: true,
                    title: "x".into(),
                },
            ],
        };
        let render = |s: &Scene, name: &str| {
            let b = page::Banner {
                outcome: crate::RunOutcome::Violation,
                what: "raft · 5 nodes · seed 42".into(),
                title: "Violation: the history is not linearizable".into(),
                meaning: vec!["Key k17: p3 read 1 although 2 was already read.".into()],
            };
            std::fs::write(
                format!("/tmp/tst/report-{name}.html"),
                page::page(
                    &b,
                    &page::section(
                        "The contradiction",
                        &contradiction::contradiction(s, "{}\n{}\n"),
                    ),
                ),
            )
            .unwrap();
        };
        render(&small, "small");
        let mut t = 20_000_000;
        let mut pos = 10;
        for i in 0..22u64 {
            t += 300 + (i * 7919) % 5000;
            let p = i % 12;
            let last = ops.iter().filter(|s| s.process == p + 20).count() as u64;
            ops.push(shown(
                6 + i as usize,
                p + 20,
                if i % 3 == 0 {
                    Function::Write
                } else {
                    Function::Read
                },
                if i % 3 == 0 {
                    Some((i as i64).into())
                } else {
                    None
                },
                if i % 3 == 0 {
                    done()
                } else {
                    got(((i as i64) / 3 * 3).into())
                },
                pos + (i as u32) * 2,
                Some(pos + (i as u32) * 2 + 1),
                t,
                t + 200 + last,
                i == 20,
            ));
        }
        small.operations = ops;
        render(&small, "large");
    }
}
