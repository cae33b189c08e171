//! What is done to the frames of one link.

use std::time::Duration;

use testimony_engine::Flaws;

/// What is done to the frames of one link. As it is by default, nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Treatment {
    /// How much later every frame arrives.
    pub delay: Duration,
    /// How much later again it arrives at most; frames keep their order all the same.
    pub jitter: Duration,
    /// How much passes.
    pub bytes_per_second: Option<u64>,
    /// Which are lost, doubled, or let pass by later ones.
    pub flaws: Flaws,
    /// How many in a hundred are damaged.
    pub damaged: u32,
}

impl Treatment {
    /// Both together: delays add up, of everything else the worse holds.
    pub fn with(self, other: Treatment) -> Treatment {
        let rates = self
            .bytes_per_second
            .into_iter()
            .chain(other.bytes_per_second);
        Treatment {
            delay: self.delay + other.delay,
            jitter: self.jitter + other.jitter,
            bytes_per_second: rates.min(),
            flaws: Flaws {
                lost: self.flaws.lost.max(other.flaws.lost),
                doubled: self.flaws.doubled.max(other.flaws.doubled),
                late: self.flaws.late.max(other.flaws.late),
                lateness: self.flaws.lateness.max(other.flaws.lateness),
            },
            damaged: self.damaged.max(other.damaged),
        }
    }
}
