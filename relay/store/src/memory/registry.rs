//! What an operator sets up.

use async_trait::async_trait;
use tidings_core::delivery::compared;
use tidings_core::model::StoredAnswer;
use tidings_core::ports::{ConfigurationRow, KeyRow, ProjectRow, Registry, SecretRow, StopEntry, StoreError};
use tidings_protocol::{Channel, ProjectId};

use super::apply::refuse;
use super::{MemoryStore, PortCall};
use crate::tables::Tables;

#[async_trait]
impl Registry for MemoryStore {
    async fn projects(&self) -> Result<Vec<ProjectRow>, StoreError> {
        self.at(PortCall::Registry).await?;
        let mut rows: Vec<_> = self.shared.lock().projects.iter().map(|(_, row)| row.clone()).collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    async fn put_project(&self, project: &ProjectRow) -> Result<(), StoreError> {
        self.change(PortCall::Registry, |tables| {
            tables.free_name(&project.id, &project.name)?;
            let mut row = project.clone();
            if let Some(before) = tables.projects.get(&project.id) {
                (row.configuration, row.created_at) = (before.configuration, before.created_at);
            }
            tables.projects.set(row.id.clone(), row);
            Ok(())
        })
        .await
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.at(PortCall::Registry).await?;
        let tables = self.shared.lock();
        let rows = tables.keys.iter().map(|(_, row)| row);
        Ok(rows.filter(|row| row.revoked_at.is_none()).cloned().collect())
    }

    async fn put_key(&self, key: &KeyRow, answer: Option<&StoredAnswer>) -> Result<(), StoreError> {
        self.change(PortCall::Registry, |tables| {
            tables.keep_answer(answer);
            tables.keys.set(key.id.clone(), key.clone());
            Ok(())
        })
        .await
    }

    async fn configuration(
        &self,
        project: &ProjectId,
        version: u64,
    ) -> Result<Option<ConfigurationRow>, StoreError> {
        self.at(PortCall::Registry).await?;
        Ok(self.shared.lock().configurations.get(&(project.clone(), version)).cloned())
    }

    async fn configurations(
        &self,
        project: &ProjectId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ConfigurationRow>, StoreError> {
        self.at(PortCall::Registry).await?;
        let tables = self.shared.lock();
        let rows = tables.configurations.range((project.clone(), 0)..=(project.clone(), u64::MAX)).rev();
        let rows = rows.map(|(_, row)| row).filter(|row| before.is_none_or(|before| row.version < before));
        Ok(rows.take(limit).map(|row| ConfigurationRow { bundle: "".into(), ..row.clone() }).collect())
    }

    async fn apply(
        &self,
        row: &ConfigurationRow,
        name: &str,
        answer: Option<&StoredAnswer>,
    ) -> Result<(), StoreError> {
        self.change(PortCall::Registry, |tables| {
            tables.free_name(&row.project, name)?;
            let project = tables.projects.get(&row.project).cloned();
            let mut project =
                project.ok_or_else(|| refuse(format!("project {} does not exist", row.project)))?;
            if project.configuration + 1 != row.version {
                return Err(refuse(format!("version {} is live", project.configuration)));
            }
            project.configuration = row.version;
            project.name = name.into();
            tables.projects.set(row.project.clone(), project);
            tables.configurations.set((row.project.clone(), row.version), row.clone());
            tables.keep_answer(answer);
            Ok(())
        })
        .await
    }

    async fn secret(&self, project: &ProjectId, name: &str) -> Result<Option<SecretRow>, StoreError> {
        self.at(PortCall::Registry).await?;
        Ok(self.shared.lock().secrets.get(&(project.clone(), name.into())).cloned())
    }

    async fn put_secret(&self, secret: &SecretRow) -> Result<(), StoreError> {
        self.change(PortCall::Registry, |tables| {
            tables.secrets.set((secret.project.clone(), secret.name.clone()), secret.clone());
            Ok(())
        })
        .await
    }

    async fn stop_list(
        &self,
        project: &ProjectId,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StopEntry>, StoreError> {
        self.at(PortCall::Registry).await?;
        let tables = self.shared.lock();
        let rows = tables.stop_list.iter().rev().filter(|((of, _), _)| of == project).map(|(_, row)| row);
        let rows = rows.filter(|row| before.is_none_or(|before| &*row.id < before));
        Ok(rows.take(limit).cloned().collect())
    }

    async fn put_stop_entry(
        &self,
        entry: &StopEntry,
        add: bool,
        answer: Option<&StoredAnswer>,
    ) -> Result<Option<StopEntry>, StoreError> {
        self.change(PortCall::Registry, |tables| {
            let there = tables.put_stop_entry(entry, add);
            tables.keep_answer(answer.filter(|_| there.is_none()));
            Ok(there)
        })
        .await
    }
}

impl Tables {
    /// Keeps what a call answers that may come again.
    pub(super) fn keep_answer(&mut self, answer: Option<&StoredAnswer>) {
        if let Some(row) = answer {
            self.answers.set((row.project.clone(), row.route.clone(), row.key.clone()), row.clone());
        }
    }

    fn free_name(&self, project: &ProjectId, name: &str) -> Result<(), StoreError> {
        let taken = self.projects.iter().any(|(id, row)| id != project && &*row.name == name);
        if taken { Err(refuse(format!("another project is called {name}"))) } else { Ok(()) }
    }

    fn put_stop_entry(&mut self, entry: &StopEntry, add: bool) -> Option<StopEntry> {
        let mut of_project =
            self.stop_list.iter().map(|(_, row)| row).filter(|row| row.project == entry.project);
        let there = if add {
            of_project.find(|row| is_same(row, entry.channel, &entry.address)).cloned()
        } else {
            of_project.find(|row| row.id == entry.id).cloned()
        };
        match (&there, add) {
            (None, true) => {
                self.stop_list.set((entry.project.clone(), entry.id.clone()), entry.clone());
                self.raise_versions(&entry.project, entry.channel, &entry.address);
            }
            (Some(row), false) => {
                self.stop_list.remove(&(row.project.clone(), row.id.clone()));
                self.raise_versions(&row.project, row.channel, &row.address);
            }
            (Some(_), true) | (None, false) => {}
        }
        there
    }

    fn raise_versions(&mut self, project: &ProjectId, channel: Channel, address: &str) {
        let wanted = compared(channel, address);
        let owners = self.endpoints.iter().filter(|((person, _), row)| {
            person.project == *project && row.channel == channel && compared(channel, &row.address) == wanted
        });
        let owners: Vec<_> = owners.map(|((person, _), _)| person.clone()).collect();
        for person in owners {
            if let Some(mut inbox) = self.inboxes.get(&person).cloned() {
                inbox.version += 1;
                self.inboxes.set(person, inbox);
            }
        }
    }
}

/// Whether an entry of the stop list names an address.
pub(super) fn is_same(entry: &StopEntry, channel: Channel, address: &str) -> bool {
    entry.channel == channel && compared(channel, &entry.address) == compared(channel, address)
}
