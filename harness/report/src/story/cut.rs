//! Cut links as a person would say them.

use std::collections::{BTreeMap, BTreeSet};

/// `cut n1>n2 n1>n3 n2>n1 n3>n1` as `cut n1 from n2, n3`, and links of one direction as `cut the
/// way from n1 to n2, n3`. Any other text, and links of no such shape, stay as they are.
pub(super) fn said(action: &str) -> String {
    let links = action.strip_prefix("cut ").map(links);
    links
        .flatten()
        .and_then(|links| shape(&links))
        .unwrap_or_else(|| action.to_owned())
}

fn links(words: &str) -> Option<BTreeSet<(&str, &str)>> {
    words
        .split_whitespace()
        .map(|word| word.split_once('>'))
        .collect()
}

fn shape(links: &BTreeSet<(&str, &str)>) -> Option<String> {
    let mut reached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in links {
        reached.entry(from).or_default().insert(to);
    }
    let (first, others) = reached.first_key_value()?;
    let others = others.clone();
    let alike = reached.iter().filter(|(_, to)| **to == others);
    let these: BTreeSet<&str> = alike.map(|(from, _)| *from).collect();
    debug_assert!(these.contains(first), "it reaches what it reaches");
    let one_way = these.len() == reached.len();
    let both_ways = others
        .iter()
        .all(|other| reached.get(other) == Some(&these))
        && reached.len() == these.len() + others.len();
    let listed = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
    let (these, others) = (listed(&these), listed(&others));
    match (both_ways, one_way) {
        (true, _) => Some(format!("cut {these} from {others}")),
        (_, true) => Some(format!("cut the way from {these} to {others}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn cuts_are_said_by_their_sides() {
        let cases = [
            ("cut n1>n2 n1>n3 n2>n1 n3>n1", "cut n1 from n2, n3"),
            ("cut n1>n3 n2>n3 n3>n1 n3>n2", "cut n1, n2 from n3"),
            ("cut n1>n2 n1>n3", "cut the way from n1 to n2, n3"),
            ("cut n1>n2 n2>n3", "cut n1>n2 n2>n3"),
            ("kill n1", "kill n1"),
        ];
        for (action, expected) in cases {
            assert_eq!(said(action), expected);
        }
    }
}
