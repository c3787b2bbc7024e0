//! Topics: who belongs to them.

use tidings_protocol::TopicId;

use super::greet;
use crate::act::{Answer, Refusal};
use crate::model::PersonKey;
use crate::work::Work;

/// Puts a recipient into a topic or takes them out; nobody is made to be taken out.
///
/// # Errors
/// [`Refusal::UnknownRecipient`] if the project wants its recipients made beforehand.
pub(super) fn put(
    person: &PersonKey,
    topic: &TopicId,
    member: bool,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    if member {
        greet::ensure_known(person, work)?;
    }
    if work.person(person).is_known() {
        work.set_membership(person, topic, member);
    }
    Ok(Answer::Done)
}
