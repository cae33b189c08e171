//! A text that is only ever appended to grows: what was seen of it once is the beginning of all
//! that is seen later.

use testimony_history::{Answer, Call, Function, Operation, Outcome, Value};

use super::order::{completed, precedes};
use super::words::Words;
use super::{CycleEdge, Explanation, Why};

/// Explains an illegal history of appends and reads, if two of its operations contradict each
/// other.
pub(super) fn explain(
    operations: &[Operation<Call, Answer>],
    words: &Words<'_>,
) -> Option<Explanation> {
    if operations.iter().any(shrinks) {
        return None;
    }
    let reads: Vec<(usize, String)> = operations.iter().enumerate().filter_map(read).collect();
    shrunk(operations, &reads, words)
        .or_else(|| forgotten(operations, &reads, words))
        .or_else(|| forked(operations, &reads, words))
}

/// Whether an operation can make the text anything but longer.
fn shrinks(operation: &Operation<Call, Answer>) -> bool {
    let updates = matches!(
        operation.input.f,
        Function::Write | Function::Cas | Function::Remove
    );
    updates && operation.outcome != Outcome::Failed
}

/// A completed read of a text, or of nothing, and what it saw.
fn read(numbered: (usize, &Operation<Call, Answer>)) -> Option<(usize, String)> {
    let (number, operation) = numbered;
    let answer = completed(operation).filter(|_| operation.input.f == Function::Read)?;
    match answer.value.as_ref().unwrap_or(&Value::Null) {
        Value::Null => Some((number, String::new())),
        Value::Str(text) => Some((number, text.to_string())),
        _ => None,
    }
}

/// A read saw what an earlier one saw, or more, gone.
fn shrunk(
    operations: &[Operation<Call, Answer>],
    reads: &[(usize, String)],
    words: &Words<'_>,
) -> Option<Explanation> {
    let pairs = reads
        .iter()
        .flat_map(|early| reads.iter().map(move |late| (early, late)));
    let contradicts = |((early, saw), (late, sees)): &(&(usize, String), &(usize, String))| {
        precedes(operations, *early, *late) && !sees.starts_with(saw.as_str())
    };
    let ((early, _), (late, _)) = pairs.into_iter().find(contradicts)?;
    Some(Explanation {
        headline: format!(
            "{} at {}, but {}, which ended at {}, had already seen what does not begin it",
            words.deed(*late),
            words.began(*late),
            words.doing(*early),
            words.ended(*early)
        ),
        ..both(
            operations,
            *early,
            *late,
            words,
            "A text that is only appended to keeps its beginning.",
        )
    })
}

/// A read lacks a text whose append had ended.
fn forgotten(
    operations: &[Operation<Call, Answer>],
    reads: &[(usize, String)],
    words: &Words<'_>,
) -> Option<Explanation> {
    let appended =
        |operation: &Operation<Call, Answer>| match (&operation.input.f, &operation.input.value) {
            (Function::Append, Some(Value::Str(text))) => Some(text.clone()),
            _ => None,
        };
    let appends = operations
        .iter()
        .enumerate()
        .filter_map(|(op, it)| Some((op, appended(it)?)));
    let appends: Vec<(usize, std::sync::Arc<str>)> = appends.collect();
    let pairs = appends
        .iter()
        .flat_map(|append| reads.iter().map(move |read| (append, read)));
    let ((append, _), (read, _)) = pairs.into_iter().find(|((append, text), (read, sees))| {
        precedes(operations, *append, *read) && !sees.contains(text.as_ref())
    })?;
    Some(Explanation {
        headline: format!(
            "{} at {}, but {}, which ended at {}, is not in it",
            words.deed(*read),
            words.began(*read),
            words.doing(*append),
            words.ended(*append)
        ),
        ..both(
            operations,
            *append,
            *read,
            words,
            "Nothing can take from a text that is only appended to.",
        )
    })
}

/// Two reads saw texts of which neither begins the other.
fn forked(
    operations: &[Operation<Call, Answer>],
    reads: &[(usize, String)],
    words: &Words<'_>,
) -> Option<Explanation> {
    let pairs = reads
        .iter()
        .flat_map(|one| reads.iter().map(move |other| (one, other)));
    let ((one, _), (other, _)) = pairs.into_iter().find(|((_, saw), (_, sees))| {
        !saw.starts_with(sees.as_str()) && !sees.starts_with(saw.as_str())
    })?;
    Some(Explanation {
        headline: format!(
            "{} and {}: neither is the beginning of the other",
            words.deed(*one),
            words.deed(*other)
        ),
        cycle: None,
        ..both(
            operations,
            *one,
            *other,
            words,
            "A text that is only appended to keeps its beginning.",
        )
    })
}

fn both(
    operations: &[Operation<Call, Answer>],
    first: usize,
    then: usize,
    words: &Words<'_>,
    law: &str,
) -> Explanation {
    let index = |op: usize| operations[op].call.index;
    Explanation {
        headline: String::new(),
        sentences: vec![
            format!("{}.", words.sentence(first)),
            format!("{}.", words.sentence(then)),
            law.to_owned(),
        ],
        marked: vec![index(first), index(then)],
        cycle: Some(vec![
            CycleEdge {
                from: index(first),
                to: index(then),
                why: Why::RealTime,
            },
            CycleEdge {
                from: index(then),
                to: index(first),
                why: Why::WriteOrder,
            },
        ]),
    }
}
