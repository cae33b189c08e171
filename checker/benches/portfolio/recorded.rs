//! Histories recorded by others, which are kept beside the workspace where it has them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use testimony_history::{CompactHistory, Model, ReadOptions, Value, read};

use crate::measured::Item;

/// All histories of one folder.
pub(crate) struct Set {
    pub(crate) name: String,
    pub(crate) items: Vec<Item>,
}

/// The histories by folder, or that there are none.
pub(crate) fn sets() -> Result<Vec<Set>, String> {
    let folder = folder();
    let list = folder.join("VERDICTS.tsv");
    let list = fs::read_to_string(&list)
        .map_err(|error| format!("skipped: ../shared/histories/VERDICTS.tsv: {error}"))?;
    let mut sets: BTreeMap<&str, Vec<Item>> = BTreeMap::new();
    for line in list.lines().skip(1).filter(|line| !line.is_empty()) {
        let set = line.split('/').next().unwrap_or_default();
        sets.entry(set).or_default().push(recorded(&folder, line)?);
    }
    let set = |(name, items): (&str, _)| Set {
        name: format!("recorded/{name}"),
        items,
    };
    Ok(sets.into_iter().map(set).collect())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/histories")
}

/// A line of four columns: `folder/file.log`, `cas-register`, `null`, `illegal`.
fn recorded(folder: &Path, line: &str) -> Result<Item, String> {
    let wrong = || format!("skipped: {line:?} is no line of a list of verdicts");
    let [file, model, initial, verdict] = line.split('\t').collect::<Vec<_>>()[..] else {
        return Err(wrong());
    };
    let model = Model::from_name(model).ok_or_else(wrong)?;
    let initial = match initial {
        "null" => Value::Null,
        "\"\"" => Value::str(""),
        _ => return Err(wrong()),
    };
    let bytes = fs::read(folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
    let recording =
        read(&bytes, &ReadOptions::default()).map_err(|error| format!("{file}: {error}"))?;
    let (history, _) = recording
        .history(model)
        .map_err(|error| format!("{file}: {error}"))?;
    Ok(Item {
        history: CompactHistory::of(model, &history),
        initial: Some(initial),
        legal: verdict == "linearizable",
    })
}
