//! Which of the prunings a search uses; tests switch them off one by one.

/// Which prunings are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prunings {
    pub(crate) eager: bool,
    pub(crate) alike: bool,
    pub(crate) affected: bool,
    pub(crate) dominance: bool,
    pub(crate) lookahead: bool,
}

impl Prunings {
    pub(crate) const ALL: Prunings = Prunings {
        eager: true,
        alike: true,
        affected: true,
        dominance: true,
        lookahead: true,
    };
    /// Of operations that differ in nothing but when they return, only the next one is tried.
    pub(crate) const ALIKE: Prunings = Prunings {
        alike: true,
        ..Prunings::NONE
    };
    pub(crate) const NONE: Prunings = Prunings {
        eager: false,
        alike: false,
        affected: false,
        dominance: false,
        lookahead: false,
    };
}
