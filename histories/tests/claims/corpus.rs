//! The recorded histories that come with this crate. Here they are read; the checker's tests judge
//! them, and the folder is the verdict.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use testimony_history::{Model, Outcome, ReadOptions, read};

/// The files of a folder of the corpus, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name()
        .expect("a file")
        .to_string_lossy()
        .into_owned()
}

#[test]
fn every_history_with_a_verdict_is_read_and_paired() {
    let mut models = std::collections::BTreeSet::new();
    for path in ["linearizable", "illegal"].into_iter().flat_map(files) {
        let bytes = std::fs::read(&path).unwrap();
        let recording = read(&bytes, &ReadOptions::default())
            .unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let model = recording
            .header
            .model
            .unwrap_or_else(|| panic!("{path:?}: no model"));
        assert!(
            name(&path).starts_with(&format!("{model}-")),
            "{path:?} is of {model}"
        );
        let (history, _) = recording
            .history(model)
            .unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let completed = |outcome: &Outcome<_>| matches!(outcome, Outcome::Completed(_));
        assert!(
            history.operations().iter().any(|op| completed(&op.outcome)),
            "{path:?}"
        );
        models.insert((path.parent().map(Path::to_path_buf), model));
    }
    assert_eq!(
        models.len(),
        2 * Model::ALL.len(),
        "each verdict has histories of each model"
    );
}

#[test]
fn every_malformed_history_is_refused_with_its_place() {
    let mut report = String::new();
    for path in files("malformed") {
        let bytes = std::fs::read(&path).unwrap();
        let told = match read(&bytes, &ReadOptions::default()) {
            Err(error) => error.to_string(),
            Ok(recording) => {
                let model = recording.header.model.unwrap_or(Model::Register);
                let error = recording.history(model).expect_err(&name(&path));
                error.to_string()
            }
        };
        writeln!(report, "{}\n    {told}", name(&path)).unwrap();
    }
    insta::assert_snapshot!(report);
}
