//! How bad an illegal history is and what still holds, on a terminal.

use testimony_checker::examination::Examination;

use crate::consistency::{Kept, delta, delta_tells_more, not_examined, promises, staleness};
use crate::table;
use crate::text::blocks::Page;

/// Width of what stands beside a word.
const WIDTH: usize = 84;

/// The lines, where there is something to say.
pub(crate) fn consistency(page: &mut Page, examination: Option<Result<&Examination, &str>>) {
    match examination {
        None => {}
        Some(Err(why)) => wrapped(page, "how bad", &not_examined(why)),
        Some(Ok(examination)) => examined(page, examination),
    }
}

fn examined(page: &mut Page, examination: &Examination) {
    let mut sentences = staleness(examination);
    if delta_tells_more(examination) {
        sentences.push(delta(examination));
    }
    wrapped(page, "how bad", &sentences.join(" "));
    let (mut holds, mut unknown) = (Vec::new(), Vec::new());
    for promise in promises(&examination.guarantees) {
        match promise.kept {
            Kept::Holds(_) => holds.push(promise.name),
            Kept::Broken(example) => {
                wrapped(page, "broken", &format!("{}: {example}", promise.name));
            }
            Kept::Unknown(why) => unknown.push((promise.name, why)),
        }
    }
    if !holds.is_empty() {
        wrapped(page, "holds", &holds.join(", "));
    }
    for (why, names) in by_reason(unknown) {
        wrapped(page, "unknown", &format!("{}: {why}", names.join(", ")));
    }
}

/// Promises of which nobody can tell for the same reason share a line.
fn by_reason(unknown: Vec<(&'static str, String)>) -> Vec<(String, Vec<&'static str>)> {
    let mut lines: Vec<(String, Vec<&'static str>)> = Vec::new();
    for (name, why) in unknown {
        match lines.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(name),
            None => lines.push((why, vec![name])),
        }
    }
    lines
}

fn wrapped(page: &mut Page, word: &str, text: &str) {
    for (number, line) in table::wrap(text, WIDTH).iter().enumerate() {
        page.entry(if number == 0 { word } else { "" }, line);
    }
}
