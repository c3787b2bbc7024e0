//! The sessions of a node: what their machines command is done here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tidings_core::act::Unit;
use tidings_core::ports::InboxReader;
use tidings_core::session::{SessionCommand, TokenError, VerifiedDevice};
use tidings_core::view::{self, Position};
use tidings_protocol::frame::Bye;
use tidings_protocol::{Cursor, Timestamp};

use super::{Done, Reply};
use crate::executor::Owner;
use crate::run::{Event, Simulation};

impl Simulation {
    /// Does what the session's machine commands.
    pub(crate) fn obey(&mut self, wire: u64) {
        while let Some(command) = self.wires.get_mut(&wire).and_then(|open| open.session.poll_command()) {
            let (node, device) = (self.wires[&wire].node, self.wires[&wire].device);
            match command {
                SessionCommand::Verify { token } => {
                    let delay = self.world.inside().chance.between(0, 50);
                    self.after(delay, Event::Verified { wire, token });
                }
                SessionCommand::Register { person, .. } => {
                    self.wires.get_mut(&wire).expect("it commanded").registered = Some(person.clone());
                    self.nodes[node].registered.entry(person).or_default().insert(wire);
                }
                SessionCommand::Commit(act) => {
                    let project = self.project.clone();
                    self.submit(
                        node,
                        Unit { project, sandbox: false, repeat: None, act: *act },
                        Reply::Session(wire),
                    );
                }
                SessionCommand::Replace => self.replace_older(node, device, wire),
                SessionCommand::ReadPage { after, limit, position } => {
                    self.read_page(wire, after, limit, position);
                }
                SessionCommand::Send(frame) => self.send_down(wire, Arc::new(*frame)),
                SessionCommand::SendLive(frame) => self.send_down(wire, frame),
                SessionCommand::Close(_) => self.close_down(wire),
            }
        }
        self.plan_session_timeout(wire);
    }

    fn replace_older(&mut self, node: usize, device: usize, wire: u64) {
        let older: Vec<u64> = self
            .wires
            .iter()
            .filter(|(id, other)| **id < wire && other.node == node && other.device == device)
            .map(|(id, _)| *id)
            .collect();
        for id in older {
            self.close_session(id, Bye::Replaced);
        }
    }

    fn read_page(&mut self, wire: u64, after: Option<Cursor>, limit: usize, position: Position) {
        let open = &self.wires[&wire];
        let (node, Some(person)) = (open.node, open.registered.clone()) else { return };
        let (reader, operator, world) =
            (self.nodes[node].reader.clone(), self.operator.clone(), self.world.clone());
        let owner = Owner { node, life: self.nodes[node].life };
        // Small pages, so that a catch-up has several.
        let limit = limit.min(world.inside().chance.below(12) + 1);
        self.executor.spawn(owner, async move {
            let page = reader.page(&person, after.as_ref(), limit).await;
            if world.fault("stale page", 80) {
                // What was read is old when it is answered.
                for _ in 0..4 {
                    world.switch().await;
                }
            }
            let frames = page.ok().map(|page| view::frames(&page, &operator.live(), position));
            Done::Page { wire, frames }
        });
    }

    pub(crate) fn verified(&mut self, wire: u64, token: &str) {
        let Some(node) = self.wires.get(&wire).map(|open| open.node) else { return };
        let now = self.nodes[node].now();
        let verified = self.verify(token, now);
        let open = self.wires.get_mut(&wire).expect("it was found above");
        open.session.handle_token(verified, now);
        self.obey(wire);
    }

    /// A token of the simulation says whose it is, when it was issued and until when it is good.
    fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedDevice, TokenError> {
        if self.world.fault("token check fails", 10) {
            return Err(TokenError::Unavailable);
        }
        let mut parts = token.split('|');
        let person: usize = parts.next().and_then(|text| text.parse().ok()).ok_or(TokenError::Invalid)?;
        let mut millis = || parts.next().and_then(|text| text.parse().ok()).map(Timestamp::from_millis);
        let (issued_at, expires_at) =
            (millis().ok_or(TokenError::Invalid)?, millis().ok_or(TokenError::Invalid)?);
        if expires_at <= now {
            return Err(TokenError::Expired);
        }
        Ok(VerifiedDevice { person: self.people[person].clone(), device: None, issued_at, expires_at })
    }

    fn plan_session_timeout(&mut self, wire: u64) {
        let Some(open) = self.wires.get_mut(&wire) else { return };
        let Some(at) = open.session.poll_timeout() else { return };
        let error = self.nodes[open.node].clock.error_ms.load(Ordering::Relaxed);
        let at = (at.as_millis() - error).max(self.world.now());
        if open.timeout_at.is_none_or(|planned| at < planned) {
            open.timeout_at = Some(at);
            self.at(at, Event::SessionTimeout { wire, at });
        }
    }

    pub(crate) fn session_timeout(&mut self, wire: u64, at: i64) {
        let Some(open) = self.wires.get_mut(&wire).filter(|open| open.timeout_at == Some(at)) else { return };
        open.timeout_at = None;
        let now = self.nodes[open.node].now();
        open.session.handle_timeout(now);
        self.obey(wire);
    }
}
