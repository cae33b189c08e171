//! The blocks of text that runs and checks have in common.

use crate::paint::Paint;
use crate::phrase;
use crate::scene::{Scene, Shown};
use crate::table;

/// Width of sentences.
const WIDTH: usize = 92;
/// Characters of a value in the table.
const VALUE_MAX: usize = 32;

/// Lines of text, and how they are painted.
pub(crate) struct Page {
    /// Whether to paint.
    pub(crate) paint: Paint,
    text: String,
}

impl Page {
    /// An empty page.
    pub(crate) fn new(colour: bool) -> Self {
        Page {
            paint: Paint { on: colour },
            text: String::new(),
        }
    }

    /// What has been put on it.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// A line as it is.
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// Sentences, wrapped and indented.
    pub(crate) fn sentences(&mut self, text: &str) {
        for line in table::wrap(&phrase::printable(text), WIDTH) {
            self.line(&format!("  {line}"));
        }
    }

    /// A word and what stands beside it.
    pub(crate) fn entry(&mut self, word: &str, text: &str) {
        let word = self.paint.faint(&format!("{word:<10}"));
        self.line(&format!("  {word} {}", phrase::printable(text)));
    }
}

/// The contradiction: sentences, then the operations as a table.
pub(crate) fn contradiction(page: &mut Page, scene: &Scene) {
    let paint = page.paint;
    for line in table::wrap(&phrase::printable(&scene.headline), WIDTH) {
        page.line(&format!("  {}", paint.strong(&line)));
    }
    page.gap();
    for sentence in scene
        .sentences
        .iter()
        .filter(|sentence| **sentence != scene.headline)
    {
        page.sentences(sentence);
    }
    if scene
        .sentences
        .iter()
        .any(|sentence| *sentence != scene.headline)
    {
        page.gap();
    }
    operations(page, scene);
    for because in &scene.cycle {
        page.line(&format!(
            "  #{} before #{}: {}",
            because.from, because.to, because.why
        ));
    }
    if !scene.cycle.is_empty() {
        page.line("  so each of them would have to come before itself");
        page.gap();
    }
}

fn operations(page: &mut Page, scene: &Scene) {
    let heads = [
        "",
        "#",
        "process",
        "operation → answer",
        "called",
        "returned",
        "node",
        "",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(scene.operations.iter().map(|shown| row(scene, shown)));
    let lines = table::align(&rows);
    let paint = page.paint;
    page.line(&format!("  {}", paint.faint(&lines[0])));
    for (line, shown) in lines[1..].iter().zip(&scene.operations) {
        let line = if shown.marked {
            paint.accuse(line)
        } else {
            line.clone()
        };
        page.line(&format!("  {line}"));
    }
    for sentence in scene.omitted() {
        page.line(&format!("     {sentence}"));
    }
    page.gap();
}

fn row(scene: &Scene, shown: &Shown) -> Vec<String> {
    let (from, to) = scene.span(shown);
    let mark = if shown.marked { ">" } else { "" };
    vec![
        mark.to_owned(),
        shown.number.to_string(),
        format!("p{}", shown.process),
        shown.label(VALUE_MAX),
        from,
        to,
        shown.node.clone().unwrap_or_default(),
        shown
            .note
            .as_deref()
            .map(phrase::printable)
            .unwrap_or_default(),
    ]
}
