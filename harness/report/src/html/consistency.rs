//! How bad an illegal history is and what still holds, on a page.

use maud::{Markup, html};
use testimony_checker::examination::Examination;

use crate::consistency::{Kept, Promise, delta, not_examined, promises, staleness};
use crate::html::page::section;
use crate::phrase;
use crate::plot::staleness::staleness as drawn;

const TITLE: &str = "How bad it is, and what still holds";

/// The section; nothing if that was not asked.
pub(crate) fn consistency(examination: Option<Result<&Examination, &str>>) -> Markup {
    match examination {
        None => html! {},
        Some(Err(why)) => section(TITLE, &html! { p { (not_examined(why)) } }),
        Some(Ok(examination)) => examined(examination),
    }
}

fn examined(examination: &Examination) -> Markup {
    section(
        TITLE,
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
        "Of {} that say something of a value, {} could be checked: it is known which operations \
         they speak of. {} speak of what several may have made, {} said only that there is a value \
         or which it is not.",
        phrase::counted(answers.all, "answer"),
        phrase::count(answers.asked),
        phrase::count(answers.ambiguous),
        phrase::count(answers.partial),
    )
}
