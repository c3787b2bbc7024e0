//! Reads recipients whole, many at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::SqliteConnection;
use tidings_core::model::{Erased, Person, PersonKey};
use tidings_core::ports::StoreError;
use tidings_protocol::{ProjectId, RecipientId};

use super::ask;
use super::cells::Cells;
use super::rows::person::{key_cells, person_key};
use super::rows::{consent, person};
use super::statements::find as sql;
use crate::erasure::ErasureKey;

/// Every recipient that is asked for, once, by key; unknown ones too.
pub(super) async fn people(
    connection: &mut SqliteConnection,
    asked: &[PersonKey],
    erasure: &ErasureKey,
) -> Result<Vec<Person>, StoreError> {
    let mut people: BTreeMap<PersonKey, Person> =
        asked.iter().map(|key| (key.clone(), Person::unknown(key.clone()))).collect();
    let keys: Vec<Value> = people.keys().map(key_cells).collect();
    for row in ask(connection, sql::RECIPIENTS, keys.clone()).await? {
        let (key, row) = person::recipient(&row)?;
        of(&mut people, &key).recipient = Some(row);
    }
    for row in ask(connection, sql::INBOXES, keys.clone()).await? {
        let (key, row) = person::inbox(&row)?;
        of(&mut people, &key).inbox = Some(row);
    }
    for row in ask(connection, sql::CONSENT_STATES, keys.clone()).await? {
        let (key, category, channel, row) = consent::state(&row)?;
        of(&mut people, &key).consents.states.insert((category, channel), row);
    }
    for row in ask(connection, sql::CONSENT_HEADS, keys.clone()).await? {
        let (project, chain, head) = consent::head(&row)?;
        let key = PersonKey { project, recipient: super::cells::parsed(&chain)? };
        of(&mut people, &key).consents.head = head;
    }
    for row in ask(connection, sql::TOPICS, keys.clone()).await? {
        let mut cells = Cells::of(&row);
        let key = person_key(&mut cells)?;
        of(&mut people, &key).topics.insert(cells.word()?);
    }
    for row in ask(connection, sql::ENDPOINTS, keys.clone()).await? {
        let (key, row) = person::endpoint(&row)?;
        of(&mut people, &key).endpoints.push(row);
    }
    for row in ask(connection, sql::DEVICES, keys).await? {
        let (key, row) = person::device(&row)?;
        of(&mut people, &key).devices.insert(row.id.clone(), row);
    }
    erasures(connection, &mut people, erasure).await?;
    let mut people: Vec<Person> = people.into_values().collect();
    for person in &mut people {
        person
            .endpoints
            .sort_by(|a, b| (a.channel.as_str(), &a.address).cmp(&(b.channel.as_str(), &b.address)));
    }
    Ok(people)
}

async fn erasures(
    connection: &mut SqliteConnection,
    people: &mut BTreeMap<PersonKey, Person>,
    erasure: &ErasureKey,
) -> Result<(), StoreError> {
    let names: BTreeMap<(ProjectId, RecipientId), PersonKey> =
        people.keys().map(|key| ((key.project.clone(), erasure.name(key)), key.clone())).collect();
    let keys = names.keys().map(|(project, name)| json!([project, name])).collect();
    for row in ask(connection, sql::ERASED, keys).await? {
        let mut cells = Cells::of(&row);
        let name = (cells.word()?, cells.word()?);
        let erased = Erased { at: cells.time()?, epoch: cells.number()? };
        of(people, &names[&name]).erased = Some(erased);
    }
    Ok(())
}

fn of<'p>(people: &'p mut BTreeMap<PersonKey, Person>, key: &PersonKey) -> &'p mut Person {
    people.get_mut(key).expect("only those who were asked for are answered")
}
