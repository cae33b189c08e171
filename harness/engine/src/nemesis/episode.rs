//! What one drawn kind does: one fault, or several in a row.

use std::time::Duration;

use super::NemesisParams;
use crate::chance::Chance;
use crate::own::Aim;
use crate::{Fault, FaultKind, Flaws, NodeName, Selector, SpanRange, Turn};

/// How long a node is cut off, and let back, while flapping.
const FLAP: SpanRange = SpanRange::millis(150, 500);
/// How long each node is down in a rolling restart, and up before the next one goes.
const ROLL_DOWN: SpanRange = SpanRange::millis(200, 700);
/// Over how many sites the nodes are spread.
const SITES: usize = 3;
/// How long a node is down whose death provokes an election.
const PROVOKED: Duration = Duration::from_millis(40);
/// From when a leader that died is back until the next ambush: before anybody else leads.
const BETWEEN: Duration = Duration::from_millis(80);
const ROLL_UP: SpanRange = SpanRange::millis(300, 800);

/// The faults that one drawn kind leads to, in order.
pub(crate) struct Episode {
    pub(crate) steps: Vec<Step>,
}

/// One fault of an episode.
pub(crate) struct Step {
    /// When it begins, counted from the beginning of the episode.
    pub(crate) after: Duration,
    pub(crate) duration: Duration,
    pub(crate) fault: Fault,
}

/// The shortest room in which a kind can be drawn. A fault may be shorter than its usual shortest
/// span, down to a third, before it is impossible.
pub(crate) fn room_needed(kind: FaultKind, params: &NemesisParams) -> Duration {
    match kind {
        FaultKind::DropConnections | FaultKind::TransferLeader | FaultKind::SnapshotNow => {
            Duration::ZERO
        }
        FaultKind::Flapping => FLAP.min * 3,
        FaultKind::RollingRestart => ROLL_DOWN.min,
        FaultKind::KillVoter | FaultKind::KillNewLeader => PROVOKED * 10,
        _ => span_of(kind, params).min / 3,
    }
}

fn span_of(kind: FaultKind, params: &NemesisParams) -> SpanRange {
    params
        .durations
        .get(&kind)
        .copied()
        .unwrap_or(params.duration)
}

impl Episode {
    /// Draws what `kind` does in a cluster of `nodes`, all of it over within `room`.
    pub(crate) fn draw(
        kind: FaultKind,
        params: &NemesisParams,
        nodes: u32,
        room: Duration,
        chance: &mut Chance,
    ) -> Self {
        let commands = &params.commands;
        let mut draw = Draw {
            nodes,
            commands,
            chance,
        };
        let steps = match kind {
            FaultKind::Flapping => draw.flapping(room),
            FaultKind::RollingRestart => draw.rolling_restart(room),
            FaultKind::KillVoter => draw.kill_voter(span_of(kind, params), room),
            FaultKind::KillNewLeader => draw.kill_new_leaders(span_of(kind, params), room),
            _ => {
                let fault = draw.fault(kind);
                let drawn = draw.chance.span(span_of(kind, params)).min(room);
                let duration = if fault.is_instant() {
                    Duration::ZERO
                } else {
                    drawn
                };
                vec![Step {
                    after: Duration::ZERO,
                    duration,
                    fault,
                }]
            }
        };
        Episode { steps }
    }

    /// When its last fault is over, counted from its beginning.
    pub(crate) fn length(&self) -> Duration {
        self.steps
            .iter()
            .map(|step| step.after + step.duration)
            .max()
            .unwrap_or_default()
    }
}

/// A node is down for so long that an election follows if it led.
fn provocation(victim: Selector) -> Step {
    Step {
        after: Duration::ZERO,
        duration: PROVOKED,
        fault: Fault::Kill {
            nodes: vec![victim],
        },
    }
}

struct Draw<'a> {
    nodes: u32,
    commands: &'a [(String, Aim)],
    chance: &'a mut Chance,
}

impl Draw<'_> {
    fn fault(&mut self, kind: FaultKind) -> Fault {
        match kind {
            FaultKind::IsolateLeader => isolate(Selector::Leader, self.roles()),
            FaultKind::Halves => self.halves(),
            FaultKind::MajoritiesRing => Fault::Ring {
                order: self.shuffled_names(),
            },
            FaultKind::Bridge => self.bridge(),
            FaultKind::OneWay => self.one_way(),
            FaultKind::Flapping => self.isolate_someone(),
            FaultKind::KillOne | FaultKind::RollingRestart => Fault::Kill {
                nodes: vec![self.any_name()],
            },
            FaultKind::KillLeader => Fault::Kill {
                nodes: vec![Selector::Leader],
            },
            FaultKind::KillMinority => Fault::Kill {
                nodes: self.minority(),
            },
            FaultKind::KillAll => Fault::Kill {
                nodes: self.names(),
            },
            FaultKind::PauseLeader => Fault::Pause {
                nodes: vec![Selector::Leader],
            },
            FaultKind::PauseOne => Fault::Pause {
                nodes: vec![self.any_name()],
            },
            FaultKind::SlowLinks => self.slow(),
            FaultKind::Throttle => Fault::Throttle {
                nodes: self.some_nodes(),
                bytes_per_second: self.chance.between(2, 20) * 1_000,
            },
            FaultKind::DropConnections => Fault::Reset {
                nodes: self.some_nodes(),
            },
            FaultKind::Membership => Fault::Remove {
                node: self.leader_or_other(),
            },
            FaultKind::TransferLeader => Fault::Transfer {
                to: self.any_follower(),
            },
            FaultKind::SnapshotNow => Fault::Snapshot {
                node: self.leader_or_other(),
            },
            _ => self.fault_of_place(kind),
        }
    }

    /// A fault of one site, or of what is inside a node.
    fn fault_of_place(&mut self, kind: FaultKind) -> Fault {
        match kind {
            FaultKind::CutSite => {
                let (inside, outside) = self.site();
                Fault::Partition {
                    groups: vec![inside, outside],
                }
            }
            FaultKind::KillSite => Fault::Kill {
                nodes: self.site().0,
            },
            FaultKind::LossyLinks => self.lossy(),
            FaultKind::ClockSkew => self.skew(),
            FaultKind::SlowDisk => Fault::SlowDisk {
                nodes: self.some_nodes(),
                delay: Duration::from_millis(self.chance.between(5, 200)),
            },
            FaultKind::DiskFailure => Fault::FailDisk {
                nodes: vec![self.any_name()],
            },
            FaultKind::WipeDisk => Fault::Wipe {
                nodes: vec![self.any_name()],
            },
            FaultKind::CorruptLinks => Fault::Corrupt {
                nodes: self.some_nodes(),
                percent: u32_of(self.chance.between(1, 20)),
            },
            FaultKind::FullDisk => Fault::FillDisk {
                nodes: vec![self.any_name()],
            },
            FaultKind::ReadOnlyDisk => Fault::LockDisk {
                nodes: vec![self.any_name()],
            },
            FaultKind::Starve => Fault::Starve {
                nodes: vec![self.leader_or_other()],
                percent: u32_of(self.chance.between(1, 20)),
            },
            FaultKind::Command => self.command(),
            // The last is `Lie`; all others have their arms.
            _ => Fault::Lie {
                nodes: vec![self.any_name()],
            },
        }
    }

    /// One of the user's commands; without any there is nothing to draw.
    fn command(&mut self) -> Fault {
        let index = self.chance.index(self.commands.len());
        let (name, aim) = self.commands.get(index).cloned().unwrap_or_default();
        let node = match aim {
            Aim::Leader => Selector::Leader,
            Aim::Follower if self.nodes > 1 => self.any_follower(),
            Aim::Any | Aim::Follower => self.leader_or_other(),
        };
        Fault::Command { name, node }
    }

    fn flapping(&mut self, room: Duration) -> Vec<Step> {
        let fault = self.isolate_someone();
        let times = self.chance.between(3, 6);
        let mut steps = Vec::new();
        let mut after = Duration::ZERO;
        for _ in 0..times {
            let duration = self.chance.span(FLAP);
            if after + duration > room {
                break;
            }
            steps.push(Step {
                after,
                duration,
                fault: fault.clone(),
            });
            after += duration + self.chance.span(FLAP);
        }
        steps
    }

    fn rolling_restart(&mut self, room: Duration) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut after = Duration::ZERO;
        for node in self.shuffled_names() {
            let duration = self.chance.span(ROLL_DOWN).min(room.saturating_sub(after));
            if duration < ROLL_DOWN.min {
                break;
            }
            steps.push(Step {
                after,
                duration,
                fault: Fault::Kill { nodes: vec![node] },
            });
            after += duration + self.chance.span(ROLL_UP);
        }
        steps
    }

    /// Somebody is down for a moment, mostly the leader; whoever votes first dies.
    fn kill_voter(&mut self, span: SpanRange, room: Duration) -> Vec<Step> {
        let victim = match self.chance.percent(60) {
            true => Selector::Leader,
            false => self.any_name(),
        };
        let ambush = self.ambush(Turn::Votes, PROVOKED * 2, span, room);
        vec![provocation(victim), ambush]
    }

    /// The leader is down for a moment; the next ones die one after the other, as soon as they
    /// lead.
    fn kill_new_leaders(&mut self, span: SpanRange, room: Duration) -> Vec<Step> {
        let mut steps = vec![provocation(Selector::Leader)];
        let mut after = PROVOKED * 2;
        for _ in 0..self.chance.between(3, 6) {
            if after + BETWEEN > room {
                break;
            }
            let step = self.ambush(Turn::Leads, after, span, room);
            after += step.duration + BETWEEN;
            steps.push(step);
        }
        steps
    }

    /// Over within `room`, like every step.
    fn ambush(&mut self, turn: Turn, after: Duration, span: SpanRange, room: Duration) -> Step {
        Step {
            after,
            duration: self.chance.span(span).min(room.saturating_sub(after)),
            fault: Fault::Ambush {
                nodes: self.names(),
                turn,
            },
        }
    }

    /// A minority cut off from the rest; half of the time the leader is in it for certain.
    fn halves(&mut self) -> Fault {
        let size = usize_of(self.nodes / 2);
        let mut order = if self.chance.percent(50) {
            self.roles()
        } else {
            self.names()
        };
        if order[0] == Selector::Leader {
            self.chance.shuffle(&mut order[1..]);
        } else {
            self.chance.shuffle(&mut order);
        }
        let rest = order.split_off(size);
        Fault::Partition {
            groups: vec![order, rest],
        }
    }

    /// Two sides that only the first node of a random order reaches both of.
    fn bridge(&mut self) -> Fault {
        let mut order = self.shuffled_names();
        let mut left = order.split_off(1);
        let right = left.split_off(left.len() / 2);
        Fault::Partition {
            groups: vec![left, right],
        }
    }

    fn one_way(&mut self) -> Fault {
        let (leader, mut others) = (vec![Selector::Leader], self.followers());
        let fewer = if self.chance.percent(50) {
            others.len()
        } else {
            1
        };
        self.chance.shuffle(&mut others);
        others.truncate(fewer);
        if self.chance.percent(50) {
            Fault::OneWay {
                from: leader,
                to: others,
            }
        } else {
            Fault::OneWay {
                from: others,
                to: leader,
            }
        }
    }

    fn slow(&mut self) -> Fault {
        let delay = self.chance.between(20, 400);
        let jitter = self.chance.between(0, delay);
        Fault::Slow {
            nodes: self.some_nodes(),
            delay: Duration::from_millis(delay),
            jitter: Duration::from_millis(jitter),
        }
    }

    fn lossy(&mut self) -> Fault {
        let lateness = self.chance.between(100, 3_000);
        let flaws = Flaws {
            lost: u32_of(self.chance.between(0, 30)),
            doubled: u32_of(self.chance.between(0, 20)),
            late: u32_of(self.chance.between(0, 20)),
            lateness: Duration::from_millis(lateness),
        };
        Fault::Lossy {
            nodes: self.some_nodes(),
            flaws,
        }
    }

    /// A jump of up to two seconds, and a clock that gains or loses up to a tenth.
    fn skew(&mut self) -> Fault {
        let mut around = |most: i64| {
            let drawn = self.chance.below(most.unsigned_abs() * 2 + 1);
            i64::try_from(drawn).unwrap_or(most) - most
        };
        let (jump_ms, drift_ppm) = (around(2_000), around(100_000));
        Fault::Skew {
            nodes: vec![self.any_name()],
            jump_ms,
            drift_ppm,
        }
    }

    /// The nodes of one of three sites, over which they are spread in turn, and all others.
    fn site(&mut self) -> (Vec<Selector>, Vec<Selector>) {
        let site = self.chance.index(SITES);
        let numbered = self.names().into_iter().enumerate();
        let (inside, outside): (Vec<_>, Vec<_>) =
            numbered.partition(|(number, _)| number % SITES == site);
        let names = |side: Vec<(usize, Selector)>| side.into_iter().map(|(_, name)| name).collect();
        (names(inside), names(outside))
    }

    fn isolate_someone(&mut self) -> Fault {
        if self.chance.percent(60) {
            return isolate(Selector::Leader, self.roles());
        }
        isolate(self.any_name(), self.names())
    }

    /// The largest minority; half of the time the leader is in it for certain.
    fn minority(&mut self) -> Vec<Selector> {
        let size = usize_of((self.nodes - 1) / 2);
        let mut order = self.shuffled_names();
        if self.chance.percent(50) {
            order = self.roles();
            self.chance.shuffle(&mut order[1..]);
        }
        order.truncate(size);
        order
    }

    /// All, the leader, or one.
    fn some_nodes(&mut self) -> Vec<Selector> {
        match self.chance.below(3) {
            0 => self.names(),
            1 => vec![Selector::Leader],
            _ => vec![self.any_name()],
        }
    }

    fn leader_or_other(&mut self) -> Selector {
        if self.nodes == 1 || self.chance.percent(40) {
            Selector::Leader
        } else {
            self.any_follower()
        }
    }

    fn any_follower(&mut self) -> Selector {
        let number = self
            .chance
            .between(1, u64::from(self.nodes.saturating_sub(1).max(1)));
        Selector::Follower(u32::try_from(number).expect("not above the number of nodes"))
    }

    fn any_name(&mut self) -> Selector {
        let names = self.names();
        names[self.chance.index(names.len())].clone()
    }

    fn shuffled_names(&mut self) -> Vec<Selector> {
        let mut names = self.names();
        self.chance.shuffle(&mut names);
        names
    }

    fn names(&self) -> Vec<Selector> {
        (1..=self.nodes)
            .map(|number| Selector::Node(NodeName::numbered(number)))
            .collect()
    }

    /// The leader, then everyone else.
    fn roles(&self) -> Vec<Selector> {
        [Selector::Leader]
            .into_iter()
            .chain(self.followers())
            .collect()
    }

    fn followers(&self) -> Vec<Selector> {
        (1..self.nodes).map(Selector::Follower).collect()
    }
}

fn isolate(alone: Selector, all: Vec<Selector>) -> Fault {
    let rest = all
        .into_iter()
        .filter(|selector| *selector != alone)
        .collect();
    Fault::Partition {
        groups: vec![vec![alone], rest],
    }
}

fn u32_of(percent: u64) -> u32 {
    u32::try_from(percent).expect("a percentage")
}

fn usize_of(count: u32) -> usize {
    usize::try_from(count).expect("a number of nodes")
}
