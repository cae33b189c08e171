//! Where the programs of a distribution's package lie.

use std::path::{Path, PathBuf};

use crate::TargetError;

/// What a target needs of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    /// The target that needs it.
    pub target: &'static str,
    /// What has to be installed, as the distribution calls it.
    pub name: &'static str,
}

/// Servers are often kept out of a user's own path.
const BESIDE_PATH: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

impl Package {
    /// The program of that name.
    ///
    /// # Errors
    /// If it is in no folder of the path, nor where servers lie; the error names the package.
    pub fn program(self, name: &str) -> Result<PathBuf, TargetError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(BESIDE_PATH.map(PathBuf::from));
        let found = folders
            .map(|folder| folder.join(name))
            .find(|at| at.is_file());
        found.ok_or_else(|| self.lacks(name))
    }

    /// The file, which the package puts at one place only.
    ///
    /// # Errors
    /// If it is not there.
    pub fn file(self, path: &str) -> Result<PathBuf, TargetError> {
        let file = Path::new(path);
        if file.exists() {
            return Ok(file.to_owned());
        }
        Err(self.lacks(path))
    }

    fn lacks(self, program: &str) -> TargetError {
        TargetError::NotInstalled {
            target: self.target.to_owned(),
            program: program.to_owned(),
            package: self.name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: Package = Package {
        target: "ghost",
        name: "ghost-server",
    };

    #[test]
    fn finds_what_is_there() {
        assert!(PACKAGE.program("sh").unwrap().is_absolute());
        assert!(PACKAGE.file("/bin/sh").is_ok());
    }

    #[test]
    fn names_the_package_of_what_is_not() {
        let error = PACKAGE.program("no-such-ghostd").unwrap_err().to_string();
        assert!(error.contains("no-such-ghostd") && error.contains("apt-get install ghost-server"));
        assert!(PACKAGE.file("/no/such/ghost.jar").is_err());
    }
}
