//! What went on inside a simulated cluster, in numbered sentences.
//!
//! A run has thousands of turns; told are those that matter to a person who wants to know how it
//! came to what was found: who leads, what is broken and mended, which operations were called and
//! what they were answered, and how many messages were lost meanwhile.

mod cast;
mod cut;

use std::collections::BTreeMap;

use testimony_engine::{Happening, Moment};

use crate::RunReport;
use crate::phrase::{self, Instants};

pub(crate) use cast::Cast;

/// Sentences at most.
const SENTENCES_MAX: usize = 40;
/// Of those that are told where there are more, so many are the first ones.
const FIRST: usize = 10;
/// Links named in a sentence about losses.
const LINKS_MAX: usize = 4;

/// A turn of the story.
struct Turn {
    time: u64,
    weight: Weight,
    text: String,
    /// The process that calls or learns something here.
    calls: Option<String>,
    ends: Option<String>,
}

/// What can be left out, the last first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Needed,
    Campaign,
    Loss,
    Remark,
}

/// The story of a run in numbered sentences, at most forty; none if nobody wrote it down.
/// O(moments).
pub fn sentences(report: &RunReport<'_>) -> Vec<String> {
    let cast = Cast::of(report);
    let turns = shortened(joined(turns(report.story, &cast)));
    let instants = Instants::telling_apart([]);
    let numbered = turns.iter().zip(1..).map(|(turn, number)| {
        let (at, text) = (instants.say(turn.time), phrase::printable(&turn.text));
        format!("{number:>3}. {at} s  {text}")
    });
    numbered.collect()
}

fn turns(moments: &[Moment], cast: &Cast) -> Vec<Turn> {
    let mut turns = Vec::new();
    let mut lost: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for moment in moments {
        if let Happening::Message {
            from,
            to,
            arrived: false,
            ..
        } = &moment.what
            && cast.has(from)
            && cast.has(to)
        {
            *lost.entry((from, to)).or_default() += 1;
        }
        let Some(turn) = turn(moment, cast) else {
            continue;
        };
        let losses = std::mem::take(&mut lost);
        turns.extend(loss(moment.time.0, &losses));
        turns.push(turn);
    }
    turns
}

/// That messages were lost since the turn before.
fn loss(time: u64, lost: &BTreeMap<(&str, &str), u64>) -> Option<Turn> {
    let all: u64 = lost.values().sum();
    if all == 0 {
        return None;
    }
    let mut links: Vec<_> = lost.iter().collect();
    links.sort_by_key(|(link, count)| (std::cmp::Reverse(**count), **link));
    let named = links.iter().take(LINKS_MAX);
    let named: Vec<String> = named
        .map(|((from, to), count)| format!("{from} to {to} ({count})"))
        .collect();
    let more = if links.len() > LINKS_MAX { ", ..." } else { "" };
    let (counted, verb) = (
        phrase::counted(all, "message"),
        if all == 1 { "is" } else { "are" },
    );
    let text = format!(
        "{counted} {verb} lost meanwhile: {}{more}",
        named.join(", ")
    );
    Some(Turn {
        time,
        weight: Weight::Loss,
        text,
        calls: None,
        ends: None,
    })
}

fn turn(moment: &Moment, cast: &Cast) -> Option<Turn> {
    let time = moment.time.0;
    let (mut calls, mut ends, mut weight) = (None, None, Weight::Needed);
    let text = match &moment.what {
        Happening::Message { .. } => return None,
        Happening::Started { .. } if time == 0 => return None,
        Happening::Started { node } => format!("{node} starts again, with what its disk kept"),
        Happening::Crashed { node } => format!("{node} crashes"),
        Happening::Paused { node } => format!("{node} stands still"),
        Happening::Resumed { node } => format!("{node} goes on"),
        Happening::Leads { node, term } => format!("{node} leads, from term {term} on"),
        Happening::StepsDown { node } => format!("{node} leads no more"),
        Happening::Campaigns { node, term } => {
            weight = Weight::Campaign;
            format!("{node} wants to lead, in term {term}")
        }
        Happening::Says { node, says } => {
            weight = Weight::Remark;
            format!("{node} {says}")
        }
        Happening::Injected { injection, action } => {
            format!("injection {injection}: {}", cut::said(action))
        }
        Happening::Healed { injection, action } => {
            format!("injection {injection} is undone: {}", cut::said(action))
        }
        Happening::Called {
            process,
            node,
            call,
        } => {
            calls = cast.calls(process, time).then(|| process.clone());
            calls.as_ref()?;
            format!("{process} calls {call} at {node}")
        }
        Happening::Ended {
            process,
            call,
            ending,
        } => {
            ends = cast.ends(process, time).then(|| process.clone());
            ends.as_ref()?;
            format!("{process} learns of {call}: {ending}")
        }
        Happening::Broken { invariant, seen } => format!("{invariant} does not hold: {seen}"),
    };
    Some(Turn {
        time,
        weight,
        text,
        calls,
        ends,
    })
}

/// A call and its answer are one sentence if nothing was told between them.
fn joined(turns: Vec<Turn>) -> Vec<Turn> {
    let mut joined: Vec<Turn> = Vec::new();
    for turn in turns {
        match joined.last_mut() {
            Some(before) if turn.ends.is_some() && before.calls == turn.ends => {
                let ending = turn.text.split_once(": ").map_or("", |(_, ending)| ending);
                before.text = format!("{}: {ending}", before.text);
                before.calls = None;
            }
            _ => joined.push(turn),
        }
    }
    joined
}

/// As many turns as anybody reads: what weighs little goes first, then the middle.
fn shortened(mut turns: Vec<Turn>) -> Vec<Turn> {
    for least in [Weight::Remark, Weight::Loss, Weight::Campaign] {
        if turns.len() > SENTENCES_MAX {
            turns.retain(|turn| turn.weight != least);
        }
    }
    if turns.len() > SENTENCES_MAX {
        let left_out = turns.len() - (SENTENCES_MAX - 1);
        let text = format!(
            "({} are not told)",
            phrase::counted(left_out as u64, "turn")
        );
        let time = turns[FIRST].time;
        let gap = Turn {
            time,
            weight: Weight::Needed,
            text,
            calls: None,
            ends: None,
        };
        turns.splice(FIRST..FIRST + left_out, [gap]);
    }
    turns
}

#[cfg(test)]
mod tests {
    use testimony_engine::Nanos;

    use super::*;

    fn moment(time: u64, what: Happening) -> Moment {
        let time = Nanos::from_millis(time);
        Moment { time, what }
    }

    fn told(moments: &[Moment]) -> Vec<String> {
        let turns = shortened(joined(turns(moments, &Cast::of_all(moments))));
        turns.into_iter().map(|turn| turn.text).collect()
    }

    fn called(time: u64, process: &str) -> Moment {
        moment(
            time,
            Happening::Called {
                process: process.to_owned(),
                node: "n1".to_owned(),
                call: "write k1 1".to_owned(),
            },
        )
    }

    fn ended(time: u64, process: &str) -> Moment {
        moment(
            time,
            Happening::Ended {
                process: process.to_owned(),
                call: "write k1 1".to_owned(),
                ending: "ok".to_owned(),
            },
        )
    }

    fn lost(time: u64) -> Moment {
        moment(
            time,
            Happening::Message {
                from: "n1".to_owned(),
                to: "n2".to_owned(),
                kind: "append".to_owned(),
                sent: Nanos::from_millis(time),
                arrived: false,
            },
        )
    }

    #[test]
    fn a_call_and_its_answer_are_one_sentence_unless_something_came_between() {
        assert_eq!(
            told(&[called(1, "p0"), ended(2, "p0")]),
            ["p0 calls write k1 1 at n1: ok"]
        );
        let crossed = [
            called(1, "p0"),
            called(2, "p1"),
            ended(3, "p0"),
            ended(4, "p1"),
        ];
        assert_eq!(told(&crossed).len(), 4);
    }

    #[test]
    fn losses_are_counted_before_the_next_turn() {
        let node = "n1".to_owned();
        let story = [
            lost(1),
            lost(2),
            moment(3, Happening::Crashed { node }),
            lost(4),
        ];
        assert_eq!(
            told(&story),
            ["2 messages are lost meanwhile: n1 to n2 (2)", "n1 crashes"]
        );
    }

    #[test]
    fn a_long_story_loses_its_middle_and_says_so() {
        let crash = |time| {
            moment(
                time,
                Happening::Crashed {
                    node: format!("n{time}"),
                },
            )
        };
        let story: Vec<Moment> = (1..=100).map(crash).collect();
        let told = told(&story);
        assert_eq!(told.len(), SENTENCES_MAX);
        assert_eq!(told[FIRST], "(61 turns are not told)");
        assert_eq!(
            (told[9].as_str(), told[39].as_str()),
            ("n10 crashes", "n100 crashes")
        );
    }
}
