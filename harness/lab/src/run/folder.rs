//! Where the files of a run lie.

use std::fs;
use std::path::{Path, PathBuf};

use testimony_engine::NodeName;

use crate::LabError;

/// The folder of a run.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder, and one for each node.
    pub(crate) fn create(root: &Path, nodes: &[NodeName]) -> Result<Self, LabError> {
        let folder = Folder {
            root: root.to_owned(),
        };
        for node in nodes {
            let data = folder.data(node);
            fs::create_dir_all(&data).map_err(LabError::write(data))?;
        }
        Ok(folder)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The last part of its path, which names the run.
    pub(crate) fn name(&self) -> String {
        self.root
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    pub(crate) fn nodes(&self) -> PathBuf {
        self.root.join("nodes")
    }

    /// Where a node's output goes.
    pub(crate) fn node(&self, node: &NodeName) -> PathBuf {
        self.nodes().join(node.as_str())
    }

    pub(crate) fn data(&self, node: &NodeName) -> PathBuf {
        self.node(node).join("data")
    }

    /// Drops what the nodes kept; their output stays.
    pub(crate) fn remove_data(&self, nodes: &[NodeName]) {
        for node in nodes {
            if let Err(error) = fs::remove_dir_all(self.data(node)) {
                tracing::warn!(%node, %error, "the data could not be removed");
            }
        }
    }
}
