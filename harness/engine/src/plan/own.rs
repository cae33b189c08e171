//! Whether what a plan says of a system of the user's own fits to where it runs.

use super::{Plan, PlanError};
use crate::Fault;
use crate::own::Aim;

impl Plan {
    /// Checks that what a lab or a target needs of the user is there, and that nothing is there
    /// that would be passed over in silence.
    pub(super) fn check_own(&self) -> Result<(), PlanError> {
        let external = self.lab == "external";
        let maelstrom = self.lab == "maelstrom";
        let own = self.target == "own";
        let starts = self.system.as_ref().is_some_and(|s| s.start.is_some());
        let problems = [
            (
                own && self.system.is_none(),
                "target `own` needs [system]: `testimony init` writes one",
            ),
            (
                !own && self.system.is_some(),
                "[system] describes a system of your own: target = \"own\"",
            ),
            (
                own && !external && !starts,
                "the nodes cannot be started without [system.start]",
            ),
            (
                external && starts,
                "in the external lab nothing is started: remove [system.start]",
            ),
            (
                external && self.external.is_none(),
                "the external lab needs [external] with its nodes",
            ),
            (
                !external && self.external.is_some(),
                "[external] is for lab = \"external\"",
            ),
            (
                maelstrom && self.program.is_none(),
                "give the program that is every node: `testimony run --lab maelstrom -- ./node.py`",
            ),
            (
                !maelstrom && self.program.is_some(),
                "a program after `--` is for --lab maelstrom",
            ),
        ];
        let found = problems.into_iter().find(|(is_so, _)| *is_so);
        if let Some((_, problem)) = found {
            return Err(PlanError::Own(problem.to_owned()));
        }
        self.check_operations()?;
        self.check_external_nodes()
    }

    /// That every operation which the workload makes is described. Compare-and-set may be absent
    /// from nothing: what is not asked for is never missed.
    fn check_operations(&self) -> Result<(), PlanError> {
        let Some(system) = &self.system else {
            return Ok(());
        };
        let offered = system.http.functions();
        let mix = self.workload.mix.weights();
        let missing = mix
            .iter()
            .find(|(f, weight)| *weight > 0 && !offered.contains(f));
        match missing {
            None => Ok(()),
            Some((f, _)) => Err(PlanError::Own(format!(
                "workload `{}` makes `{f}`, which no [system.http.{f}] describes: describe it, or \
                 take it out of the mix",
                self.workload.name
            ))),
        }
    }

    fn check_external_nodes(&self) -> Result<(), PlanError> {
        let listed = self.external.as_ref().map(|external| external.nodes.len());
        match listed {
            Some(listed) if u32::try_from(listed) != Ok(self.nodes) => {
                Err(PlanError::Own(format!(
                    "[external] lists {listed} nodes, and `nodes` is {}: leave `nodes` out",
                    self.nodes
                )))
            }
            _ => Ok(()),
        }
    }

    /// That the user has a command for every injection that is one.
    pub(super) fn check_commands(&self) -> Result<(), PlanError> {
        let known = self.commands();
        for injection in &self.injections {
            if let Fault::Command { name, .. } = &injection.fault
                && !known.iter().any(|(known, _)| known == name)
            {
                return Err(PlanError::Injection {
                    id: injection.id,
                    kind: injection.kind,
                    problem: format!("has no command: describe [external.faults.{name}]"),
                });
            }
        }
        Ok(())
    }

    /// What the user has commands for.
    pub(super) fn commands(&self) -> Vec<(String, Aim)> {
        let faults = self.external.iter().flat_map(|external| &external.faults);
        faults
            .map(|(name, fault)| (name.clone(), fault.node))
            .collect()
    }
}
