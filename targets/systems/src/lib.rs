//! How Testimony starts, calls, observes and administers the systems it tests.
//!
//! A system is described as data and called through a client; the lab starts and stops its nodes.
//! Each system has a module of its own, with a documented table that says for every answer and
//! every error whether an operation completed, failed, or nobody knows: to call an unknown outcome
//! a failure would manufacture violations, and to call a failure unknown would hide them.

mod change;
pub mod etcd;
mod http;
pub mod installed;
mod mishap;
pub mod nats;
pub mod own;
mod paxos;
mod planted;
pub mod postgres;
pub mod raft;
pub mod redis;
mod simulated;
#[cfg(test)]
mod testing;
mod text;
mod wire;
pub mod zookeeper;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use testimony_engine::{Target, TargetInfo};
use thiserror::Error;

use crate::etcd::EtcdTarget;
use crate::nats::NatsTarget;
use crate::postgres::PostgresTarget;
use crate::raft::RaftTarget;
use crate::redis::RedisTarget;
use crate::zookeeper::ZooKeeperTarget;

/// What the caller decides about a target.
#[derive(Clone, Debug)]
pub struct TargetOptions {
    /// The executable that the bundled servers are part of: this very program.
    pub program: PathBuf,
    /// The mode, of a target that has modes.
    pub mode: Option<String>,
    /// The mistake to plant, by name.
    pub bug: Option<String>,
    /// The target's own settings, by name; those absent have their defaults.
    pub settings: BTreeMap<String, String>,
}

/// Why there is no such target.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// Nothing is called that.
    #[error("no target is called `{name}`; there are {known}")]
    UnknownTarget {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The target has no programs to start.
    #[error("{0} runs in the simulated lab only: `testimony simulate --target {0}`")]
    OnlySimulated(String),
    /// The target has no such bug to plant.
    #[error("no bug of {target} is called `{bug}`; there are {known}")]
    UnknownBug {
        /// The target.
        target: String,
        /// What was asked for.
        bug: String,
        /// What there is.
        known: String,
    },
    /// The system is not on this machine.
    #[error(
        "{target} needs `{program}`, which is not installed: on Debian, apt-get install {package}"
    )]
    NotInstalled {
        /// The target.
        target: String,
        /// The program that was looked for.
        program: String,
        /// The package that has it.
        package: String,
    },
    /// The target has no such setting, or not with such a value.
    #[error("setting `{name}` of {target}: {reason}")]
    BadSetting {
        /// The target.
        target: String,
        /// The setting.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl TargetOptions {
    /// For what others wrote: nobody planted a mistake in it.
    fn refuse_bug(&self, target: &str) -> Result<(), TargetError> {
        match &self.bug {
            None => Ok(()),
            Some(bug) => Err(TargetError::UnknownBug {
                target: target.to_owned(),
                bug: bug.clone(),
                known: "none: it is what others wrote".to_owned(),
            }),
        }
    }
}

impl TargetError {
    /// A setting that is refused; `reason` goes on after the value.
    fn bad_setting(target: &str, name: &str, value: &str, reason: &str) -> Self {
        TargetError::BadSetting {
            target: target.to_owned(),
            name: name.to_owned(),
            reason: format!("`{value}` {reason}"),
        }
    }
}

/// Everything that can be tested.
pub fn targets() -> Vec<TargetInfo> {
    let mut all = vec![raft::info(), own::about()];
    all.extend(simulated::all());
    all.extend(paxos::all());
    all.push(etcd::info());
    all.push(nats::info());
    all.push(redis::info());
    all.push(zookeeper::info());
    all.push(postgres::info());
    all
}

/// The target of that name, as programs to start.
///
/// # Errors
/// If there is no such target, bug, or setting, or the target is none of programs.
pub fn target(name: &str, options: TargetOptions) -> Result<Arc<dyn Target>, TargetError> {
    if name == raft::NAME {
        return Ok(Arc::new(RaftTarget::new(options)?));
    }
    if name == etcd::NAME {
        return Ok(Arc::new(EtcdTarget::new(&options)?));
    }
    if name == nats::NAME {
        return Ok(Arc::new(NatsTarget::new(&options)?));
    }
    if name == redis::NAME {
        return Ok(Arc::new(RedisTarget::new(&options)?));
    }
    if name == postgres::NAME {
        return Ok(Arc::new(PostgresTarget::new(&options)?));
    }
    if name == zookeeper::NAME {
        return Ok(Arc::new(ZooKeeperTarget::new(&options)?));
    }
    if targets().iter().any(|info| info.name == name) {
        return Err(TargetError::OnlySimulated(name.to_owned()));
    }
    let known = targets()
        .into_iter()
        .map(|info| info.name)
        .collect::<Vec<_>>()
        .join(", ");
    Err(TargetError::UnknownTarget {
        name: name.to_owned(),
        known,
    })
}
