//! Histories that others recorded, where the folder with them is at hand.

use std::path::PathBuf;

use testimony_history::{Format, Kind, Model, Outcome, ReadOptions, read};

/// The folder, from the environment or beside the workspace.
fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/histories");
    let folder = std::env::var_os("TESTIMONY_HISTORIES").unwrap_or_else(|| beside.into());
    Some(PathBuf::from(folder)).filter(|folder| folder.join("VERDICTS.tsv").is_file())
}

#[test]
#[expect(clippy::print_stderr, reason = "says that it tested nothing")]
fn recorded_histories_are_read_and_paired() {
    let Some(folder) = folder() else {
        eprintln!("skipped: no folder of recorded histories; set TESTIMONY_HISTORIES");
        return;
    };
    let table = std::fs::read_to_string(folder.join("VERDICTS.tsv")).unwrap();
    let mut files = 0;
    for line in table.lines().skip(1) {
        let [file, model, initial, _verdict] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let recording =
            read(&bytes, &ReadOptions::default()).unwrap_or_else(|error| panic!("{file}: {error}"));
        let model = Model::from_name(model).unwrap();
        let (history, warnings) = recording
            .history(model)
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(warnings, [], "{file}");
        let invocations = recording
            .events
            .iter()
            .filter(|event| event.kind == Kind::Invoke);
        assert_eq!(history.operations().len(), invocations.count(), "{file}");
        assert!(
            history
                .operations()
                .iter()
                .any(|op| matches!(op.outcome, Outcome::Completed(_)))
        );
        assert!(
            recording.header.model.is_none_or(|told| told == model),
            "{file}"
        );
        let told = recording
            .header
            .initial
            .as_ref()
            .map_or("null".to_owned(), |v| v.to_string());
        assert_eq!(told, initial, "{file}");
        let format = Format::detect(&bytes);
        let expected = match file.split('/').next() {
            Some("porcupine-etcd") => Format::PorcupineLog,
            Some("porcupine-kv") => Format::PorcupineKv,
            _ => Format::Edn,
        };
        assert_eq!(format, expected, "{file}");
        files += 1;
    }
    assert!(files > 50, "only {files} files");
}
