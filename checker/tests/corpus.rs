//! Recorded histories, whose folder (or list of verdicts) says what they are.

use std::fs;
use std::path::{Path, PathBuf};

use testimony_checker::{Budget, Judgement, Verdict, check_recorded, verify_recorded};
use testimony_history::{Model, ReadOptions, RecordedHistory, Value, read};

/// The most steps that any of these may take: they are decided in a blink.
const STEPS_MOST: u64 = 1_000_000;

struct Judged {
    model: Model,
    initial: Option<Value>,
    history: RecordedHistory,
    judgement: Judgement,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a folder")
        .to_owned()
}

/// Judges a file. Its header or its name says which model, unless the caller does.
fn judge(file: &Path, model: Option<Model>, initial: Option<Value>) -> Judged {
    let bytes = fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let recording =
        read(&bytes, &ReadOptions::default()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let named = |model: &&Model| name.starts_with(&format!("{}-", model.name()));
    let model = model
        .or(recording.header.model)
        .or(Model::ALL.iter().find(named).copied())
        .unwrap_or_else(|| panic!("{}: no model has this name", file.display()));
    let initial = initial.or(recording.header.initial.clone());
    let (history, _) = recording
        .history(model)
        .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let judgement = check_recorded(model, initial.as_ref(), &history, &Budget::for_tests());
    Judged {
        model,
        initial,
        history,
        judgement,
    }
}

/// What the verdict is, after its evidence has been checked once more.
fn word(judged: &Judged, file: &Path) -> &'static str {
    let Judged {
        model,
        initial,
        history,
        judgement,
    } = judged;
    let steps = judgement.steps;
    assert!(steps <= STEPS_MOST, "{}: {steps} steps", file.display());
    match &judgement.verdict {
        Verdict::Linearizable(witness) => {
            let replayed = verify_recorded(*model, initial.as_ref(), history, witness);
            assert_eq!(replayed, Ok(Ok(())), "{}", file.display());
            "linearizable"
        }
        Verdict::Illegal(found) => {
            let budget = Budget::for_tests();
            let again = check_recorded(*model, initial.as_ref(), &found.operations, &budget);
            assert!(
                matches!(again.verdict, Verdict::Illegal(_)),
                "{}",
                file.display()
            );
            assert!(!found.explanation.headline.is_empty(), "{}", file.display());
            "illegal"
        }
        Verdict::Undecided(_) => "undecided",
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry of the folder").path())
        .collect();
    files.sort();
    files
}

#[test]
fn every_history_of_the_corpus_is_judged_as_its_folder_says() {
    let mut judged = 0;
    for folder in files_in(&workspace().join("histories/corpus")) {
        let verdict = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        match &*verdict {
            "linearizable" | "illegal" => {}
            // For readers: nothing in it is a history.
            "malformed" => continue,
            _ => panic!("{} is no verdict", folder.display()),
        }
        for file in files_in(&folder) {
            assert_eq!(
                word(&judge(&file, None, None), &file),
                verdict,
                "{}",
                file.display()
            );
            judged += 1;
        }
    }
    assert!(judged > 0, "the corpus is empty");
}

/// Histories recorded by others are kept beside the workspace, where it has them.
#[test]
fn histories_recorded_by_others_are_judged_as_listed() {
    let folder = workspace().join("../shared/histories");
    let Ok(list) = fs::read_to_string(folder.join("VERDICTS.tsv")) else {
        #[expect(clippy::print_stderr, reason = "a test that did nothing must say so")]
        {
            eprintln!("skipped: there is no {}", folder.display());
        }
        return;
    };
    for line in list.lines().skip(1).filter(|line| !line.is_empty()) {
        let [name, model, initial, verdict] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line:?} has not four columns");
        };
        let model = Model::from_name(model).unwrap_or_else(|| panic!("{model} is no model"));
        let initial = match initial {
            "null" => Value::Null,
            "\"\"" => Value::str(""),
            other => panic!("{other} is an initial value that this test cannot read"),
        };
        let file = folder.join(name);
        let judged = judge(&file, Some(model), Some(initial));
        assert_eq!(word(&judged, &file), verdict, "{name}");
    }
}
