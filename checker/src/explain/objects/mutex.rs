//! Contradictions of locks.

use testimony_history::{Function, Value};

use super::{Scene, pairs};
use crate::explain::Explanation;

pub(super) fn explain(scene: &Scene<'_>) -> Option<Explanation> {
    let lock = Lock::new(scene);
    lock.held_twice()
        .or_else(|| lock.token_repeated())
        .or_else(|| lock.not_the_holder())
        .or_else(|| lock.refused_though_free())
}

struct Lock<'a> {
    scene: &'a Scene<'a>,
    /// Acquisitions that happened.
    granted: Vec<usize>,
    /// Acquisitions that happened or may have.
    acquires: Vec<usize>,
    refused: Vec<usize>,
    /// Releases that happened or may have.
    releases: Vec<usize>,
}

impl<'a> Lock<'a> {
    fn new(scene: &'a Scene<'a>) -> Self {
        let (refused, acquires): (Vec<usize>, Vec<usize>) = scene
            .possible(&Function::Acquire)
            .into_iter()
            .partition(|&op| scene.result(op) == Some(&Value::Bool(false)));
        let happened = |op: &usize| scene.answer(*op).is_some();
        Lock {
            scene,
            granted: acquires.iter().copied().filter(happened).collect(),
            acquires,
            refused,
            releases: scene.possible(&Function::Release),
        }
    }

    fn same_process(&self, a: usize, b: usize) -> bool {
        self.scene.operations[a].process == self.scene.operations[b].process
    }

    /// Whether a release of what the first operation got can come between it and another.
    fn released_between(&self, first: usize, then: usize) -> bool {
        let between = |&release: &usize| {
            self.same_process(release, first)
                && !self.scene.precedes(release, first)
                && !self.scene.precedes(then, release)
        };
        self.releases.iter().any(between)
    }

    /// Whether one acquisition cannot come before another.
    fn not_before(&self, first: usize, then: usize) -> bool {
        self.scene.precedes(then, first) || !self.released_between(first, then)
    }

    fn held_twice(&self) -> Option<Explanation> {
        let scene = self.scene;
        let clash = |&(a, b): &(usize, usize)| {
            !scene.precedes(b, a) && self.not_before(a, b) && self.not_before(b, a)
        };
        let (first, then) = pairs(&self.granted).find(clash)?;
        let given_back =
            self.releases.iter().copied().find(|&release| {
                self.same_process(release, first) && !scene.precedes(release, first)
            });
        let until = given_back.map_or_else(
            || "had not begun to release it by then".to_owned(),
            |release| {
                format!(
                    "did not begin to release it before {}",
                    scene.words.began(release)
                )
            },
        );
        let headline = if scene.precedes(first, then) {
            format!(
                "{}, but {} already held it: it acquired it, which ended at {}, and {until}",
                scene.deed_at(then),
                scene.who(first),
                scene.words.ended(first)
            )
        } else {
            format!(
                "{} and {} both acquired the mutex, and neither can have released it before the other",
                scene.who(first),
                scene.who(then)
            )
        };
        let involved: Vec<usize> = [first, then].into_iter().chain(given_back).collect();
        Some(scene.tell(headline, &involved))
    }

    fn token(&self, op: usize) -> Option<i64> {
        match self.scene.result(op)? {
            Value::Int(token) => Some(*token),
            _ => None,
        }
    }

    fn token_repeated(&self) -> Option<Explanation> {
        let scene = self.scene;
        pairs(&self.granted).find_map(|(first, then)| {
            let (old, new) = (self.token(first)?, self.token(then)?);
            let headline = if scene.precedes(first, then) && new <= old {
                format!(
                    "{}, but {} had already been given token {old}, which ended at {}, and tokens must increase",
                    scene.deed_at(then),
                    scene.who(first),
                    scene.words.ended(first)
                )
            } else if new == old && !scene.precedes(then, first) {
                let (a, b) = (scene.who(first), scene.who(then));
                format!("{a} and {b} both acquired the mutex with token {new}")
            } else {
                return None;
            };
            Some(scene.tell(headline, &[first, then]))
        })
    }

    /// A release between which and the start, or an earlier release of the same process, that
    /// process can have acquired nothing.
    fn not_the_holder(&self) -> Option<Explanation> {
        let scene = self.scene;
        let certain = scene.certain(&Function::Release);
        certain.iter().find_map(|&release| {
            let acquired_since = |since: Option<usize>| {
                self.acquires.iter().any(|&acquire| {
                    self.same_process(acquire, release)
                        && !scene.precedes(release, acquire)
                        && since.is_none_or(|since| !scene.precedes(acquire, since))
                })
            };
            let deed = scene.deed_at(release);
            let who = scene.who(release);
            if !acquired_since(None) {
                let headline = format!("{deed}, but {who} had never acquired it");
                return Some(scene.tell(headline, &[release]));
            }
            let earlier = certain.iter().copied().find(|&earlier| {
                self.same_process(earlier, release)
                    && scene.precedes(earlier, release)
                    && !acquired_since(Some(earlier))
            })?;
            let headline = format!(
                "{deed}, but {who} had already released it, which ended at {}, and not acquired it since",
                scene.words.ended(earlier)
            );
            Some(scene.tell(headline, &[earlier, release]))
        })
    }

    /// A refusal at whose time every acquisition had been released, or had not begun.
    fn refused_though_free(&self) -> Option<Explanation> {
        let scene = self.scene;
        self.refused.iter().find_map(|&op| {
            let released_by = |acquire: usize| {
                self.releases.iter().copied().find(|&release| {
                    self.same_process(release, acquire)
                        && scene.precedes(acquire, release)
                        && scene.precedes(release, op)
                })
            };
            let mut involved = vec![op];
            for &acquire in self.acquires.iter().filter(|&&a| !scene.precedes(op, a)) {
                involved.extend([acquire, released_by(acquire)?]);
            }
            let deed = scene.deed_at(op);
            let last = involved
                .iter()
                .skip(1)
                .max_by_key(|&&op| scene.operations[op].returned);
            let headline = match last {
                None => format!("{deed}, but nobody had begun to acquire it"),
                Some(&last) => format!(
                    "{deed}, but nobody held it: the last to do so released it, which ended at {}",
                    scene.words.ended(last)
                ),
            };
            Some(scene.tell(headline, &involved))
        })
    }
}

#[cfg(test)]
mod tests {
    use testimony_history::Model::Mutex;

    use super::super::testing::headline;

    #[test]
    fn one_holds_it() {
        let overlap = "1 invoke acquire\n1 ok acquire\n2 invoke acquire\n2 ok acquire\n1 invoke release\n1 ok release";
        assert_eq!(
            headline(Mutex, overlap),
            "p2 acquired the mutex at 0.200 s, but p1 already held it: it acquired it, which ended at 0.100 s, \
            and did not begin to release it before 0.400 s"
        );
        let concurrent = "1 invoke acquire\n2 invoke acquire\n1 ok acquire\n2 ok acquire\n1 invoke release\n1 ok release";
        assert_eq!(
            headline(Mutex, concurrent),
            "p1 and p2 both acquired the mutex, and neither can have released it before the other"
        );
    }

    #[test]
    fn tokens_increase() {
        let back = "1 invoke acquire\n1 ok acquire null \"result\":7\n1 invoke release\n1 ok release\n\
            2 invoke acquire\n2 ok acquire null \"result\":5";
        assert_eq!(
            headline(Mutex, back),
            "p2 acquired the mutex with token 5 at 0.400 s, but p1 had already been given token 7, \
            which ended at 0.100 s, and tokens must increase"
        );
    }

    #[test]
    fn the_holder_releases() {
        let other = "1 invoke acquire\n1 ok acquire\n2 invoke release\n2 ok release";
        assert_eq!(
            headline(Mutex, other),
            "p2 released the mutex at 0.200 s, but p2 had never acquired it"
        );
        let twice = "1 invoke acquire\n1 ok acquire\n1 invoke release\n1 ok release\n1 invoke release\n1 ok release";
        assert_eq!(
            headline(Mutex, twice),
            "p1 released the mutex at 0.400 s, but p1 had already released it, which ended at 0.300 s, \
            and not acquired it since"
        );
    }

    #[test]
    fn refused_while_free() {
        let never = "1 invoke acquire\n1 ok acquire null \"result\":false";
        assert_eq!(
            headline(Mutex, never),
            "p1 was refused the mutex, as held at 0.000 s, but nobody had begun to acquire it"
        );
        let over = "1 invoke acquire\n1 ok acquire\n1 invoke release\n1 ok release\n\
            2 invoke acquire\n2 ok acquire null \"result\":false";
        assert_eq!(
            headline(Mutex, over),
            "p2 was refused the mutex, as held at 0.400 s, but nobody held it: the last to do so released it, \
            which ended at 0.300 s"
        );
    }

    #[test]
    fn a_lock_that_works() {
        let legal = "1 invoke acquire\n2 invoke acquire\n1 ok acquire null \"result\":1\n1 invoke release\n1 ok release\n\
            2 ok acquire null \"result\":2\n3 invoke acquire\n3 ok acquire null \"result\":false\n2 invoke release\n2 ok release";
        assert_eq!(headline(Mutex, legal), "none");
    }
}
