//! Versions that stand together because each was made from the one before it.

use super::versions::Versions;
use crate::partition::narrow;

/// Versions that follow one another without a gap.
pub(super) struct Blocks {
    /// For each version the first one of its block, and its place in it.
    pub(super) of: Vec<(u32, u32)>,
}

impl Blocks {
    /// An error is two deeds that replaced the same version, or deeds that saw each other's.
    pub(super) fn of(key: &Versions) -> Result<Self, Vec<u32>> {
        let versions = &key.versions;
        let mut next: Vec<Option<u32>> = vec![None; versions.len()];
        let before = |version: u32| {
            let version = &versions[version as usize];
            version.before.filter(|_| version.happened)
        };
        let numbers = || 0..narrow(versions.len());
        for version in numbers() {
            if let Some(before) = before(version)
                && let Some(other) = next[before as usize].replace(version)
            {
                let makers = [other, version].map(|it| versions[it as usize].maker);
                return Err(makers.into_iter().flatten().collect());
            }
        }
        let mut of = vec![(u32::MAX, 0); versions.len()];
        for first in numbers().filter(|&version| before(version).is_none()) {
            let (mut at, mut place) = (Some(first), 0);
            while let Some(version) = at {
                of[version as usize] = (first, place);
                (at, place) = (next[version as usize], place + 1);
            }
        }
        let circular = numbers().find(|&version| of[version as usize].0 == u32::MAX);
        match circular {
            None => Ok(Blocks { of }),
            Some(version) => Err(versions[version as usize].maker.into_iter().collect()),
        }
    }
}
