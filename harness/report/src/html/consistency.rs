//! How bad an illegal history is and what still holds, on a page.

use maud::{Markup, html};
use testimony_checker::examination::Examination;

use crate::consistency::{Kept, Promise, delta, promises, staleness};
use crate::html::page::section;
use crate::phrase;
use crate::plot::staleness::staleness as drawn;

/// The section; nothing if the history was not examined.
pub(crate) fn consistency(examination: Option<&Examination>) -> Markup {
    let Some(examination) = examination else {
        return html! {};
    };
    section(
        "How bad it is, and what still holds",
        &html! {
            p { @for sentence in staleness(examination) { (sentence) " " } (delta(examination)) }
            @if let Some(drawing) = drawn(&examination.staleness.histogram, examination.unit) {
                figure {
                    (drawing)
                    figcaption {
                        "Stale answers by how long their value had been replaced when they were \
                         asked for. An answer was at least so far behind."
                    }
                }
            }
            (table(examination))
            p.note { (asked(examination)) }
        },
    )
}

fn table(examination: &Examination) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="What still holds" {
            table {
                thead { tr { th { "Promise" } th { "Kept?" } th { "Because" } } }
                tbody {
                    @for Promise { name, kept } in promises(&examination.guarantees) {
                        tr {
                            th scope="row" { (name) }
                            @match kept {
                                Kept::Holds(why) => { td { "holds" } td.words { (why) } }
                                Kept::Broken(why) => {
                                    td { span.bad { "broken" } }
                                    td.words { (why) }
                                }
                                Kept::Unknown(why) => { td { "unknown" } td.words { (why) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What could not be checked.
fn asked(examination: &Examination) -> String {
    let answers = &examination.answers;
    format!(
        "Of {} that say something of a value, {} could be checked: their value can have been made \
         by one operation only. {} may have been made by several, {} said only that there is a \
         value or which it is not.",
        phrase::counted(answers.all, "answer"),
        phrase::count(answers.asked),
        phrase::count(answers.ambiguous),
        phrase::count(answers.partial),
    )
}
