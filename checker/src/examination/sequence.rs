//! Whether a key is sequentially consistent, and which operations show that it is not.

use std::ops::RangeInclusive;

use super::blocks::Blocks;
use super::order::Order;
use super::sessions::{Asked, Touch, deeds_of};
use super::versions::{Deed, INITIAL};
use crate::partition::narrow;

impl Asked<'_> {
    /// Deeds that no one order explains, if sequential consistency is broken; and whether one
    /// process went back from the first to the second.
    ///
    /// A compare-and-set makes its version immediately after the one it saw, so versions that are
    /// linked so stand together as one block: the question is put to blocks, and inside one to
    /// places.
    pub(super) fn breaks_sequence(&self, all_hold: bool) -> Option<(Vec<u32>, bool)> {
        let linked = self.versions.versions.iter().any(|it| it.before.is_some());
        if all_hold && !linked {
            return None;
        }
        let blocks = match Blocks::of(self.versions) {
            Ok(blocks) => blocks,
            Err(deeds) => return Some((self.with_proofs(deeds), false)),
        };
        if let Some((pair, back)) = self.went_back_in_block(&blocks) {
            let deeds = self.with_links(pair.to_vec(), &blocks, false);
            let direct = back && deeds.len() == 2;
            return Some((if direct { pair.to_vec() } else { deeds }, direct));
        }
        let mut order = Order::of(narrow(self.versions.versions.len()));
        let start = blocks.of[INITIAL as usize].0;
        for (number, version) in self.versions.versions.iter().enumerate() {
            let block = blocks.of[number].0;
            if version.happened && block != start {
                order.put(start, block, [version.maker, None]);
            }
        }
        self.between_blocks(&mut order, &blocks);
        order.circle().map(|circle| {
            let from_start = circle.iter().any(|because| because[1].is_none());
            let deeds = self.with_links(deeds_of(&circle), &blocks, from_start);
            (deeds, false)
        })
    }

    /// Two steps of one process that contradict the order inside a block, and whether the second
    /// saw an older version than the first.
    fn went_back_in_block(&self, blocks: &Blocks) -> Option<([u32; 2], bool)> {
        let pairs = self.sessions.iter().flat_map(|steps| steps.windows(2));
        pairs.into_iter().find_map(|pair| {
            let (Touch::Saw(a) | Touch::Made(a)) = pair[0].touch;
            let (Touch::Saw(b) | Touch::Made(b)) = pair[1].touch;
            let strict = u32::from(matches!(pair[1].touch, Touch::Made(_)));
            let (first, then) = (blocks.of[a as usize], blocks.of[b as usize]);
            let contradicts = first.0 == then.0 && first.1 + strict > then.1;
            let back = first.1 > then.1 && pair[0].deed != pair[1].deed;
            contradicts.then_some(([pair[0].deed, pair[1].deed], back))
        })
    }

    /// The deeds, in the order of their calls, and those that link what they touched: without the
    /// compare-and-set that made a value of another, nothing says that the two stand together.
    fn with_links(&self, deeds: Vec<u32>, blocks: &Blocks, from_start: bool) -> Vec<u32> {
        let mut deeds = self.with_proofs(deeds);
        let mut touched: Vec<(u32, u32)> = Vec::new();
        for &deed in &deeds {
            let deed = &self.versions.deeds[deed as usize];
            let versions = deed.saw().into_iter().chain(deed.made);
            touched.extend(versions.map(|version| blocks.of[version as usize]));
        }
        if from_start {
            touched.push(blocks.of[INITIAL as usize]);
        }
        touched.sort_unstable();
        for block in touched.chunk_by(|a, b| a.0 == b.0) {
            let (oldest, newest) = (block[0].1, block[block.len() - 1].1);
            deeds.extend(self.makers(blocks, block[0].0, oldest + 1..=newest));
        }
        self.with_proofs(deeds)
    }

    /// The deeds, in the order of their calls, and for each of unknown outcome who shows that it
    /// took effect: somebody who saw its value, or what was made from it.
    fn with_proofs(&self, mut deeds: Vec<u32>) -> Vec<u32> {
        let mut at = 0;
        while let Some(&deed) = deeds.get(at) {
            at += 1;
            let Deed { made, end, .. } = self.versions.deeds[deed as usize];
            let (Some(made), None) = (made, end) else {
                continue;
            };
            let by = self.versions.versions[made as usize].effect_by;
            let mut version = self.versions.deeds[by as usize].saw();
            let mut proof = vec![by];
            // Makers that saw each other's go round in a circle, so no longer than all of them.
            for _ in 0..self.versions.versions.len() {
                let Some(newer) = version.filter(|&version| version != made) else {
                    break;
                };
                proof.extend(self.versions.versions[newer as usize].maker);
                version = self.versions.versions[newer as usize].before;
            }
            proof.retain(|deed| !deeds.contains(deed));
            deeds.extend(proof);
        }
        deeds.sort_unstable();
        deeds.dedup();
        deeds
    }

    /// Who made the versions at these places of a block.
    fn makers(&self, blocks: &Blocks, block: u32, places: RangeInclusive<u32>) -> Vec<u32> {
        let versions = blocks.of.iter().zip(&self.versions.versions);
        versions
            .filter(|((of, place), _)| *of == block && places.contains(place))
            .filter_map(|(_, version)| version.maker)
            .collect()
    }

    fn between_blocks(&self, order: &mut Order, blocks: &Blocks) {
        for session in self.sessions {
            for pair in session.windows(2) {
                let (Touch::Saw(a) | Touch::Made(a)) = pair[0].touch;
                let (Touch::Saw(b) | Touch::Made(b)) = pair[1].touch;
                let (from, to) = (blocks.of[a as usize].0, blocks.of[b as usize].0);
                if from != to {
                    order.put(from, to, [Some(pair[0].deed), Some(pair[1].deed)]);
                }
            }
        }
    }
}
