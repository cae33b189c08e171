//! A counterexample on a page: what contradicts what, in words, as a drawing, as a table, as lines.

use maud::{Markup, html};

use crate::html::page::legend;
use crate::phrase;
use crate::plot::timeline::timeline;
use crate::scene::{Scene, Shown};

/// How many bytes of raw lines a page carries at most.
const RAW_MAX: usize = 200_000;
/// A table with more rows is folded.
const ROWS_OPEN: usize = 24;
/// Characters of a value in the table.
const VALUE_MAX: usize = 120;

/// Everything about a counterexample. `raw` are the lines of `counterexample.jsonl`.
pub(crate) fn contradiction(scene: &Scene, raw: &str) -> Markup {
    html! {
        @for sentence in &scene.sentences { p { (sentence) } }
        (drawing(scene))
        @if scene.operations.len() > ROWS_OPEN {
            details { summary { "The operations as a table" } (table(scene)) }
        } @else { (table(scene)) }
        (cycle(scene))
        (lines(raw))
    }
}

fn drawing(scene: &Scene) -> Markup {
    let Some(timeline) = timeline(scene) else {
        return html! {};
    };
    let has = |class: &str| scene.operations.iter().any(|shown| shown.class() == class);
    let mut entries = vec![
        ("accuse", "part of the contradiction"),
        ("completed", "other operations"),
    ];
    if has("unknown") {
        entries.push(("unknown", "outcome unknown: open to the right"));
    }
    if !scene.faults.is_empty() {
        entries.push(("fault", "fault active"));
    }
    html! {
        figure {
            (legend(&entries))
            (timeline)
            figcaption {
                "A row for each process, a bar for each operation from call to answer. The order from \
                 left to right is exact; lengths are not to scale."
                @for sentence in scene.omitted() { " " (sentence) }
            }
        }
    }
}

fn table(scene: &Scene) -> Markup {
    let unit = if scene.is_timed() {
        "seconds"
    } else {
        "position"
    };
    let noted = scene.operations.iter().any(|shown| shown.note.is_some());
    html! {
        div.scroll tabindex="0" role="group" aria-label="The operations" {
            table {
                thead {
                    tr {
                        th { "#" } th { "Process" } th { "Operation → answer" }
                        th.number { "Called, " (unit) } th.number { "Returned" } th { "Node" }
                        @if noted { th { "Note" } }
                    }
                }
                tbody { @for shown in &scene.operations { (row(scene, shown, noted)) } }
            }
        }
    }
}

fn row(scene: &Scene, shown: &Shown, noted: bool) -> Markup {
    let (from, to) = scene.span(shown);
    html! {
        tr.marked[shown.marked] {
            td { (shown.number) }
            td { "p" (shown.process) }
            td.words { code { (shown.label(VALUE_MAX)) } }
            td.number { (from) }
            td.number { (to) }
            td { (shown.node.as_deref().unwrap_or("–")) }
            @if noted { td.note { (shown.note.as_deref().unwrap_or("")) } }
        }
    }
}

fn cycle(scene: &Scene) -> Markup {
    html! {
        @if !scene.cycle.is_empty() {
            h3 { "Why no order works" }
            p { "Each of these must come before the next, and the last before the first:" }
            ol {
                @for because in &scene.cycle {
                    li { b { "#" (because.from) " before #" (because.to) } ": " (because.why) }
                }
            }
        }
    }
}

/// The raw lines, to read and to save.
fn lines(raw: &str) -> Markup {
    let lines = raw.lines().count();
    if raw.is_empty() || raw.len() > RAW_MAX {
        return html! {};
    }
    html! {
        details {
            summary { "counterexample.jsonl, " (phrase::counted(lines as u64, "line")) }
            p.note {
                "A history that is illegal by itself: " code { "testimony check counterexample.jsonl" }
                " says so. "
                a download="counterexample.jsonl" href={ "data:application/jsonl," (percent(raw)) } {
                    "Save it"
                }
            }
            pre { code { (raw) } }
        }
    }
}

/// Percent-encoded for a data URI.
fn percent(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len() * 2);
    for byte in raw.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:,[]{}".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_holds_only_what_a_link_may_hold() {
        assert_eq!(percent("{\"a\":\n<é>#%"), "{%22a%22:%0A%3C%C3%A9%3E%23%25");
    }
}
