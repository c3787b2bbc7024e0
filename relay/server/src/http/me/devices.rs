//! A person's devices.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use tidings_core::model::Device;
use tidings_protocol::DeviceId;
use tidings_protocol::frame::Bye;
use tidings_protocol::http::DeviceResponse;

use crate::access::DeviceCaller;
use crate::app::App;
use crate::http::answer::Answered;
use crate::http::problem::Problem;
use crate::http::query::{Newest, Query};
use crate::http::route::At;

async fn devices(app: &App, caller: &DeviceCaller) -> Result<Vec<Arc<Device>>, Box<Problem>> {
    let person = app.ports.consents.person(&caller.verified.person).await?;
    Ok(person.devices.into_values().filter(|device| device.revoked_at.is_none()).collect())
}

fn response(device: &Device, caller: &DeviceCaller) -> DeviceResponse {
    DeviceResponse {
        id: device.id.clone(),
        platform: device.platform.to_string(),
        created_at: device.created_at,
        seen_at: device.seen_at,
        this: caller.verified.device.as_ref() == Some(&device.id),
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<DeviceCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let devices = devices(&app, &caller).await?;
    let items = devices.iter().map(|device| response(device, &caller)).collect();
    let page = query.page(items, |device| Newest::of(device.created_at, device.id.as_str()))?;
    Ok(Answered::ok(&page).response())
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<DeviceCaller>,
    At(id): At<DeviceId>,
) -> Result<Response, Box<Problem>> {
    let devices = devices(&app, &caller).await?;
    let device = devices.iter().find(|device| device.id == id);
    let device = device.ok_or_else(|| Problem::not_found("device", id.as_str()))?;
    Ok(Answered::ok(&response(device, &caller)).response())
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<DeviceCaller>,
    At(id): At<DeviceId>,
) -> Result<Response, Box<Problem>> {
    let person = &caller.verified.person;
    if !app.ports.sign_in.revoke_device(person, &id, app.now()).await? {
        return Err(Problem::not_found("device", id.as_str()));
    }
    app.listeners.hub.close(person, Some(&id), Bye::Revoked);
    Ok(Answered::nothing().response())
}
