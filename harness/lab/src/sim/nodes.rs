//! What nodes do: start, take what comes, wait for their disks, let messages and answers leave,
//! die.
//!
//! As the real server does, a node takes all that waits for it, has the disk save what its core
//! wants saved, and only then lets messages and answers leave; meanwhile more may come.

use std::time::Duration;

use testimony_consensus::NodeId;
use testimony_consensus::machine::store::{Response, Store};
use testimony_consensus::replica::{Audit, Disk, Input, Note, Output, Replica, StartError, TICK};
use testimony_engine::{Happening, Nanos, Turn};

use super::client::Heard;
use super::network::Passage;
use super::translation::{Reply, Request};
use super::world::{Event, World, saves};

/// How long a disk takes to save, and how long it takes now and then.
const SYNC_MIN: u64 = 200_000;
const SYNC_MAX: u64 = 2_000_000;
const SYNC_RARE: u64 = 20_000_000;
/// How many in a thousand are rare.
const RARE_PER_MILLE: u64 = 10;
/// How often, in percent, a node that lies does.
const LIES: u32 = 30;
/// How long the planted bug keeps data from the disk.
const UNSYNCED: Duration = Duration::from_millis(800);

impl<R: Replica<Machine = Store>> World<R> {
    /// Starts a node with what its disk kept.
    pub(super) fn start(&mut self, place: usize) -> Result<(), StartError> {
        let node = &mut self.nodes[place];
        node.start()?;
        let (id, life) = (node.setup.id, node.life);
        let began = node
            .core
            .as_ref()
            .map_or(Ok(()), |core| self.audit.started(id, core));
        if let Err(breach) = began {
            self.breached(breach);
        }
        let first = self.chance.between(0, nanos(TICK));
        let at = self.now + Duration::from_nanos(first);
        self.agenda.put(at, Event::Tick { node: place, life });
        let name = &self.nodes[place].name;
        self.recording.tell(self.now, || Happening::Started {
            node: name.to_string(),
        });
        Ok(())
    }

    /// A node is gone. Of what its disk was writing, a part that chance decides is on it. Whoever
    /// waits for an answer sees the connection break.
    pub(super) fn crash(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        if !node.is_up() {
            return;
        }
        let kept = self.chance.below(node.under_way() as u64 + 1);
        node.die(usize::try_from(kept).unwrap_or(usize::MAX));
        let name = &node.name;
        self.recording.tell(self.now, || Happening::Crashed {
            node: name.to_string(),
        });
        for ticket in std::mem::take(&mut self.nodes[place].owed) {
            self.let_hear(ticket, Heard::Lost);
        }
        self.all_dead();
    }

    pub(super) fn tick(&mut self, place: usize, life: u32) {
        let node = &mut self.nodes[place];
        if node.life != life || !node.is_up() {
            return;
        }
        let next = self.now + node.clock.true_span(TICK);
        self.agenda.put(next, Event::Tick { node: place, life });
        // A process that was stopped sees one late tick, not all that it missed.
        let waits = node.paused && matches!(node.inbox.back(), Some(Input::Tick));
        if !waits {
            self.give(place, Input::Tick);
        }
    }

    pub(super) fn arrives(
        &mut self,
        from: usize,
        to: usize,
        sent: Nanos,
        passage: Passage,
        message: R::Message,
    ) {
        let arrived = self.network.arrives(passage) && self.nodes[to].is_up();
        if self.recording.is_told() {
            self.tell_of_message(from, to, sent, &message, arrived);
        }
        if arrived {
            let from = self.nodes[from].setup.id;
            self.give(to, Input::Message { from, message });
        }
    }

    /// A request of a client or an operator reaches a node, if it listens.
    pub(super) fn requested(&mut self, place: usize, ticket: u64, sent: Nanos, request: Request) {
        let arrived = self.nodes[place].is_up();
        self.tell_of_request(place, ticket, sent, arrived);
        if !arrived {
            return self.let_hear(ticket, Heard::Refused);
        }
        self.nodes[place].owed.insert(ticket);
        self.give(place, Input::Request { ticket, request });
    }

    /// Something for a node to do, now or when it can.
    pub(super) fn give(&mut self, place: usize, input: Input<R>) {
        self.nodes[place].inbox.push_back(input);
        self.work(place);
    }

    /// Lets a node do what waits for it, unless it waits itself.
    pub(super) fn work(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        if node.paused || node.writing || node.inbox.is_empty() {
            return;
        }
        let done = node.work(self.now, &mut self.audit);
        if let Some(breach) = done.breach {
            self.breached(breach);
        }
        let mut outputs = done.outputs;
        if self.hasty {
            self.put_off(place, &mut outputs);
        }
        if outputs.iter().any(saves) {
            self.save(place, outputs);
        } else {
            self.release(place, outputs);
        }
    }

    /// Holds everything back until the disk has it.
    fn save(&mut self, place: usize, outputs: Vec<Output<R>>) {
        let rare = self.chance.below(1000) < RARE_PER_MILLE;
        let max = if rare { SYNC_RARE } else { SYNC_MAX };
        let takes = Duration::from_nanos(self.chance.between(SYNC_MIN, max));
        let node = &mut self.nodes[place];
        let (life, at) = (node.life, self.now + takes + node.disk_delay);
        (node.held, node.writing) = (outputs, true);
        self.costs.syncs += 1;
        self.agenda.put(at, Event::Synced { node: place, life });
    }

    /// With the planted bug: what is to be saved is kept in memory, and nothing waits for it.
    fn put_off(&mut self, place: usize, outputs: &mut Vec<Output<R>>) {
        let node = &mut self.nodes[place];
        let before = node.unsynced.len();
        let (put_off, rest) = std::mem::take(outputs).into_iter().partition(saves);
        *outputs = rest;
        let records = put_off.into_iter().filter_map(|output| match output {
            Output::Save(record) => Some(record),
            _ => None,
        });
        node.unsynced.extend(records);
        if before == 0 && !node.unsynced.is_empty() {
            let life = node.life;
            self.agenda
                .put(self.now + UNSYNCED, Event::Synced { node: place, life });
        }
    }

    /// The disk has what it was given, or has failed, which kills the node.
    pub(super) fn synced(&mut self, place: usize, life: u32) {
        let node = &mut self.nodes[place];
        if node.life != life || !node.is_up() {
            return;
        }
        if node.disk_fails {
            return self.crash(place);
        }
        for record in std::mem::take(&mut node.unsynced) {
            node.disk.save(&record);
        }
        let outputs = std::mem::take(&mut node.held);
        node.writing = false;
        for output in &outputs {
            if let Output::Save(record) = output {
                node.disk.save(record);
            }
        }
        self.release(place, outputs);
        self.work(place);
    }

    /// Lets messages and answers leave. A node whose fuse burns dies between two of them.
    fn release(&mut self, place: usize, outputs: Vec<Output<R>>) {
        for output in outputs {
            if saves(&output) {
                continue;
            }
            let node = &mut self.nodes[place];
            if let Some(left) = &mut node.fuse {
                let Some(fewer) = left.checked_sub(1) else {
                    return self.crash(place);
                };
                *left = fewer;
            }
            let life = node.life;
            self.release_one(place, output);
            let node = &self.nodes[place];
            if node.life != life || !node.is_up() {
                return;
            }
        }
    }

    fn release_one(&mut self, place: usize, output: Output<R>) {
        match output {
            Output::Send { to, message } => self.send(place, to, message),
            Output::Reply { ticket, reply } => self.reply(place, ticket, reply),
            Output::Note(note) => self.note(place, &note),
            Output::Save(_) => {}
        }
    }

    /// A node that was to die and had nothing to say dies all the same.
    pub(super) fn fuse_is_over(&mut self, place: usize, life: u32) {
        let node = &self.nodes[place];
        if node.life == life && node.fuse.is_some() {
            self.crash(place);
        }
    }

    fn send(&mut self, from: usize, to: NodeId, message: R::Message) {
        let Some(place) = self.place_of(to).filter(|place| *place != from) else {
            return;
        };
        let message = self.perhaps_false(from, message);
        let description = R::describe(&message);
        self.traffic.count(description.kind, description.bytes);
        let (copies, passage) = self.network.send(self.now, from, place, description.bytes);
        if copies[0].is_none() && self.recording.is_told() {
            self.tell_of_message(from, place, self.now, &message, false);
        }
        let [first, second] = copies;
        if let Some(at) = second {
            let message = message.clone();
            self.put_message(at, from, place, passage, message);
        }
        if let Some(at) = first {
            self.put_message(at, from, place, passage, message);
        }
    }

    /// A node that lies says now and then what it said to somebody else before.
    fn perhaps_false(&mut self, place: usize, message: R::Message) -> R::Message {
        let node = &mut self.nodes[place];
        if !node.lies {
            node.said = None;
            return message;
        }
        let before = node.said.replace(message.clone());
        let lies = self.chance.percent(LIES);
        before.filter(|_| lies).unwrap_or(message)
    }

    fn put_message(
        &mut self,
        at: Nanos,
        from: usize,
        to: usize,
        passage: Passage,
        message: R::Message,
    ) {
        let event = Event::Arrives {
            from,
            to,
            sent: self.now,
            passage,
            message,
        };
        self.agenda.put(at, event);
    }

    fn reply(&mut self, place: usize, ticket: u64, reply: Reply) {
        let node = &mut self.nodes[place];
        node.owed.remove(&ticket);
        let lies = node.lies && self.chance.percent(LIES);
        let reply = if lies { falsified(reply) } else { reply };
        self.let_hear(ticket, Heard::Reply(reply));
    }

    /// Whoever asked hears it when the network has brought it.
    pub(super) fn let_hear(&mut self, ticket: u64, heard: Heard) {
        let at = self.now + self.network.latency();
        self.agenda.put(at, Event::Heard { ticket, heard });
    }

    fn note(&mut self, place: usize, note: &Note) {
        match note {
            Note::Leads(_) => self.costs.leaders += 1,
            Note::Campaigns(_) => self.costs.elections += 1,
            Note::Votes(_) | Note::StepsDown | Note::Says(_) => {}
        }
        let node = self.nodes[place].name.as_str();
        self.recording.tell(self.now, || {
            let node = node.to_owned();
            match note {
                Note::Leads(term) => Happening::Leads { node, term: *term },
                Note::Campaigns(term) => Happening::Campaigns { node, term: *term },
                Note::StepsDown => Happening::StepsDown { node },
                Note::Votes(term) => Happening::Says {
                    node,
                    says: format!("helps another to lead, in term {term}"),
                },
                Note::Says(says) => Happening::Says {
                    node,
                    says: says.clone(),
                },
            }
        });
        match note {
            Note::Votes(_) => self.spring(place, Turn::Votes),
            Note::Leads(_) => self.spring(place, Turn::Leads),
            Note::Campaigns(_) | Note::StepsDown | Note::Says(_) => {}
        }
    }

    fn tell_of_message(
        &mut self,
        from: usize,
        to: usize,
        sent: Nanos,
        message: &R::Message,
        arrived: bool,
    ) {
        let (from, to) = (&self.names[from], &self.names[to]);
        self.recording.tell(self.now, || Happening::Message {
            from: from.to_string(),
            to: to.to_string(),
            kind: R::describe(message).kind.to_owned(),
            sent,
            arrived,
        });
    }
}

/// Another answer than the true one.
fn falsified(reply: Reply) -> Reply {
    let other = |response: Response| match response {
        Response::Value(_) => Response::Value(serde_json::Value::Null),
        Response::Swapped => Response::Mismatch(serde_json::Value::Null),
        Response::Mismatch(_) => Response::Swapped,
        Response::Found(found) => Response::Found(!found),
        Response::Sum(sum) => Response::Sum(sum.wrapping_add(1)),
        response @ (Response::Done | Response::WrongType(_)) => response,
    };
    match reply {
        Reply::Applied(response) => Reply::Applied(other(response)),
        Reply::Answer(response) => Reply::Answer(other(response)),
        reply => reply,
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
