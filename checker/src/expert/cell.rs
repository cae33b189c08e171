//! What is known of cells: who can have written what was seen, and which values nobody tells apart.
//!
//! Three simplifications, each with its proof beside it; all hold for whatever mix of operations a
//! partition has. Values that many operations write are left to the search.

mod blocks;
mod clusters;
mod gaps;
mod states;
mod unnoticed;
mod writers;
mod zones;

use rustc_hash::FxHashSet;
use testimony_history::Value;

use super::timeline::{Timeline, positions_suffice};
use super::{Decided, Expert, Simplified, Stretch};
use crate::budget::Budget;
use crate::models::cell::{Abstraction, Cell, CellInput, CellOutput};
use crate::partition::Op;
use crate::verdict::Algorithm;
use unnoticed::without_unnoticed;
use writers::{Nobody, close_writers};

type CellOp = Op<CellInput, CellOutput>;

/// Knows cells.
pub(crate) struct CellExpert;

/// The most rounds of simplification; one makes room for the next, and stopping early is sound.
const ROUNDS: usize = 20;

impl Expert<Cell> for CellExpert {
    fn decide(&self, model: &Cell, ops: &[CellOp]) -> Option<Decided> {
        clusters::decide(model.initial(), ops).or_else(|| {
            let covered = positions_suffice(ops);
            let judged = covered.then(|| gaps::judge(model.initial(), ops, &Timeline::of(ops)))?;
            judged.decided(Algorithm::CellGreedy, ops)
        })
    }

    fn simplify(&self, model: &Cell, ops: &[CellOp], budget: &Budget) -> Simplified<Cell> {
        let mut ops = ops.to_vec();
        for _ in 0..ROUNDS {
            let impossible = match close_writers(model.initial(), &mut ops) {
                Ok(sights) => zones::conflict(&ops, &sights),
                Err(Nobody { reader }) => Some(reader),
            };
            if impossible.is_some() {
                return Simplified {
                    impossible,
                    ..Simplified::to(ops)
                };
            }
            let before = ops.len();
            ops = without_unnoticed(model.initial(), ops);
            if ops.len() == before || budget.stopped() {
                break;
            }
        }
        let abstraction = abstraction(&ops);
        for op in &mut ops {
            blur(op, &abstraction);
        }
        Simplified {
            model: Some(model.with_abstraction(abstraction)),
            ops,
            impossible: None,
        }
    }

    fn possible_states(
        &self,
        model: &Cell,
        stretch: &Stretch<'_, CellInput, CellOutput>,
    ) -> Option<Vec<Value>> {
        states::possible(model, &stretch.ops)
    }
}

/// The values that some operation mentions: was answered, or compares with. All others behave
/// alike, but for texts where texts are appended to: every operation is legal in one exactly if it
/// is in the other, and leads to states that are alike again. A text that begins no mentioned one
/// grows into none that is mentioned, or begins one. So one stands for all (a strong bisimulation).
fn mentioned(ops: &[CellOp]) -> FxHashSet<Value> {
    let mut mentioned = FxHashSet::default();
    for op in ops {
        if let CellInput::Cas(old, _) = &op.input {
            mentioned.insert(old.clone());
        }
        if let Some(CellOutput::Value(value) | CellOutput::NotSwapped(Some(value))) = &op.seen {
            mentioned.insert(value.clone());
        }
    }
    mentioned
}

fn appends(ops: &[CellOp]) -> bool {
    ops.iter()
        .any(|op| matches!(op.input, CellInput::Append(_)))
}

fn abstraction(ops: &[CellOp]) -> Abstraction {
    let mentioned = mentioned(ops);
    let texts_matter = appends(ops);
    let mut texts: Vec<_> = mentioned
        .iter()
        .filter_map(|value| {
            if let Value::Str(text) = value {
                Some(text.clone())
            } else {
                None
            }
        })
        .filter(|_| texts_matter)
        .collect();
    texts.sort();
    let something = (i64::MIN..)
        .map(Value::Int)
        .find(|value| !mentioned.contains(value));
    let something = something.expect("a partition mentions fewer values than there are numbers");
    let mut abstraction = Abstraction {
        mentioned,
        texts,
        some_text: something.clone(),
        something,
    };
    if texts_matter {
        let mut fresh = '\u{e000}'..=char::MAX;
        let used = |letter: &char| abstraction.texts.iter().any(|text| text.contains(*letter));
        let fresh = fresh
            .find(|letter| !used(letter))
            .expect("few letters are used");
        abstraction.some_text = Value::str(&fresh.to_string());
    }
    abstraction
}

/// Writes what stands for a value in its place, so that operations that behave alike look alike.
fn blur(op: &mut CellOp, abstraction: &Abstraction) {
    match &mut op.input {
        CellInput::Write(value) => {
            *value = abstraction.blur(value.clone());
            // A write is legal everywhere, whether or not its answer was seen.
            op.seen = None;
        }
        CellInput::Cas(_, new) => *new = abstraction.blur(new.clone()),
        CellInput::Append(text) if abstraction.spoils(text) => {
            // What it makes is some text, whatever it is.
            if let Value::Str(some_text) = &abstraction.some_text {
                *text = some_text.clone();
            }
        }
        CellInput::Read | CellInput::Contains | CellInput::Remove | CellInput::Append(_) => {}
    }
}
