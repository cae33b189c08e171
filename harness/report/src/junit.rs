//! JUnit XML, which every CI system shows.

use std::fmt::Write as _;
use std::io;

use crate::{CheckReport, RunOutcome, RunReport};

/// One test case: one run, or one checked file.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was tested, such as `raft, seed 42`.
    pub name: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What it came to.
    pub outcome: RunOutcome,
    /// One line that says why, unless it passed.
    pub message: String,
    /// The whole account.
    pub text: String,
    /// Name and value of what it takes to understand or repeat it.
    pub properties: Vec<(String, String)>,
}

impl Case {
    /// A run as a test case. How long it took is the caller's to know.
    pub fn of_run(report: &RunReport<'_>, seconds: f64) -> Self {
        let passed = report.outcome == RunOutcome::Pass;
        Case {
            name: report.what(),
            seconds,
            outcome: report.outcome,
            message: if passed {
                String::new()
            } else {
                report.reason()
            },
            text: crate::text::run(report, false),
            properties: vec![
                ("seed".to_owned(), report.plan.seed.to_string()),
                ("target".to_owned(), report.target()),
                ("folder".to_owned(), report.folder.clone()),
                ("command".to_owned(), report.command.clone()),
            ],
        }
    }

    /// A checked file as a test case.
    pub fn of_check(report: &CheckReport<'_>) -> Self {
        let timings = report.timings.unwrap_or_default();
        Case {
            name: report.file.to_owned(),
            seconds: timings.parse + timings.check + timings.explain,
            outcome: report.outcome(),
            message: report.reason(),
            text: crate::text::check(report, false),
            properties: vec![("command".to_owned(), report.command.to_owned())],
        }
    }
}

/// Writes the cases as one suite. A violation is a failure, undecided and broken are errors.
///
/// # Errors
/// Those of `out`.
pub fn write(suite: &str, cases: &[Case], out: &mut impl io::Write) -> io::Result<()> {
    out.write_all(document(suite, cases).as_bytes())
}

fn document(suite: &str, cases: &[Case]) -> String {
    let failures = cases
        .iter()
        .filter(|case| case.outcome == RunOutcome::Violation)
        .count();
    let passes = cases
        .iter()
        .filter(|case| case.outcome == RunOutcome::Pass)
        .count();
    let errors = cases.len() - failures - passes;
    let seconds: f64 = cases.iter().map(|case| case.seconds).sum();
    let suite = attribute(suite);
    let totals = format!(
        "name=\"{suite}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\" \
         time=\"{seconds:.3}\"",
        cases.len()
    );
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites {totals}>\n  <testsuite {totals}>");
    for one in cases {
        case(&suite, one, &mut xml);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn case(suite: &str, case: &Case, xml: &mut String) {
    let name = attribute(&case.name);
    let seconds = case.seconds;
    let open =
        format!("    <testcase classname=\"{suite}\" name=\"{name}\" time=\"{seconds:.3}\">");
    let _ = writeln!(xml, "{open}");
    if !case.properties.is_empty() {
        xml.push_str("      <properties>\n");
        for (name, value) in &case.properties {
            let (name, value) = (attribute(name), attribute(value));
            let _ = writeln!(xml, "        <property name=\"{name}\" value=\"{value}\"/>");
        }
        xml.push_str("      </properties>\n");
    }
    let text = text(&case.text);
    let element = match case.outcome {
        RunOutcome::Pass => None,
        RunOutcome::Violation => Some("failure"),
        RunOutcome::Undecided | RunOutcome::Broken => Some("error"),
    };
    let _ = match element {
        None => writeln!(xml, "      <system-out>{text}</system-out>"),
        Some(element) => {
            let (kind, message) = (case.outcome.name(), attribute(&case.message));
            let open = format!("<{element} type=\"{kind}\" message=\"{message}\">");
            writeln!(xml, "      {open}{text}</{element}>")
        }
    };
    xml.push_str("    </testcase>\n");
}

/// Text between tags. What XML 1.0 cannot hold, even escaped, becomes U+FFFD.
fn text(raw: &str) -> String {
    raw.chars()
        .fold(String::with_capacity(raw.len()), |mut out, c| {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '\t' | '\n' | '\r' => out.push(c),
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
                _ => out.push(c),
            }
            out
        })
}

/// Text inside a quoted attribute.
fn attribute(raw: &str) -> String {
    text(raw)
        .replace('"', "&quot;")
        .replace('\n', "&#10;")
        .replace('\r', "&#13;")
        .replace('\t', "&#9;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(outcome: RunOutcome) -> Case {
        Case {
            name: "raft, seed 42".into(),
            seconds: 41.25,
            outcome,
            message: "key \"x\" <lost>\na write".into(),
            text: "]]> & \u{1b}[31m\u{0} <script>".into(),
            properties: vec![("seed".into(), "42".into())],
        }
    }

    #[test]
    fn a_suite_counts_its_cases() {
        let cases = [
            RunOutcome::Pass,
            RunOutcome::Violation,
            RunOutcome::Undecided,
            RunOutcome::Broken,
        ]
        .map(one);
        insta::assert_snapshot!(document("testimony", &cases));
    }

    #[test]
    fn nothing_that_xml_cannot_hold_is_left() {
        let xml = document("a\"b", &[one(RunOutcome::Violation)]);
        assert!(!xml.contains("]]>") && !xml.contains('\u{1b}') && !xml.contains('\u{0}'));
        assert!(
            !xml.contains("<script>")
                && xml.contains("message=\"key &quot;x&quot; &lt;lost&gt;&#10;")
        );
    }

    #[test]
    fn a_suite_without_cases_is_a_suite() {
        assert!(document("testimony", &[]).contains("tests=\"0\""));
    }
}
