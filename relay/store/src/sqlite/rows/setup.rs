//! Projects, keys, configurations, secrets, the stop list and the sign-in of devices.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use tidings_core::model::StopSwitch;
use tidings_core::ports::{
    ConfigurationRow, ConnectCode, DeviceToken, HookRow, KeyRow, ProjectRow, SecretRow, StopEntry, StoreError,
};
use tidings_protocol::RuleId;

use super::person::person_key;
use crate::sqlite::cells::{Cells, damaged, to_json};

#[derive(Serialize, Deserialize)]
struct PackedStop {
    project: bool,
    rules: BTreeSet<RuleId>,
}

pub(in crate::sqlite) fn stop_json(stop: &StopSwitch) -> String {
    to_json(&PackedStop { project: stop.project, rules: stop.rules.clone() })
}

pub(in crate::sqlite) fn stop_switch(cells: &mut Cells<'_>) -> Result<StopSwitch, StoreError> {
    let packed: PackedStop = cells.json()?;
    Ok(StopSwitch { project: packed.project, rules: packed.rules })
}

/// `id, name, configuration, stop, created_at`.
pub(in crate::sqlite) fn project(row: &SqliteRow) -> Result<ProjectRow, StoreError> {
    let mut cells = Cells::of(row);
    Ok(ProjectRow {
        id: cells.word()?,
        name: cells.text()?,
        configuration: cells.number()?,
        stop: stop_switch(&mut cells)?,
        created_at: cells.time()?,
    })
}

/// `id, project, hash, sandbox, scopes, label, created_at, revoked_at`.
pub(in crate::sqlite) fn key(row: &SqliteRow) -> Result<KeyRow, StoreError> {
    let mut cells = Cells::of(row);
    Ok(KeyRow {
        id: cells.text()?,
        project: cells.word()?,
        hash: cells.hash()?,
        sandbox: cells.cell()?,
        scopes: cells.json()?,
        label: cells.text()?,
        created_at: cells.time()?,
        revoked_at: cells.time_maybe()?,
    })
}

/// `project, version, bundle, digest, applied_at, applied_by`.
pub(in crate::sqlite) fn configuration(row: &SqliteRow) -> Result<ConfigurationRow, StoreError> {
    let mut cells = Cells::of(row);
    Ok(ConfigurationRow {
        project: cells.word()?,
        version: cells.number()?,
        bundle: cells.text()?,
        digest: cells.text()?,
        applied_at: cells.time()?,
        applied_by: cells.text()?,
    })
}

/// `project, name, sealed, set_at`.
pub(in crate::sqlite) fn secret(row: &SqliteRow) -> Result<SecretRow, StoreError> {
    let mut cells = Cells::of(row);
    Ok(SecretRow {
        project: cells.word()?,
        name: cells.text()?,
        sealed: cells.cell()?,
        set_at: cells.time()?,
    })
}

/// `project, name, told, failed, next_at, code, gone`.
pub(in crate::sqlite) fn hook(row: &SqliteRow) -> Result<HookRow, StoreError> {
    let mut cells = Cells::of(row);
    Ok(HookRow {
        project: cells.word()?,
        name: cells.text()?,
        told: cells.number()?,
        failed: cells.number()?,
        next_at: cells.time_maybe()?,
        code: cells.text_maybe()?,
        gone: cells.number_maybe()?,
    })
}

/// `id, project, channel, address, reason, at`.
pub(in crate::sqlite) fn stop_entry(row: &SqliteRow) -> Result<StopEntry, StoreError> {
    let mut cells = Cells::of(row);
    Ok(StopEntry {
        id: cells.text()?,
        project: cells.word()?,
        channel: cells.word()?,
        address: cells.text()?,
        reason: cells.text()?,
        at: cells.time()?,
    })
}

/// `hash, project, recipient, expires_at`.
pub(in crate::sqlite) fn connect_code(row: &SqliteRow) -> Result<ConnectCode, StoreError> {
    let mut cells = Cells::of(row);
    Ok(ConnectCode { hash: cells.hash()?, person: person_key(&mut cells)?, expires_at: cells.time()? })
}

/// `project, recipient, device, family, current, previous, previous_at, last_answer, used_at`.
pub(in crate::sqlite) fn device_token(row: &SqliteRow) -> Result<DeviceToken, StoreError> {
    let mut cells = Cells::of(row);
    let (person, device) = (person_key(&mut cells)?, cells.word()?);
    let (family, current) = (hash_maybe(&mut cells)?, cells.hash()?);
    let previous = hash_maybe(&mut cells)?.zip(cells.time_maybe()?);
    let (last_answer, used_at) = (cells.cell()?, cells.time()?);
    Ok(DeviceToken { person, device, family, current, previous, last_answer, used_at })
}

fn hash_maybe(cells: &mut Cells<'_>) -> Result<Option<[u8; 32]>, StoreError> {
    let hash: Option<Vec<u8>> = cells.cell()?;
    let hash = hash.map(|hash| hash.try_into().map_err(|_| damaged("a hash has 32 bytes".to_owned())));
    hash.transpose()
}
