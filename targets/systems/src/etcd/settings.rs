//! What can be set about etcd from a plan.

use std::collections::BTreeMap;
use std::time::Duration;

use testimony_engine::span;

use crate::TargetError;

/// The settings of the servers and of the lock's clients. The times of the servers are those of a
/// cluster on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Milliseconds between heartbeats.
    pub(crate) heartbeat: u64,
    /// Milliseconds without one after which a follower campaigns.
    pub(crate) election: u64,
    /// Entries after which a snapshot is taken. Few, so that nodes that were away need one.
    pub(crate) snapshot_count: u64,
    /// How long a lock outlives its holder's last sign of life. Whole seconds; etcd makes it at
    /// least one and a half election timeouts.
    pub(crate) lock_lease: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            heartbeat: 50,
            election: 500,
            snapshot_count: 500,
            lock_lease: Duration::from_secs(1),
        }
    }
}

impl Settings {
    /// The settings under the names that a plan uses.
    pub(crate) fn to_map(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("heartbeat", self.heartbeat.to_string()),
            ("election", self.election.to_string()),
            ("snapshot-count", self.snapshot_count.to_string()),
            ("lock-lease", span::format(self.lock_lease)),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// The usual settings, with those of `map` in their place.
    pub(crate) fn from_map(map: &BTreeMap<String, String>) -> Result<Self, TargetError> {
        let mut settings = Settings::default();
        for (name, value) in map {
            settings.set(name, value)?;
        }
        // etcd itself refuses less than five heartbeats, after the lab has waited for it.
        if settings.election < 5 * settings.heartbeat {
            let name = "election";
            let reason = "is less than the five heartbeats that etcd wants";
            let value = settings.election.to_string();
            return Err(TargetError::bad_setting(super::NAME, name, &value, reason));
        }
        Ok(settings)
    }

    /// The settings of the servers, as their command line has them.
    pub(crate) fn arguments(&self) -> [String; 3] {
        [
            format!("--heartbeat-interval={}", self.heartbeat),
            format!("--election-timeout={}", self.election),
            format!("--snapshot-count={}", self.snapshot_count),
        ]
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), TargetError> {
        let bad = |reason| TargetError::bad_setting(super::NAME, name, value, reason);
        let number = || match value.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(bad("is no number above 0")),
        };
        match name {
            "heartbeat" => self.heartbeat = number()?,
            "election" => self.election = number()?,
            "snapshot-count" => self.snapshot_count = number()?,
            "lock-lease" => {
                let lease = span::parse(value).ok();
                let whole = lease.filter(|lease| lease.as_secs() > 0 && lease.subsec_nanos() == 0);
                self.lock_lease = whole.ok_or_else(|| bad("is not whole seconds"))?;
            }
            _ => return Err(bad("cannot be set, since there is no such setting")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_told() {
        let settings = Settings {
            heartbeat: 7,
            lock_lease: Duration::from_secs(3),
            ..Settings::default()
        };
        assert_eq!(Settings::from_map(&settings.to_map()), Ok(settings));
    }

    #[test]
    fn a_misspelt_or_senseless_setting_is_refused() {
        for (name, value) in [
            ("heartbeats", "3"),
            ("heartbeat", "soon"),
            ("heartbeat", "0"),
            ("election", "100"),
            ("lock-lease", "1500ms"),
        ] {
            let map = [(name.to_owned(), value.to_owned())].into();
            let error = Settings::from_map(&map).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}
