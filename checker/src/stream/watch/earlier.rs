//! Watching an object that others have watched before.

use testimony_history::Origin;

use super::{Event, EventId, Fate, HELD, Tracked, Watch};
use crate::model::Model;

/// An operation that was called before an object was watched.
pub(in crate::stream) struct Earlier<M: Model> {
    pub(in crate::stream) input: M::Input,
    pub(in crate::stream) fate: Fate<M::Output>,
    /// When it was called and when it returned, as numbers that rise.
    pub(in crate::stream) called: u64,
    pub(in crate::stream) returned: Option<u64>,
}

impl<M: Model> Watch<M> {
    /// An object on which some operations have been called, given in the order of their calls. They
    /// are numbered from 0, and make a legal history, which ended with the event `legal`.
    pub(in crate::stream) fn resume(earlier: Vec<Earlier<M>>, legal: EventId) -> Self {
        let mut watch = Watch::new();
        watch.legal = legal;
        let mut events = Vec::new();
        for (op, earlier) in (0..).zip(earlier) {
            events.push((earlier.called, Event::Call(op)));
            events.extend(earlier.returned.map(|returned| {
                let end = Event::End {
                    op,
                    at: legal,
                    origin: Origin::default(),
                    completed: matches!(earlier.fate, Fate::Completed(_)),
                };
                (returned, end)
            }));
            watch.ops.push_back(Tracked {
                input: earlier.input,
                fate: earlier.fate,
                ended: legal,
                after: None,
                before_another: false,
            });
        }
        // A write and its return may have one time.
        events.sort_by_key(|(time, event)| (*time, matches!(event, Event::End { .. })));
        watch
            .events
            .extend(events.into_iter().map(|(_, event)| event));
        watch.due = HELD.max(watch.events.len() * 2);
        watch
    }
}
