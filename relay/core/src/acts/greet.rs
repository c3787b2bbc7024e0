//! A device says hello: the recipient and the device are made if they may be, and the device's place counts as held.

use std::collections::BTreeSet;

use tidings_protocol::Timestamp;

use super::receipts;
use crate::act::{Answer, DeviceGreeting, Refusal};
use crate::configuration::UnknownRecipient;
use crate::model::{Device, PersonKey, parse_cursor};
use crate::ports::Need;
use crate::work::Work;

/// A device's last sight is kept to the minute, so that saying hello seldom writes.
const SEEN_MILLIS: i64 = 60_000;

pub(super) fn needs(person: &PersonKey, device: &DeviceGreeting, work: &Work<'_>) -> Vec<Need> {
    let mut needs = vec![Need::Person(person.clone())];
    if let Some((epoch, seq)) = device.cursor.as_ref().and_then(parse_cursor) {
        needs.extend(receipts::held_needs(person, epoch, seq, work));
    }
    needs
}

/// # Errors
/// [`Refusal`] if the token is from before an erasure, the device was removed or belongs to another installation, or
/// the project wants its recipients made beforehand.
pub(super) fn greet(
    person: &PersonKey,
    greeting: DeviceGreeting,
    token_issued_at: Timestamp,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let known = work.person(person);
    if known.erased.as_ref().is_some_and(|erased| token_issued_at <= erased.at) {
        return Err(Refusal::AccountErased);
    }
    let before = known.devices.get(&greeting.id).cloned();
    if let Some(device) = &before {
        check_installation(device, &greeting)?;
    }
    ensure_known(person, work)?;

    let cursor = greeting.cursor.clone();
    let grew = before.as_ref().is_some_and(|device| understands_more(device, &greeting));
    let (id, device) = (greeting.id.clone(), greeted(before.as_deref(), greeting, work.now()));
    if before.as_deref() != Some(&device) {
        work.set_device(person, device);
    }
    let arrival = work.now();
    if let Some((epoch, seq)) = cursor.as_ref().and_then(parse_cursor) {
        receipts::held(work, person, &id, (epoch, seq), None, arrival);
    }
    let inbox = work.person(person).inbox.as_ref().expect("a known recipient has an inbox");
    let place = cursor.as_ref().filter(|_| !grew).and_then(|cursor| inbox.place(cursor));
    Ok(Answer::Greeted { epoch: inbox.epoch, head: inbox.seq, place })
}

/// Makes the recipient if the project takes whoever comes. Answers whether they were made.
pub(super) fn ensure_known(person: &PersonKey, work: &mut Work<'_>) -> Result<bool, Refusal> {
    if work.person(person).is_known() {
        return Ok(false);
    }
    match work.live(&person.project).configuration.project.unknown_recipient {
        UnknownRecipient::Create => Ok(work.ensure_recipient(person)),
        UnknownRecipient::Refuse => Err(Refusal::UnknownRecipient { recipient: person.recipient.clone() }),
    }
}

/// Clients without a nonce are taken at their word: the token named the recipient.
fn check_installation(device: &Device, greeting: &DeviceGreeting) -> Result<(), Refusal> {
    if device.revoked_at.is_some() {
        return Err(Refusal::DeviceRevoked);
    }
    let other = !device.nonce.is_empty() && !greeting.nonce.is_empty() && device.nonce != greeting.nonce;
    if other { Err(Refusal::DeviceConflict) } else { Ok(()) }
}

/// A device that learned a kind may have skipped items of it.
fn understands_more(device: &Device, greeting: &DeviceGreeting) -> bool {
    greeting.understands.iter().any(|kind| !device.understands.contains(kind))
}

/// The device's row after the greeting. What it does not say stays.
fn greeted(before: Option<&Device>, greeting: DeviceGreeting, now: Timestamp) -> Device {
    let seen_at = now.plus_millis(-now.as_millis().rem_euclid(SEEN_MILLIS));
    let DeviceGreeting { id, platform, nonce, understands, cursor: _ } = greeting;
    let mut device = before.cloned().unwrap_or(Device {
        id,
        platform: Box::default(),
        nonce: Box::default(),
        held: 0,
        understands: Vec::new(),
        created_at: now,
        seen_at,
        revoked_at: None,
    });
    if !platform.is_empty() {
        device.platform = platform;
    }
    if !nonce.is_empty() {
        device.nonce = nonce;
    }
    if !understands.is_empty() {
        device.understands = understands.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    }
    device.seen_at = device.seen_at.max(seen_at);
    device
}

#[cfg(test)]
mod tests;
