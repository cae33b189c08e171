//! What can be set about Redis and its Sentinels from a plan.

use std::collections::BTreeMap;
use std::time::Duration;

use testimony_engine::span;

use crate::TargetError;

/// The settings. Times are short, so that a run sees several fail-overs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// When written data go to the disk: `always`, `everysec` or `no`.
    pub(crate) appendfsync: String,
    /// How long a master may be silent before its Sentinels think it down.
    pub(crate) down_after: Duration,
    /// How long a fail-over may take before it is tried again.
    pub(crate) failover_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            appendfsync: "always".to_owned(),
            down_after: Duration::from_secs(1),
            failover_timeout: Duration::from_secs(5),
        }
    }
}

impl Settings {
    /// The settings under the names that a plan uses.
    pub(crate) fn to_map(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("appendfsync", self.appendfsync.clone()),
            ("down-after", span::format(self.down_after)),
            ("failover-timeout", span::format(self.failover_timeout)),
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
        let time = || span::parse(value).map_err(|_| "is no span of time");
        match name {
            "appendfsync" if matches!(value, "always" | "everysec" | "no") => {
                value.clone_into(&mut self.appendfsync);
            }
            "appendfsync" => return Err("is not always, everysec or no"),
            "down-after" => self.down_after = time()?,
            "failover-timeout" => self.failover_timeout = time()?,
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
            appendfsync: "everysec".to_owned(),
            ..Settings::default()
        };
        assert_eq!(Settings::from_map(&settings.to_map()), Ok(settings));
    }

    #[test]
    fn a_misspelt_or_senseless_setting_is_refused() {
        for (name, value) in [("down-after", "3"), ("appendfsync", "never"), ("port", "1")] {
            let map = [(name.to_owned(), value.to_owned())].into();
            let error = Settings::from_map(&map).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}
