//! Markdown as GitHub renders it, from text that nobody vetted.

/// Text that shows as it is, whatever it holds.
pub(crate) fn plain(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in crate::phrase::printable(raw).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '!' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

/// Text in a code span, safe inside a table.
pub(crate) fn code(raw: &str) -> String {
    let text = crate::phrase::printable(raw).replace('|', "\\|");
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Lines in a block of their own.
pub(crate) fn block(language: &str, raw: &str) -> String {
    let fence = "`".repeat((longest_run(raw) + 1).max(3));
    format!(
        "{fence}{language}\n{}\n{fence}\n",
        raw.trim_end_matches('\n')
    )
}

/// The longest run of backticks, which a fence has to exceed.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_shows_as_it_is() {
        let said = plain("<script>*a*|[b](c)\n@me #1 `x`");
        assert_eq!(
            said,
            "&lt;script&gt;\\*a\\*\\|\\[b\\](c)\u{fffd}&#64;me &#35;1 \\`x\\`"
        );
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(code("a``b|c"), "```a``b\\|c```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(block("sh", "a\n```\n"), "````sh\na\n```\n````\n");
    }
}
