//! Rules that no compiler checks: line and function length, module docs, leftovers, file names.
//!
//! A function counts from its signature's line to its closing brace. Tests are code too: the rules
//! hold for them as well, but for the length of files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::toolbox;

const COLUMNS: usize = 100;
const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 500;
const FOLDERS: [&str; 7] = [
    "histories",
    "checker",
    "targets",
    "harness",
    "ci",
    "fuzz",
    "examples",
];
const VAGUE_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "manager", "misc"];

/// Fail, naming every place that breaks a rule.
pub(crate) fn check() -> Result<()> {
    let mut findings = Vec::new();
    for folder in FOLDERS {
        for file in sources(&toolbox::root().join(folder))? {
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let name = file
                .strip_prefix(toolbox::root())
                .unwrap_or(&file)
                .display()
                .to_string();
            findings.extend(judge(&name, &text)?);
        }
    }
    if !findings.is_empty() {
        bail!("{} untidy places:\n{}", findings.len(), findings.join("\n"));
    }
    Ok(())
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn judge(name: &str, text: &str) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let stem = Path::new(name)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    if VAGUE_NAMES.contains(&stem) {
        findings.push(format!(
            "{name}: a file is named after its main type, not `{stem}`"
        ));
    }
    if !text.starts_with("//!") {
        findings.push(format!(
            "{name}: begins without `//!` saying what it is for"
        ));
    }
    findings.extend(judge_lines(name, text));
    let file = syn::parse_file(text).with_context(|| name.to_owned())?;
    let body = body_lines(&file, text);
    if body > FILE_LINES && !name.contains("/tests/") {
        findings.push(format!(
            "{name}: {body} lines without tests; split it (at most {FILE_LINES})"
        ));
    }
    let mut lengths = FunctionLengths { name, findings };
    lengths.visit_file(&file);
    Ok(lengths.findings)
}

fn judge_lines(name: &str, text: &str) -> Vec<String> {
    let leftover = ["FIX", "ME"].concat();
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // A string may be as long as what it quotes, and a row of a table cannot be broken.
        let unbreakable = line.contains('"') || line.trim_start().starts_with("//! |");
        if line.chars().count() > COLUMNS && !unbreakable {
            findings.push(format!("{name}:{number}: longer than {COLUMNS} columns"));
        }
        if line.contains(&leftover) {
            findings.push(format!("{name}:{number}: a leftover `{leftover}`"));
        }
    }
    findings
}

/// Lines before the first `#[cfg(test)]` module.
fn body_lines(file: &syn::File, text: &str) -> usize {
    let is_tests =
        |item: &&syn::Item| matches!(item, syn::Item::Mod(module) if module.ident == "tests");
    file.items
        .iter()
        .find(is_tests)
        .map_or(text.lines().count(), |item| item.span().start().line)
}

struct FunctionLengths<'a> {
    name: &'a str,
    findings: Vec<String>,
}

impl FunctionLengths<'_> {
    fn measure(&mut self, signature: &syn::Signature, end: usize) {
        let start = signature.span().start().line;
        let lines = end + 1 - start;
        if lines > FUNCTION_LINES {
            let (file, function) = (self.name, &signature.ident);
            let limit = FUNCTION_LINES;
            let finding =
                format!("{file}:{start}: `{function}` has {lines} lines (at most {limit})");
            self.findings.push(finding);
        }
    }
}

impl<'ast> Visit<'ast> for FunctionLengths<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, function.block.span().end().line);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, function.block.span().end().line);
        visit::visit_impl_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        check().unwrap();
    }

    #[test]
    fn a_long_line_a_long_function_and_a_missing_header_are_found() {
        let long = format!(
            "fn f() {{\n{}}}\n// {}\n",
            "    g();\n".repeat(70),
            "x".repeat(100)
        );
        let findings = judge("a/utils.rs", &long).unwrap().join("\n");
        for claim in [
            "named after",
            "without `//!`",
            "longer than 100",
            "`f` has 72 lines",
        ] {
            assert!(findings.contains(claim), "{claim:?} is not in {findings}");
        }
    }

    #[test]
    fn a_short_file_with_a_header_is_tidy() {
        let text = "//! What it is for.\n\nfn f() {}\n";
        assert!(judge("a/thing.rs", text).unwrap().is_empty());
    }
}
