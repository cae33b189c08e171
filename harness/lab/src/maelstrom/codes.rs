//! The error codes of the protocol, and what each says about the operation.
//!
//! | code | name | the operation |
//! |---|---|---|
//! | 0 | timeout | may have happened |
//! | 1 | node-not-found | certainly did not |
//! | 10 | not-supported | certainly did not |
//! | 11 | temporarily-unavailable | certainly did not |
//! | 12 | malformed-request | certainly did not |
//! | 13 | crash | may have happened |
//! | 14 | abort | certainly did not |
//! | 20 | key-does-not-exist | certainly did not; to a read and a cas it is the answer |
//! | 21 | key-already-exists | certainly did not |
//! | 22 | precondition-failed | certainly did not; to a cas it is the answer |
//! | 30 | txn-conflict | certainly did not |
//! | any other | | may have happened |

/// The key does not exist.
pub(crate) const NO_SUCH_KEY: u64 = 20;
/// The comparison did not match.
pub(crate) const PRECONDITION_FAILED: u64 = 22;
/// The request is not one of those that are understood.
pub(crate) const NOT_SUPPORTED: u64 = 10;
/// The request lacks something.
pub(crate) const MALFORMED: u64 = 12;

const DEFINITE: [u64; 9] = [1, 10, 11, 12, 14, 20, 21, 22, 30];

/// Whether the code says that the operation certainly did not happen, and never will.
pub(crate) fn is_definite(code: u64) -> bool {
    DEFINITE.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_may_have_happened() {
        for code in [0, 2, 13, 15, 23, 31, 999, 1000, 1001] {
            assert!(!is_definite(code), "{code}");
        }
        assert!(DEFINITE.into_iter().all(is_definite));
    }
}
