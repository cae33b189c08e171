//! How fast histories are read, as events and into columns: `cargo bench -p testimony-history`.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use testimony_history::{CompactOptions, Format, Model, ReadOptions, read, read_compact, write};

/// A key-value history of so many events: reads, writes and compare-and-sets of ten processes.
fn history(events: u64) -> String {
    let mut text =
        String::from("{\"testimony\":1,\"model\":\"kv\",\"nodes\":[\"n1\",\"n2\",\"n3\"]}\n");
    for index in 0..events {
        let (operation, completes) = (index / 20 * 10 + index % 10, index / 10 % 2 == 1);
        let (process, key) = (operation % 10, operation / 100);
        let (f, argument, answer) = match operation % 4 {
            0 => ("write", format!(",\"value\":{operation}"), String::new()),
            1 => (
                "cas",
                format!(",\"value\":[{},{operation}]", operation / 2),
                ",\"swapped\":true".into(),
            ),
            _ => (
                "read",
                String::new(),
                format!(",\"value\":{}", operation / 2),
            ),
        };
        let (kind, rest) = if completes {
            ("ok", format!("{argument}{answer}"))
        } else {
            (
                "invoke",
                format!("{argument},\"node\":\"n{}\"", operation % 3 + 1),
            )
        };
        let time = 1_000_000 + index * 7_919;
        writeln!(
            text,
            "{{\"index\":{index},\"time\":{time},\"process\":{process},\"type\":\"{kind}\",\
             \"f\":\"{f}\",\"key\":\"k{key}\"{rest}}}"
        )
        .expect("a string takes every text");
    }
    text
}

fn reading(criterion: &mut Criterion) {
    const EVENTS: u64 = 200_000;
    let text = history(EVENTS);
    let options = ReadOptions::default();
    let recording = read(text.as_bytes(), &options).expect("it is well-formed");
    let mut edn = Vec::new();
    write(&recording, Format::Edn, &mut edn).expect("a vector takes every byte");

    let mut group = criterion.benchmark_group("events");
    group
        .throughput(Throughput::Elements(EVENTS))
        .sample_size(20);
    group.bench_function("read json lines", |bencher| {
        bencher.iter(|| read(black_box(text.as_bytes()), &options));
    });
    group.bench_function("read json lines and pair", |bencher| {
        bencher.iter(|| {
            let recording = read(black_box(text.as_bytes()), &options).expect("it is well-formed");
            recording.history(Model::Kv).expect("it is a history")
        });
    });
    for threads in [1, 2] {
        let options = CompactOptions {
            threads,
            ..CompactOptions::default()
        };
        group.bench_function(
            format!("read json lines into columns, {threads} threads"),
            |bencher| {
                bencher.iter(|| read_compact(|| Ok(black_box(text.as_bytes())), &options));
            },
        );
    }
    group.bench_function("read edn", |bencher| {
        bencher.iter(|| read(black_box(&edn), &options));
    });
    group.bench_function("pair", |bencher| {
        bencher.iter(|| black_box(&recording).history(Model::Kv));
    });
    group.bench_function("write json lines", |bencher| {
        bencher.iter(|| {
            write(
                black_box(&recording),
                Format::JsonLines,
                &mut std::io::sink(),
            )
        });
    });
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
