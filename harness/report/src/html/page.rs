//! The skeleton of a page: one file that needs nothing from anywhere else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::RunOutcome;

/// What a browser may load for the page: nothing but what is in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The banner on top: what it came to, in words.
pub(crate) struct Banner {
    /// The outcome, which also gives the colour.
    pub(crate) outcome: RunOutcome,
    /// What was tested.
    pub(crate) what: String,
    /// The outcome in a few words.
    pub(crate) title: String,
    /// One or two sentences that say what that means.
    pub(crate) meaning: Vec<String>,
}

/// A whole page.
pub(crate) fn page(banner: &Banner, content: &Markup) -> String {
    let style = PreEscaped(include_str!("style.css"));
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                title { (banner.title) " · " (banner.what) " · Testimony" }
                style { (style) }
            }
            body {
                div class={ "banner " (banner.outcome.name()) } {
                    header {
                        p.what { (banner.what) }
                        h1 { (banner.title) }
                        @for sentence in &banner.meaning { p { (sentence) } }
                    }
                }
                main { (content) }
                footer {
                    "Written by Testimony " (env!("CARGO_PKG_VERSION"))
                    ". This file holds everything it shows and asks nothing of any network."
                }
            }
        }
    };
    harmless(&markup.into_string())
}

/// The page without characters that no text needs and that make text seem what it is not: control
/// characters, and marks that turn the direction of writing. Whatever text they came with.
fn harmless(page: &str) -> String {
    page.split('\n')
        .map(crate::phrase::printable)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A section with a heading.
pub(crate) fn section(title: &str, content: &Markup) -> Markup {
    html! { section { h2 { (title) } (content) } }
}

/// A swatch and what it stands for, for each pair of class and words.
pub(crate) fn legend(entries: &[(&str, &str)]) -> Markup {
    html! {
        ul.legend {
            @for (class, words) in entries { li { i class=(class) {} (words) } }
        }
    }
}

/// A number or a word in large letters, with what it counts under it.
pub(crate) fn tiles(tiles: &[(String, String)]) -> Markup {
    html! {
        ul.tiles {
            @for (value, words) in tiles { li { b { (value) } span { (words) } } }
        }
    }
}

/// A command to copy.
pub(crate) fn command(command: &str) -> Markup {
    html! { pre.command { code { (command) } } }
}
