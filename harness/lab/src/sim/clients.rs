//! The processes of a simulated run: what they call is written down, asked, and answered.

use std::time::Duration;

use testimony_consensus::machine::store::Store;
use testimony_consensus::replica::Replica;
use testimony_engine::{Happening, Nanos, NodeName, ProcessId, Signal};
use testimony_history::{Call, Ending, Reply as Told};

use super::client::{Client, Heard, Move};
use super::world::{Asker, Event, World};

/// How far the clocks of clients are apart at most: what is left where machines ask a time server.
const CLIENT_AHEAD_MAX: u64 = 50_000_000;

impl<R: Replica<Machine = Store>> World<R> {
    /// A process calls.
    pub(super) fn invoke(&mut self, process: ProcessId, node: &NodeName, call: Call) {
        let place = self.place(node);
        self.called_at.insert(process, self.now);
        let name = Some(node.as_str());
        self.recording.recorder.invoke(process.0, &call, name);
        self.recording.tell(self.now, || Happening::Called {
            process: process.to_string(),
            node: node.to_string(),
            call: words(&call),
        });
        let client = self.clients.entry(process).or_insert_with(|| {
            let ahead = self.client_clocks.below(CLIENT_AHEAD_MAX);
            Client::new(process, Duration::from_nanos(ahead))
        });
        let next = client.begin(&self.rules, self.now, place, call);
        self.proceed(process, next);
    }

    /// Something came of a request; if nobody waits for it any more, nothing follows.
    pub(super) fn heard(&mut self, ticket: u64, heard: Heard) {
        let Some(asker) = self
            .askers
            .get_mut(usize::try_from(ticket).unwrap_or(usize::MAX))
        else {
            return;
        };
        match std::mem::replace(asker, Asker::Nobody) {
            Asker::Process(process) => self.client_heard(process, heard),
            Asker::Injection(injection) => self.admin_heard(injection, heard),
            Asker::Nobody => {}
        }
    }

    fn client_heard(&mut self, process: ProcessId, heard: Heard) {
        if let Some(client) = self.clients.get_mut(&process) {
            let next = client.heard(&self.rules, self.now, heard);
            self.proceed(process, next);
        }
    }

    /// A client has waited long enough before it asks another node.
    pub(super) fn waited(&mut self, process: ProcessId) {
        if let Some(client) = self.clients.get_mut(&process) {
            let next = client.waited(&self.rules, self.now);
            self.proceed(process, next);
        }
    }

    fn proceed(&mut self, process: ProcessId, next: Move) {
        match next {
            Move::Ask {
                node,
                request,
                patience,
            } => {
                let ticket = self.ticket(Asker::Process(process));
                let (sent, at) = (self.now, self.now + self.network.latency());
                self.agenda.put(
                    at,
                    Event::Requested {
                        node,
                        ticket,
                        sent,
                        request,
                    },
                );
                let heard = Heard::Silence;
                self.agenda
                    .put(self.now + patience, Event::Heard { ticket, heard });
            }
            Move::Wait(span) => self.agenda.put(self.now + span, Event::Waited { process }),
            Move::End { call, told } => self.ended(process, call, &told),
        }
    }

    fn ended(&mut self, process: ProcessId, call: Call, told: &Told) {
        self.recording.now(self.now);
        let called = self.called_at.remove(&process);
        if let (Some(called), Ending::Ok(_)) = (called, &told.ending) {
            self.latencies.push(Nanos(self.now.0 - called.0));
        }
        self.recording.recorder.complete(process.0, &call, told);
        self.recording.tell(self.now, || Happening::Ended {
            process: process.to_string(),
            call: words(&call),
            ending: ending(&told.ending),
        });
        self.signals.push_back(Signal::Replied {
            process,
            call,
            ending: told.ending.clone(),
        });
    }

    /// A request is a message too, for those who draw.
    pub(super) fn tell_of_request(
        &mut self,
        place: usize,
        ticket: u64,
        sent: Nanos,
        arrived: bool,
    ) {
        let asker = self
            .askers
            .get(usize::try_from(ticket).unwrap_or(usize::MAX));
        let Some(Asker::Process(process)) = asker.copied() else {
            return;
        };
        let name = self.names[place].as_str();
        self.recording.tell(self.now, || Happening::Message {
            from: process.to_string(),
            to: name.to_owned(),
            kind: "request".to_owned(),
            sent,
            arrived,
        });
    }
}

/// A call in a few words.
fn words(call: &Call) -> String {
    let parts = [
        Some(call.f.to_string()),
        call.key.as_ref().map(ToString::to_string),
    ];
    let value = call.value.as_ref().map(ToString::to_string);
    let parts = parts.into_iter().chain([value]).flatten();
    parts.collect::<Vec<_>>().join(" ")
}

fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Ok(answer) => {
            let swapped = answer.swapped.map(|swapped| match swapped {
                true => "swapped".to_owned(),
                false => "no match".to_owned(),
            });
            let value = answer.value.as_ref().or(answer.result.as_ref());
            let said = swapped.or(value.map(ToString::to_string));
            said.map_or_else(|| "ok".to_owned(), |said| format!("ok {said}"))
        }
        Ending::Fail(why) => format!("fail: {why}"),
        Ending::Info(why) => format!("info: {why}"),
    }
}
