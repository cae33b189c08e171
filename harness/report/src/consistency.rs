//! How bad an illegal history is and what it still keeps, as people and programs read it.

use serde::Serialize;
use serde_json::value::Value as Json;
use testimony_checker::examination::{
    Answer, Bucket, Counted, Delta, Doubt, Examination, Example, Guarantees, StaleRead, Unit,
};
use testimony_history::{Answer as Told, Call, Function, Operation};

use crate::json::json;
use crate::phrase;

/// Stale answers listed at most, the worst of them.
const READS_MAX: usize = 1_000;
/// Characters of a value in a sentence.
const VALUE_MAX: usize = 32;
/// Operations of an example that are told.
const EXAMPLE_MAX: usize = 4;

/// A promise and what became of it.
pub(crate) struct Promise {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Whether it was kept.
    pub(crate) kept: Kept,
}

/// Whether a promise was kept, with a few words.
pub(crate) enum Kept {
    /// How often it was tested.
    Holds(String),
    /// An example.
    Broken(String),
    /// Why nobody can tell.
    Unknown(String),
}

/// All promises, the strongest first.
pub(crate) fn promises(guarantees: &Guarantees) -> [Promise; 5] {
    named(guarantees).map(|(_, name, answer)| Promise {
        name,
        kept: kept(answer),
    })
}

/// The names for programs and for people.
fn named(guarantees: &Guarantees) -> [(&'static str, &'static str, &Answer); 5] {
    [
        (
            "sequential_consistency",
            "sequential consistency per key (real time left aside)",
            &guarantees.sequential_consistency,
        ),
        (
            "read_your_writes",
            "read your writes",
            &guarantees.read_your_writes,
        ),
        (
            "monotonic_reads",
            "monotonic reads",
            &guarantees.monotonic_reads,
        ),
        (
            "monotonic_writes",
            "monotonic writes",
            &guarantees.monotonic_writes,
        ),
        (
            "writes_follow_reads",
            "writes follow reads",
            &guarantees.writes_follow_reads,
        ),
    ]
}

fn kept(answer: &Answer) -> Kept {
    match answer {
        Answer::Holds { tested } => {
            Kept::Holds(format!("tested by {}", phrase::counted(*tested, "step")))
        }
        Answer::Broken { keys, example } => {
            let on = if *keys > 1 {
                format!(" (and on {})", phrase::counted(keys - 1, "more key"))
            } else {
                String::new()
            };
            Kept::Broken(format!("{}{on}", example_in_words(example)))
        }
        Answer::Unknown { why, .. } => Kept::Unknown(doubt(*why)),
    }
}

fn doubt(why: Doubt) -> String {
    match why {
        Doubt::NothingToTest => "no process did what it takes to test it".to_owned(),
        Doubt::AnswersNotAsked(answers) => format!(
            "not seen broken, but {} could not be checked",
            phrase::counted(answers, "answer")
        ),
        Doubt::ReadsContradict => {
            "reads went back, so nobody can tell from outside whether writes did".to_owned()
        }
        Doubt::SumsOnly => "a sum does not say which adds are in it".to_owned(),
        Doubt::TooLong => "to find out takes too long".to_owned(),
    }
}

/// An operation as one would say it.
fn deed(operation: &Operation<Call, Told>) -> String {
    phrase::operation(&operation.input, &operation.outcome, VALUE_MAX)
}

/// The same, with who called it.
fn said(operation: &Operation<Call, Told>) -> String {
    format!("{} by p{}", deed(operation), operation.process)
}

fn example_in_words(example: &Example) -> String {
    if let ([first, then], true) = (&example.operations[..], example.direct) {
        let older = if then.input.f == Function::Cas {
            "what it found is older"
        } else {
            "which is older"
        };
        let (process, first, then) = (first.process, deed(first), deed(then));
        return format!("p{process}: {first}, then {then}, {older}");
    }
    let operations = example.operations.iter();
    let mut words: Vec<String> = operations.take(EXAMPLE_MAX).map(said).collect();
    let more = example.operations.len().saturating_sub(EXAMPLE_MAX) as u64;
    if more > 0 {
        words.push(format!("{} more", phrase::count(more)));
    }
    let fit = if example.operations.len() == 1 {
        "nothing explains this"
    } else {
        "no order explains these"
    };
    format!("{}: {fit}", words.join("; "))
}

/// That nobody looked, and why.
pub(crate) fn not_examined(why: &str) -> String {
    format!("Not examined: {}.", phrase::printable(why))
}

/// How many answers were stale and how far behind, in a few sentences.
pub(crate) fn staleness(examination: &Examination) -> Vec<String> {
    let (answers, staleness) = (&examination.answers, &examination.staleness);
    let asked = phrase::counted(answers.asked, "answer");
    let wrong = unexplained(answers.unexplained);
    let (Some(worst), [replacer, reader]) = (staleness.reads.first(), &staleness.worst[..]) else {
        return vec![format!(
            "None of the {asked} that could be checked was surely stale{wrong}."
        )];
    };
    let number = staleness.reads.len() as u64;
    let verb = if number == 1 { "was" } else { "were" };
    let unit = examination.unit;
    let mut sentences = vec![
        format!(
            "{} of the {asked} that could be checked {verb} stale{wrong}.",
            phrase::count(number)
        ),
        format!(
            "The worst: {}, called {} after {} had ended, {}.",
            said(reader),
            lag(worst.lag, unit),
            said(replacer),
            lacking(worst.versions, examination.counted),
        ),
    ];
    if number > 2 {
        let median = staleness.reads[staleness.reads.len() / 2].lag;
        sentences.push(format!(
            "Half of them were {} behind or less.",
            lag(median, unit)
        ));
    }
    sentences
}

/// How much a stale answer lacks.
fn lacking(number: u64, counted: Counted) -> String {
    let noun = match counted {
        Counted::Versions => return format!("{} behind", phrase::counted(number, "version")),
        Counted::Elements => "element",
        Counted::Adds => "add",
    };
    format!("with {} missing", phrase::counted(number, noun))
}

fn unexplained(number: u64) -> String {
    if number == 0 {
        return String::new();
    }
    let answers = phrase::counted(number, "answer");
    format!(", and {answers} showed what nobody had written")
}

/// Whether the least Δ says more than the worst stale answer does.
pub(crate) fn delta_tells_more(examination: &Examination) -> bool {
    let worst = examination.staleness.reads.first().map(|read| read.lag);
    match examination.delta {
        Delta::AtLeast(0) if examination.counted != Counted::Versions => false,
        Delta::Least(delta) | Delta::AtLeast(delta) => worst != Some(delta),
        Delta::Never => true,
    }
}

/// What the least Δ says, in a sentence.
pub(crate) fn delta(examination: &Examination) -> String {
    let unit = examination.unit;
    match examination.delta {
        Delta::Least(0) => "Staleness explains nothing here (Δ = 0): reads and writes fit \
                            together, so it is a compare-and-set that does not."
            .to_owned(),
        Delta::AtLeast(0) if examination.counted != Counted::Versions => {
            "Whether staleness explains all of it (Δ-atomicity) is not asked of such an object."
                .to_owned()
        }
        Delta::AtLeast(0) => "The answers that could be checked would fit together without any \
                              staleness (Δ-atomicity)."
            .to_owned(),
        Delta::Least(delta) => format!(
            "Reads and writes fit together only if every read counts as called {} earlier \
             (Δ-atomicity).",
            lag(delta, unit)
        ),
        Delta::AtLeast(delta) => format!(
            "Reads and writes fit together only if every read counts as called at least {} \
             earlier (Δ-atomicity).",
            lag(delta, unit)
        ),
        Delta::Never => {
            "No staleness explains it all: some answer is wrong however early its read \
                         counts as called."
                .to_owned()
        }
    }
}

/// A lag as a person says it.
pub(crate) fn lag(lag: u64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds => phrase::duration(lag),
        Unit::Events => phrase::counted(lag, "event"),
    }
}

/// The object `consistency`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Consistency {
    /// What was found.
    Examined(Box<Examined>),
    /// Why nobody looked.
    NotExamined { not_examined: String },
}

#[derive(Debug, Serialize)]
pub(crate) struct Examined {
    unit: &'static str,
    counted: &'static str,
    answers: AnswerCounts,
    stale: Stale,
    delta: DeltaSaid,
    guarantees: serde_json::Map<String, Json>,
}

#[derive(Debug, Serialize)]
struct AnswerCounts {
    all: u64,
    asked: u64,
    ambiguous: u64,
    partial: u64,
    unexplained: u64,
}

#[derive(Debug, Serialize)]
struct Stale {
    count: usize,
    worst_lag: u64,
    median_lag: u64,
    most_versions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    worst_key: Option<Json>,
    histogram: Vec<BucketSaid>,
    reads: Vec<ReadSaid>,
}

#[derive(Debug, Serialize)]
struct BucketSaid {
    from: u64,
    below: u64,
    reads: u64,
}

#[derive(Debug, Serialize)]
struct ReadSaid {
    operation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Json>,
    process: u64,
    lag: u64,
    versions: u64,
    replaced_by: u64,
}

#[derive(Debug, Serialize)]
struct DeltaSaid {
    bound: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<u64>,
}

impl Consistency {
    /// What programs are told.
    pub(crate) fn of(examination: Result<&Examination, &str>) -> Self {
        match examination {
            Ok(examination) => Consistency::Examined(Box::new(Examined::of(examination))),
            Err(why) => Consistency::NotExamined {
                not_examined: why.to_owned(),
            },
        }
    }
}

impl Examined {
    fn of(examination: &Examination) -> Self {
        let answers = examination.answers;
        let guarantees = named(&examination.guarantees);
        let (bound, value) = match examination.delta {
            Delta::Least(delta) => ("exact", Some(delta)),
            Delta::AtLeast(delta) => ("at-least", Some(delta)),
            Delta::Never => ("never", None),
        };
        Examined {
            unit: match examination.unit {
                Unit::Nanoseconds => "ns",
                Unit::Events => "events",
            },
            counted: match examination.counted {
                Counted::Versions => "versions",
                Counted::Elements => "elements",
                Counted::Adds => "adds",
            },
            answers: AnswerCounts {
                all: answers.all,
                asked: answers.asked,
                ambiguous: answers.ambiguous,
                partial: answers.partial,
                unexplained: answers.unexplained,
            },
            stale: stale(examination),
            delta: DeltaSaid { bound, value },
            guarantees: guarantees
                .iter()
                .map(|(word, _, answer)| ((*word).to_owned(), answered(answer)))
                .collect(),
        }
    }
}

fn stale(examination: &Examination) -> Stale {
    let staleness = &examination.staleness;
    let reads = &staleness.reads;
    let bucket = |bucket: &Bucket| BucketSaid {
        from: bucket.from,
        below: bucket.below,
        reads: bucket.reads,
    };
    let read = |read: &StaleRead| ReadSaid {
        operation: read.operation,
        key: read.key.as_ref().map(json),
        process: read.process,
        lag: read.lag,
        versions: read.versions,
        replaced_by: read.replaced_by,
    };
    Stale {
        count: reads.len(),
        worst_lag: reads.first().map_or(0, |read| read.lag),
        median_lag: reads.get(reads.len() / 2).map_or(0, |read| read.lag),
        most_versions: reads.iter().map(|read| read.versions).max().unwrap_or(0),
        worst_key: reads.first().and_then(|read| read.key.as_ref()).map(json),
        histogram: staleness.histogram.iter().map(bucket).collect(),
        reads: reads.iter().take(READS_MAX).map(read).collect(),
    }
}

fn answered(answer: &Answer) -> Json {
    match answer {
        Answer::Holds { tested } => serde_json::json!({"answer": "holds", "tested": tested}),
        Answer::Broken { keys, example } => {
            let operations = example.operations.iter();
            let example: Vec<u64> = operations.map(|operation| operation.call.index).collect();
            serde_json::json!({"answer": "broken", "keys": keys, "example": example})
        }
        Answer::Unknown { why, tested } => {
            let why = doubt(*why);
            serde_json::json!({"answer": "unknown", "tested": tested, "why": why})
        }
    }
}
