//! Looking ahead: where objects only grow, what an operation is known to have seen later says what
//! can have been there before.
//!
//! Let every operation that may come before an operation *r* be pure, or let the object
//! [grow](crate::Model::grows); and let the object be in a state from which it never grows into one
//! that *r*'s answer fits ([`Model::is_lost`](crate::Model::is_lost)). Then *r* has no place in any
//! completion, so there is none. What may come before *r* is what is open and has not happened, and
//! what is called before *r* returns. *r* must not have happened itself: a read that has happened
//! says nothing of what comes.

use super::Prunings;
use super::configuration::Configuration;
use super::window::{NONE, Window};
use crate::automaton::Automaton;
use crate::model::Model;
use crate::partition::narrow;

/// For each position of a window, what to look ahead to.
pub(super) struct Lookahead {
    /// The first operation called after the return whose answer tells whether a state is lost;
    /// `NONE` if there is none, or if something else than growth may come before it. Empty if no
    /// operation lets the object grow.
    next: Vec<u32>,
}

impl Lookahead {
    /// Looks through a window, if that is wanted and of use. O(n).
    pub(super) fn new<M: Model>(
        window: &Window,
        automaton: &Automaton<'_, M>,
        prunings: Prunings,
    ) -> Self {
        let any = window.label.iter().any(|&label| automaton.grows(label));
        if !(prunings.lookahead && any) {
            return Lookahead { next: Vec::new() };
        }
        let mut others = Vec::with_capacity(window.len() + 1);
        let mut count = 0;
        for op in 0..window.len() {
            others.push(count);
            let grows = automaton.grows(window.label[op]);
            count += u32::from(!grows && !window.pure[op]);
        }
        others.push(count);
        let mut following = vec![NONE; window.len() + 1];
        for op in (0..window.len()).rev() {
            let tells = window.rank[op] != NONE && automaton.tells(window.label[op]);
            following[op] = if tells { narrow(op) } else { following[op + 1] };
        }
        let next = |&arrived: &u32| {
            let op = following[arrived as usize];
            if op == NONE {
                return NONE;
            }
            let called_by_then = window.arrived[window.rank[op as usize] as usize] as usize;
            let only_growth = others[called_by_then] == others[arrived as usize];
            if only_growth { op } else { NONE }
        };
        Lookahead {
            next: window.arrived.iter().map(next).collect(),
        }
    }

    /// The rank of the return that a configuration never gets past, if that is plain: of the
    /// operation that returns next, or of one that is called later.
    pub(super) fn hopeless<M: Model>(
        &self,
        window: &Window,
        here: &Configuration<'_>,
        automaton: &mut Automaton<'_, M>,
    ) -> Option<u32> {
        let next = *self.next.get(here.position as usize)?;
        let returning = here.returning();
        let mut ahead = [returning, next].into_iter().filter(|&op| op != NONE);
        let lost = ahead.find(|&op| automaton.is_lost(here.state, window.label[op as usize]))?;
        only_growth(window, here, automaton).then(|| window.rank[lost as usize])
    }
}

/// Whether everything that is open and has not happened is pure, or lets the object grow.
fn only_growth<M: Model>(
    window: &Window,
    here: &Configuration<'_>,
    automaton: &Automaton<'_, M>,
) -> bool {
    let required = (0..here.words()).all(|word| {
        let mut slots = here.pending_updates(word);
        while slots != 0 {
            let op = here.take(word, &mut slots);
            if !automaton.grows(window.label[op as usize]) {
                return false;
            }
        }
        true
    });
    required
        && window.classes.iter().all(|class| {
            let label = window.label[class.ops[0] as usize];
            automaton.grows(label) || automaton.is_pure(label) || !here.may_use(class)
        })
}
