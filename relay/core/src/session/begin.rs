//! How a session begins, and how its token is renewed: verify, register, greet, welcome.

use tidings_protocol::frame::{Bye, Hello, RelayFrame};
use tidings_protocol::{DeviceId, Timestamp};

use super::{Phase, Place, Session, SessionCommand, TokenError, VerifiedDevice};
use crate::act::{Act, Answer, DeviceGreeting, Refusal};
use crate::model::cursor;

impl<F> Session<F> {
    pub(super) fn begin(&mut self, mut hello: Box<Hello>, now: Timestamp) {
        match hello.token.take() {
            Some(token) => {
                self.commands.push_back(SessionCommand::Verify { token });
                self.phase = Phase::Verifying(hello);
            }
            None => self.greet(*hello, now),
        }
    }

    pub(super) fn greet(&mut self, hello: Hello, now: Timestamp) {
        let Some(credential) = &self.credential else { return self.close_from_any(Bye::Unauthorized) };
        if credential.expires_at <= now {
            return self.close_from_any(Bye::TokenExpired);
        }
        if credential.device.as_ref().is_some_and(|device| *device != hello.device) {
            return self.close_from_any(Bye::Unauthorized);
        }
        let person = credential.person.clone();
        let mut understands: Vec<Box<str>> = hello.understands.into_iter().map(Into::into).collect();
        understands.sort();
        understands.dedup();
        let greet = Act::Greet {
            recipient: person.recipient.clone(),
            device: Box::new(DeviceGreeting {
                id: hello.device.clone(),
                platform: hello.platform.into(),
                nonce: hello.nonce.into(),
                understands,
                cursor: hello.cursor,
            }),
            token_issued_at: credential.issued_at,
        };
        self.phase = Phase::Greeting { device: hello.device.clone() };
        self.commands.push_back(SessionCommand::Register { person, device: hello.device });
        self.commands.push_back(SessionCommand::Commit(Box::new(greet)));
    }

    pub(super) fn greeted(&mut self, device: DeviceId, answer: &Result<Answer, Refusal>, now: Timestamp) {
        let &Ok(Answer::Greeted { epoch, head, place }) = answer else {
            // What is about the device closed the session before; the rest is the store's, and passes.
            return self.close_from_any(Bye::Restart);
        };
        self.phase = Phase::Open { device };
        self.place = Place::begin(epoch, place);
        self.asked.forget_places(place.unwrap_or(0));
        self.commands.push_back(SessionCommand::Replace);
        let welcome = RelayFrame::Welcome {
            session: std::mem::take(&mut self.settings.id).into(),
            server_time: now,
            head: cursor(epoch, head),
            reset: place.is_none(),
            ping_seconds: self.settings.ping_seconds,
            features: Vec::new(),
        };
        self.send(welcome, now);
    }

    pub(super) fn renew(&mut self, token: String) {
        if self.renewing || matches!(self.phase, Phase::Verifying(_)) {
            self.next_token = Some(token);
        } else {
            self.renewing = true;
            self.commands.push_back(SessionCommand::Verify { token });
        }
    }

    pub(super) fn renewed(&mut self, verified: Result<VerifiedDevice, TokenError>) {
        self.renewing = false;
        let device = match &self.phase {
            Phase::Greeting { device } | Phase::Open { device } => Some(device),
            Phase::AwaitsHello { .. } | Phase::Verifying(_) | Phase::Closed => None,
        };
        match verified {
            // The token that the session has may still be good for a while.
            Err(TokenError::Unavailable) => {}
            Err(error) => self.close(error.bye()),
            Ok(new) => {
                let known = self.credential.as_ref();
                let same = known.is_some_and(|known| known.person == new.person)
                    && (new.device.is_none() || new.device.as_ref() == device);
                if same {
                    self.credential = Some(new);
                } else {
                    self.close(Bye::Unauthorized);
                }
            }
        }
    }
}
