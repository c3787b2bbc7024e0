//! Who has an address.

use tidings_protocol::{Channel, ProjectId};

use super::Node;
use crate::model::PersonKey;
use crate::ports::{Need, StoreError};

/// The recipients of a project who have an address, at this moment. For answers; an act asks again.
///
/// # Errors
/// [`StoreError`] if the store cannot be asked.
pub async fn owners_of(
    node: &Node,
    project: &ProjectId,
    channel: Channel,
    address: &str,
) -> Result<Vec<PersonKey>, StoreError> {
    // A transaction that is dropped has done nothing.
    let mut transaction = node.store.begin().await?;
    let need = Need::AddressOwners(project.clone(), channel, address.into());
    let found = transaction.read(std::slice::from_ref(&need)).await?;
    Ok(found.owners.into_iter().map(|(_, _, person)| person).collect())
}
