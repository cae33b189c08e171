//! What can be set about ZooKeeper from a plan.

use std::collections::BTreeMap;
use std::time::Duration;

use testimony_engine::span;

use crate::TargetError;

/// The settings. Times are short, so that a run sees several elections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The unit of all times of the servers.
    pub(crate) tick: Duration,
    /// How many ticks a server may lag behind the leader before it stops serving.
    pub(crate) sync_limit: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            tick: Duration::from_millis(500),
            sync_limit: 4,
        }
    }
}

impl Settings {
    /// The settings under the names that a plan uses.
    pub(crate) fn to_map(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("tick", span::format(self.tick)),
            ("sync-limit", self.sync_limit.to_string()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// The usual settings, with those of `map` in their place.
    pub(crate) fn from_map(map: &BTreeMap<String, String>) -> Result<Self, TargetError> {
        let mut settings = Settings::default();
        for (name, value) in map {
            let set = settings.set(name, value);
            set.map_err(|reason| TargetError::bad_setting(super::NAME, name, value, reason))?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        match name {
            "tick" => self.tick = span::parse(value).map_err(|_| "is no span of time")?,
            "sync-limit" => self.sync_limit = value.parse().map_err(|_| "is no number")?,
            _ => return Err("cannot be set, since there is no such setting"),
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
            sync_limit: 2,
            ..Settings::default()
        };
        assert_eq!(Settings::from_map(&settings.to_map()), Ok(settings));
    }

    #[test]
    fn a_misspelt_or_senseless_setting_is_refused() {
        for (name, value) in [("tick", "3"), ("sync-limit", "few"), ("port", "1")] {
            let map = [(name.to_owned(), value.to_owned())].into();
            let error = Settings::from_map(&map).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}
