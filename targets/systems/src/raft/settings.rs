//! What can be set about the Raft cluster from a plan.

use std::collections::BTreeMap;
use std::time::Duration;

use testimony_engine::span;

use crate::TargetError;

/// The settings of the servers and their clients. Times are those of a cluster on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Election time-outs are drawn from this range, in milliseconds.
    pub(crate) election: String,
    /// Milliseconds between heartbeats.
    pub(crate) heartbeat: u64,
    /// Entries after which a snapshot is taken; 0 means only on request.
    pub(crate) snapshot_every: u64,
    /// How many entries a message carries at most.
    pub(crate) batch: usize,
    /// Whether reads are served under a leader lease.
    pub(crate) lease_reads: bool,
    /// How long a client waits for one answer before it repeats the request elsewhere.
    pub(crate) attempt_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            election: "150-300".to_owned(),
            heartbeat: 40,
            snapshot_every: 500,
            batch: 256,
            lease_reads: false,
            attempt_timeout: Duration::from_millis(400),
        }
    }
}

impl Settings {
    /// The settings under the names that a plan uses.
    pub(crate) fn to_map(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("election", self.election.clone()),
            ("heartbeat", self.heartbeat.to_string()),
            ("snapshot-every", self.snapshot_every.to_string()),
            ("batch", self.batch.to_string()),
            ("lease-reads", self.lease_reads.to_string()),
            ("attempt-timeout", span::format(self.attempt_timeout)),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// The usual settings, with those of `map` in their place.
    pub(crate) fn from_map(map: &BTreeMap<String, String>) -> Result<Self, TargetError> {
        let mut settings = Settings::default();
        for (name, value) in map {
            settings.set(name, value)?;
        }
        Ok(settings)
    }

    /// The settings of the servers, as their command line has them.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut args = vec![
            format!("--election={}", self.election),
            format!("--heartbeat={}", self.heartbeat),
            format!("--snapshot-every={}", self.snapshot_every),
            format!("--batch={}", self.batch),
        ];
        if self.lease_reads {
            args.push("--lease-reads".to_owned());
        }
        args
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), TargetError> {
        let bad = |reason| TargetError::bad_setting(super::NAME, name, value, reason);
        match name {
            "election" => self.election = election(value).ok_or_else(|| bad("is no MIN-MAX"))?,
            "heartbeat" => self.heartbeat = value.parse().map_err(|_| bad("is no number"))?,
            "snapshot-every" => {
                self.snapshot_every = value.parse().map_err(|_| bad("is no number"))?;
            }
            "batch" => self.batch = value.parse().map_err(|_| bad("is no number"))?,
            "lease-reads" => {
                self.lease_reads = value.parse().map_err(|_| bad("is not true or false"))?;
            }
            "attempt-timeout" => {
                self.attempt_timeout = span::parse(value).map_err(|_| bad("is no span of time"))?;
            }
            _ => return Err(bad("cannot be set, since there is no such setting")),
        }
        Ok(())
    }
}

/// The text, if it is two numbers of milliseconds in order.
fn election(text: &str) -> Option<String> {
    let (min, max) = text.split_once('-')?;
    let (min, max): (u64, u64) = (min.parse().ok()?, max.parse().ok()?);
    (0 < min && min < max).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_told() {
        let settings = Settings {
            heartbeat: 7,
            lease_reads: true,
            ..Settings::default()
        };
        assert_eq!(Settings::from_map(&settings.to_map()), Ok(settings));
    }

    #[test]
    fn a_misspelt_or_senseless_setting_is_refused() {
        for (name, value) in [
            ("snapshots-every", "3"),
            ("heartbeat", "soon"),
            ("election", "300-150"),
            ("lease-reads", "maybe"),
            ("attempt-timeout", "3"),
        ] {
            let map = [(name.to_owned(), value.to_owned())].into();
            let error = Settings::from_map(&map).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}
