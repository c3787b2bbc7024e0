//! Reads recipients whole, many at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tidings_core::model::{Erased, Person, PersonKey};
use tidings_core::ports::StoreError;
use tidings_protocol::{ProjectId, RecipientId};

use super::cells::Cells;
use super::rows::person::{key_cells, person_key};
use super::rows::{consent, person};
use super::statements::find as sql;
use super::turn::{Question, ask_all};
use crate::erasure::ErasureKey;

/// The statements of a recipient.
const STATEMENTS: [&str; 7] = [
    sql::RECIPIENTS,
    sql::INBOXES,
    sql::CONSENT_STATES,
    sql::CONSENT_HEADS,
    sql::TOPICS,
    sql::ENDPOINTS,
    sql::DEVICES,
];

/// Recipients that are asked for, each once.
pub(super) struct AskedPeople {
    people: BTreeMap<PersonKey, Person>,
    /// What they were called if they were erased.
    names: BTreeMap<(ProjectId, RecipientId), PersonKey>,
}

impl AskedPeople {
    pub(super) fn new(asked: &[PersonKey], erasure: &ErasureKey) -> Self {
        let name = |key: &PersonKey| ((key.project.clone(), erasure.name(key)), key.clone());
        Self {
            people: asked.iter().map(|key| (key.clone(), Person::unknown(key.clone()))).collect(),
            names: asked.iter().map(name).collect(),
        }
    }

    /// What has to be asked.
    pub(super) fn questions(&self) -> Vec<Question> {
        let keys: Vec<Value> = self.people.keys().map(key_cells).collect();
        let names = self.names.keys().map(|(project, name)| json!([project, name])).collect();
        let of_keys = STATEMENTS.into_iter().map(|sql| (sql, keys.clone()));
        of_keys.chain([(sql::ERASED, names)]).collect()
    }

    /// Every recipient by key, unknown ones too, from the answers in the order of the questions.
    pub(super) fn people(mut self, answers: &[Vec<SqliteRow>]) -> Result<Vec<Person>, StoreError> {
        let [recipients, inboxes, states, heads, topics, endpoints, devices, erased] = answers else {
            unreachable!("each question has its answer")
        };
        for row in recipients {
            let (key, row) = person::recipient(row)?;
            self.of(&key).recipient = Some(row);
        }
        for row in inboxes {
            let (key, row) = person::inbox(row)?;
            self.of(&key).inbox = Some(row);
        }
        self.consents(states, heads)?;
        for row in topics {
            let mut cells = Cells::of(row);
            let key = person_key(&mut cells)?;
            self.of(&key).topics.insert(cells.word()?);
        }
        for row in endpoints {
            let (key, row) = person::endpoint(row)?;
            self.of(&key).endpoints.push(row);
        }
        for row in devices {
            let (key, row) = person::device(row)?;
            self.of(&key).devices.insert(row.id.clone(), Arc::new(row));
        }
        for row in erased {
            let mut cells = Cells::of(row);
            let key = self.names[&(cells.word()?, cells.word()?)].clone();
            self.of(&key).erased = Some(Erased { at: cells.time()?, epoch: cells.number()? });
        }
        let mut people: Vec<Person> = self.people.into_values().collect();
        for person in &mut people {
            let endpoints = &mut person.endpoints;
            endpoints.sort_by(|a, b| (a.channel.as_str(), &a.address).cmp(&(b.channel.as_str(), &b.address)));
        }
        Ok(people)
    }

    fn consents(&mut self, states: &[SqliteRow], heads: &[SqliteRow]) -> Result<(), StoreError> {
        for row in states {
            let (key, category, channel, row) = consent::state(row)?;
            self.of(&key).consents.states.insert((category, channel), row);
        }
        for row in heads {
            let (project, chain, head) = consent::head(row)?;
            let key = PersonKey { project, recipient: super::cells::parsed(&chain)? };
            self.of(&key).consents.head = head;
        }
        Ok(())
    }

    fn of(&mut self, key: &PersonKey) -> &mut Person {
        self.people.get_mut(key).expect("only those who were asked for are answered")
    }
}

/// One recipient, between two statements where they are named.
pub(super) async fn person(
    connection: &mut SqliteConnection,
    before: Option<&'static str>,
    key: &PersonKey,
    erasure: &ErasureKey,
    after: Option<&'static str>,
) -> Result<Person, StoreError> {
    let asked = AskedPeople::new(std::slice::from_ref(key), erasure);
    let answers = ask_all(connection, before, asked.questions(), after).await?;
    let mut people = asked.people(&answers)?;
    Ok(people.pop().expect("one was asked for, one is answered"))
}
