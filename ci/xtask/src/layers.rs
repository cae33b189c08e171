//! The layers of the house: which crate may depend on which. An edge that is not listed is an
//! error, since a recording that knew the checker could bend towards a verdict.

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::toolbox;

/// Crate, and what it may depend on. `testimony`, the binary, may know everything.
const ALLOWED: &[(&str, &[&str])] = &[
    ("testimony-history", &[]),
    ("testimony-checker", &["testimony-history"]),
    ("testimony-consensus", &[]),
    ("testimony-node", &["testimony-consensus"]),
    ("testimony-engine", &["testimony-history"]),
    (
        "testimony-systems",
        &[
            "testimony-engine",
            "testimony-history",
            "testimony-consensus",
        ],
    ),
    (
        "testimony-lab",
        &[
            "testimony-engine",
            "testimony-history",
            "testimony-consensus",
        ],
    ),
    (
        "testimony-report",
        &["testimony-history", "testimony-checker", "testimony-engine"],
    ),
    ("xtask", &["testimony-history", "testimony-checker"]),
    (EXAMPLE, &["testimony-consensus"]),
];

/// Shows what somebody outside of this house can do, so nothing in it may depend on it.
const EXAMPLE: &str = "own-protocol";

/// The one edge that even a test may not have.
const FORBIDDEN_IN_TESTS: (&str, &str) = ("testimony-engine", "testimony-checker");

/// Fail, naming every edge that the design does not allow.
pub(crate) fn check() -> Result<()> {
    let manifest = toolbox::root().join("Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()?;
    let wrong = wrong_edges(&metadata);
    if !wrong.is_empty() {
        bail!("edges that the design does not allow: {}", wrong.join(", "));
    }
    Ok(())
}

fn wrong_edges(metadata: &Metadata) -> Vec<String> {
    let ours: Vec<&Package> = metadata.workspace_packages();
    let mut wrong = Vec::new();
    for package in &ours {
        for dependency in &package.dependencies {
            let known = ours.iter().any(|other| *other.name == dependency.name);
            if known && !allowed(&package.name, &dependency.name, dependency.kind) {
                wrong.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    wrong
}

fn allowed(from: &str, to: &str, kind: DependencyKind) -> bool {
    if to == EXAMPLE {
        return false;
    }
    if kind == DependencyKind::Development {
        return (from, to) != FORBIDDEN_IN_TESTS;
    }
    from == "testimony"
        || ALLOWED
            .iter()
            .any(|(name, edges)| *name == from && edges.contains(&to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_keeps_its_layers() {
        check().unwrap();
    }

    #[test]
    fn the_engine_never_knows_the_checker() {
        assert!(!allowed(
            "testimony-engine",
            "testimony-checker",
            DependencyKind::Normal
        ));
        assert!(!allowed(
            "testimony-engine",
            "testimony-checker",
            DependencyKind::Development
        ));
        assert!(allowed(
            "testimony-report",
            "testimony-checker",
            DependencyKind::Normal
        ));
    }

    #[test]
    fn nothing_depends_on_an_example() {
        for kind in [DependencyKind::Normal, DependencyKind::Development] {
            assert!(!allowed("testimony", EXAMPLE, kind));
            assert!(!allowed("testimony-lab", EXAMPLE, kind));
        }
    }

    #[test]
    fn an_unlisted_crate_may_depend_on_nothing_of_ours() {
        assert!(!allowed(
            "testimony-new",
            "testimony-history",
            DependencyKind::Normal
        ));
    }
}
